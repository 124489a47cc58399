"""The states of all streams in a vault, at one time and for one length of each log."""

import json
from collections.abc import Iterator, Mapping

from auditseal_schemas.errors import VerificationError
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict
from auditseal_search.errors import BrokenLedgerError
from auditseal_search.log_tail import LogHead, LogTail
from auditseal_search.range_pool import RangePool
from auditseal_search.stream_ledger import StreamLedger
from auditseal_search.stream_state import (
    Judgement,
    ServiceClock,
    SilentService,
    State,
    StreamState,
    state_of,
    state_to_json,
)
from auditseal_vault.errors import NotStoredError


class StreamReport:
    """Follows the logs of a trust file, and looks at their streams.

    Args:
        pool: Reads and verifies blocks.
        trust: The logs.
        ledger: Takes their rows. Each log is continued after the blocks that it holds.

    Attributes:
        schema_lines: The trust file's lines about schemas of a registry.
        counts: How many streams have each state as their most serious one; silent services for SILENT.
        silent: The expected services that are silent.
        heard: When each expected service recorded its latest event, in ms since the epoch.

    Raises:
        VerificationError: The vault has another history than that which the ledger holds.
        BrokenLedgerError: The ledger holds a log that the trust file doesn't name, or was filled by other schema lines.
        UnavailableError: The vault can't be read.
    """

    def __init__(self, pool: RangePool, trust: Trust, ledger: StreamLedger) -> None:
        kept = ledger.heads()
        if unknown := kept.keys() - {str(log.origin) for log in trust.logs}:
            raise BrokenLedgerError(
                f"events of {min(unknown)} are remembered, and the trust file doesn't name it: begin a new folder"
            )
        self.schema_lines = tuple(dict.fromkeys(line for log in trust.logs for line in log.schema_lines))
        ledger.begin(self.schema_lines)
        self._logs = [_tail(pool, log, kept.get(str(log.origin))) for log in trust.logs]
        self._from_first = not any(log.start for log in trust.logs)
        self._ledger = ledger
        self._began: int | None = None
        self.counts = dict.fromkeys(State, 0)
        self.silent: tuple[SilentService, ...] = ()
        self.heard: Mapping[str, int] = {}

    @property
    def heads(self) -> tuple[LogHead, ...]:
        """How much of each log was read."""
        return tuple(log.head for log in self._logs)

    def read(self, sizes: Mapping[str, int] | None = None) -> None:
        """Read the blocks that came since the last call, or up to some sizes.

        Raises:
            VerificationError: A block is wrong, or a log has fewer blocks.
            BrokenLedgerError: The rows can't be kept.
            UnavailableError: The vault can't be read.
        """
        for log in self._logs:
            origin = log.head.origin
            if sizes is not None and origin not in sizes:
                raise VerificationError(Verdict.MISSING_LOG, "log", f"the certificate doesn't name {origin}")
            for rows in log.rows(None if sizes is None else sizes[origin]):
                self._ledger.add(rows, log.head)
        self._began = min((began for log in self._logs if (began := log.began()) is not None), default=None)

    def states(self, rules: Judgement) -> Iterator[StreamState]:
        """Yield the state of each stream, in the order of their ids.

        After the last one `counts`, `silent` and `heard` are those of this look.
        """
        counts, clock = dict.fromkeys(State, 0), ServiceClock(rules)
        for facts in self._ledger.streams(from_first=self._from_first, settled=rules.settled):
            state = state_of(facts, rules)
            clock.note(state)
            counts[state.states[0]] += 1
            yield state
        self.silent = tuple(SilentService(*found) for found in clock.silent(self._began))
        counts[State.SILENT] = len(self.silent)
        self.counts, self.heard = counts, clock.heard


def _tail(pool: RangePool, log: PinnedLog, kept: LogHead | None) -> LogTail:
    """Return the blocks of a log after those that are kept, which the vault must still have."""
    if kept is None:
        return LogTail(pool, log, 0)
    problem = f"{kept.size} blocks of {kept.origin} were read before, and the vault"
    try:
        tail = LogTail(pool, log, kept.size)
    except NotStoredError as error:
        raise VerificationError(Verdict.TRUNCATED, "size", f"{problem} has fewer: {error}") from error
    if tail.head != kept:
        raise VerificationError(Verdict.BAD_ROOT, "log", f"{problem} has another history")
    return tail


def json_line(state: StreamState) -> str:
    """Return a stream's state as one line of JSON, which has one spelling."""
    return json.dumps(state_to_json(state), separators=(",", ":"))
