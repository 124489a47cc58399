"""One event as the parts of a page, read from its block and proven there and then."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self, TypeAlias

from auditseal_auditor.blocks.block_json import proven_to_json
from auditseal_auditor.blocks.prover import prove_offset
from auditseal_auditor.errors import RecordNotFoundError
from auditseal_explorer.auditor import Auditor
from auditseal_explorer.question import about
from auditseal_explorer.sources import Sources
from auditseal_explorer.text_diff import Side, diff, whole
from auditseal_schemas.event_proof import check_record_proof
from auditseal_schemas.origin import Origin
from auditseal_schemas.tlog_proof import TlogProof

MOST_CHARACTERS = 2_000
"""Characters of a value that a page shows; the JSON and the proof have all of them."""
MOST_ROWS = 200
"""Fields of a section that a page shows, and changes."""
_MOST_COMPARED = 50  # changes whose texts are compared word by word
_SECTIONS = {
    "Who": ("actor", "tenant"),
    "What": ("action", "event_type", "category", "outcome", "status_code", "reason", "authorization", "resources"),
    "Where": ("source", "stream"),
    "Context": ("correlation_id", "trace_id", "span_id", "attributes", "event_id", "schema_version"),
}


Compare: TypeAlias = Callable[[str, str], Sequence[tuple[Side, str]]]
"""Divides two texts into pieces."""


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A changed field.

    Attributes:
        field: Its name.
        before: The pieces of the old value; None without one.
        after: The pieces of the new value; None without one.
    """

    field: str
    before: Sequence[tuple[Side, str]] | None
    after: Sequence[tuple[Side, str]] | None

    @classmethod
    def of(cls, change: Mapping[str, Any], compare: Compare) -> Self:
        """Compare a change's two values, as far as a page shows them."""
        before, after = change.get("before"), change.get("after")
        pieces = compare(_cut(before or ""), _cut(after or ""))
        old = [(side, text) for side, text in pieces if side is not Side.AFTER]
        new = [(side, text) for side, text in pieces if side is not Side.BEFORE]
        return cls(change["field"], None if before is None else old, None if after is None else new)


@dataclass(frozen=True, slots=True)
class EventView:
    """An event that was proven.

    Attributes:
        proof: The proof: what the reader can download and check elsewhere.
        proven: What the proof establishes, as JSON: log, height, checkpoint, keys, and the record.
        event: The event's fields; None where the record is not a readable event.
    """

    proof: TlogProof
    proven: Mapping[str, Any]

    @property
    def event(self) -> Mapping[str, Any] | None:
        """The event's fields; None where the record is not a readable event."""
        found: Mapping[str, Any] | None = self.proven["record"]["event"]
        return found

    @property
    def tenant(self) -> str | None:
        """The event's tenant; None without one."""
        return self.event.get("tenant") if self.event else None

    @property
    def sections(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The event's fields as titled lists of names and texts; none if the record is not an event."""
        event = self.event or {}
        parts = {title: {name: event[name] for name in names if name in event} for title, names in _SECTIONS.items()}
        return [(title, _rows(part)) for title, part in parts.items() if part]

    @property
    def raw(self) -> list[tuple[str, str]]:
        """The record as Kafka had it, as names and texts."""
        return _rows({name: value for name, value in self.proven["record"].items() if name != "event"})

    @property
    def glance(self) -> list[tuple[str, str]]:
        """What a reader wants to know first, as names and texts: on what, for whom, from where, and why."""
        event = self.event or {}
        resources = [f"{one['type']}/{one['id']}" for one in event.get("resources", ())]
        reason, actor = event.get("reason", {}), event.get("actor", {})
        parts = {
            "on": ", ".join(resources[:3]) + (f" and {len(resources) - 3} more" if len(resources) > 3 else ""),
            "tenant": event.get("tenant"),
            "on behalf of": actor.get("on_behalf_of"),
            "from": actor.get("ip"),
            "because": ": ".join(filter(None, (reason.get("code"), reason.get("text")))),
            "by": event.get("source", {}).get("service"),
        }
        return [(name, text) for name, text in parts.items() if text]

    @property
    def changes(self) -> list[ShownChange]:
        """The changed fields, at most `MOST_ROWS` of them; the first ones are compared word by word."""
        found = self.event.get("changes", ())[:MOST_ROWS] if self.event else ()
        return [ShownChange.of(one, diff if place < _MOST_COMPARED else whole) for place, one in enumerate(found)]

    @property
    def more_changes(self) -> int:
        """How many changes are not among `changes`."""
        return max(0, len(self.event.get("changes", ())) - MOST_ROWS) if self.event else 0

    @property
    def seconds_to_seal(self) -> float | None:
        """Seconds from the broker's time to the seal, 0 if that clock was ahead; None where the record has no time."""
        record, sealed = self.proven["record"]["time"], self.proven["sealed_time"]
        if not record or not sealed:
            return None
        return max(0.0, (datetime.fromisoformat(sealed) - datetime.fromisoformat(record)).total_seconds())

    @property
    def surroundings(self) -> list[tuple[str, str]]:
        """What is around the event: each a title and a filter."""
        if self.event is None:
            return []
        event, actor = self.event, self.event["actor"]
        filters = {
            "Everything by this actor": about({"actor": actor.get("id"), "actor.type": actor.get("type")}),
            "The same correlation": about({"correlation": event.get("correlation_id")}),
            "The same trace": about({"trace": event.get("trace_id")}),
            "The same session": about({"session": actor.get("session_id")}),
            "The same stream of its producer": about({"stream": event["stream"]["id"]}) if "stream" in event else "",
            "The same service": about({"service": event.get("source", {}).get("service")}),
            "A minute before and after": _around(self.proven["record"]["time"]),
        }
        for resource in event.get("resources", ())[:3]:
            named = f"{resource['type']}/{resource['id']}"
            filters[f"Everything about {named}"] = about({"resource": named})
        return [(title, text) for title, text in filters.items() if text]


def _around(time: str | None) -> str:
    """Return the filter for a minute before and after a time in RFC 3339; empty for none."""
    if not time:
        return ""
    at = datetime.fromisoformat(time).replace(microsecond=0)
    begin, end = (at + timedelta(minutes=minutes) for minutes in (-1, 1))
    return f"time >= {begin:%Y-%m-%dT%H:%M:%SZ} and time < {end:%Y-%m-%dT%H:%M:%SZ}"


def _cut(text: str) -> str:
    return (
        text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}… and {len(text) - MOST_CHARACTERS:,} more"
    )


def read_event(sources: Sources, auditor: Auditor, origin: Origin, offset: int) -> EventView:
    """Read the event at an offset, prove it from the trust file, and return it.

    Raises:
        VerificationError: The trust file does not pin the log, or the block or the proof does not hold.
        RecordNotFoundError: As `prove_offset`, or the event is of a tenant that the auditor may not see.
        NotStoredError, UnavailableError: As `prove_offset`.
    """
    pinned = sources.trust.log_of(origin)
    with sources.reading() as pool:
        try:
            proof = prove_offset(pool.vault, pinned, offset)
        except RecordNotFoundError as error:
            if auditor.tenants is None:
                raise
            raise _not_for(auditor, origin, offset) from error
    view = EventView(proof, proven_to_json(check_record_proof(proof, sources.trust)))
    if not auditor.may_see(view.tenant):
        raise _not_for(auditor, origin, offset)
    return view


def _not_for(auditor: Auditor, origin: Origin, offset: int) -> RecordNotFoundError:
    """Return the error for an event that is not there, or is of another tenant: both look the same."""
    return RecordNotFoundError(f"{origin} has no event at offset {offset} that {auditor.name} may see")


def _rows(part: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a part's fields as names and texts, at most `MOST_ROWS`; the last one says how many more there are."""
    rows = [(name, text) for name, text in _flat(part, "") if text]
    more = len(rows) - MOST_ROWS
    return rows if more <= 0 else [*rows[:MOST_ROWS], ("…", f"and {more:,} more fields: see the event as JSON")]


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield a value's parts as names and texts; a list's parts are numbered from 1."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from _flat(item, f"{name} {number}")
    elif value is not None:
        yield name, value if isinstance(value, str) else json.dumps(value)
