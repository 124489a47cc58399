"""The steps of a case of legal holds: each is signed, recorded as an audit event, stored, and only then done.

A step that was interrupted is continued by repeating it: what is signed already is not signed again.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time

from auditseal_glue.own_events import NotRecordedError, RecordedAction
from auditseal_producer.recorder import Recorder
from auditseal_schemas.errors import AuditsealError, ConfigurationError, UnavailableError, VerificationError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Actor, Category, Outcome, Resource
from auditseal_schemas.hold_case import HoldCase, SignedStatement, released_blocks
from auditseal_schemas.hold_statement import HeldBlock, Step, in_statements
from auditseal_schemas.key import Signer, VerifierKey
from auditseal_schemas.note import sign_note
from auditseal_schemas.origin import Origin
from auditseal_vault.errors import HoldRefusedError
from auditseal_vault.hold_records import LEAST_LOCK, read_cases
from auditseal_vault.interface import StoredVersion
from auditseal_vault.legal_hold import (
    ExactVersion,
    append_record,
    last_lock_end,
    record_versions,
    set_holds,
    signed_versions,
)
from auditseal_vault.s3 import S3Vault

OnDone = Callable[[int], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who may sign: the key that the trust file has, and its private half."""

    key: VerifierKey
    signer: Signer


@dataclass(frozen=True, slots=True)
class Done:
    """What a step did.

    Attributes:
        case: The case afterwards.
        signed: Statements that this step signed.
        changed: Versions whose hold it set or lifted, and read back.
    """

    case: HoldCase
    signed: int
    changed: int


class Holding:
    """Takes the steps of cases for one person.

    Args:
        vault: The vault.
        people: The people who may sign.
        person: Who does.
        recorder: Records each step as an audit event.
    """

    def __init__(self, vault: S3Vault, people: Sequence[VerifierKey], person: Person, recorder: Recorder) -> None:
        self._vault, self._people, self._person, self._recorder = vault, people, person, recorder

    def add(self, case: HoldCase, wanted: Mapping[Origin, Mapping[int, StoredVersion]], on_done: OnDone) -> Done:
        """Hold blocks: those that the case doesn't hold yet are signed first, and then all are put under hold.

        Args:
            case: The case so far.
            wanted: The version of each block that counts, by log and height.
            on_done: Called with the number of blocks that are held, after each batch.

        Raises:
            ConfigurationError: The case can't be added to.
            NotRecordedError: The event was not recorded; nothing of this statement was stored.
            HoldRefusedError: The store refuses, or another version of a block is held already.
            UnavailableError: The store is unreachable.
        """
        before, held = len(case.signed), case.blocks
        for origin, versions in wanted.items():
            self._check_versions(case, origin, held.get(origin, {}), versions)
            new = {height: version for height, version in versions.items() if height not in held.get(origin, {})}
            blocks = [HeldBlock(height, version.version_id) for height, version in sorted(new.items())]
            until = self._lock_end(_exact(new.values()))
            for portion in in_statements(blocks):
                case = self._sign(case, Step.ADD, until, origin, portion)
        set_holds(self._vault, self._records(case), held=True)
        every = [version for versions in wanted.values() for version in _exact(versions.values())]
        return Done(case, len(case.signed) - before, set_holds(self._vault, every, held=True, on_done=on_done))

    def ask(self, case: HoldCase) -> Done:
        """Ask to release a case; nothing is lifted. Errors as `add`."""
        return Done(self._sign_release(case, Step.ASK), 1, 0)

    def approve(self, case: HoldCase, on_done: OnDone) -> Done:
        """Approve the release of a case, and lift the holds of its blocks that no other case holds. Errors as `add`.

        Of a case that was released already, holds that are left are lifted.
        """
        signed = 0
        if not case.is_released:
            case, signed = self._sign_release(case, Step.APPROVE), 1
        free = signed_versions(self._vault, released_blocks([case, *self._other_active(case)]))
        return Done(case, signed, set_holds(self._vault, free, held=False, on_done=on_done))

    def _other_active(self, case: HoldCase) -> list[HoldCase]:
        """Return the other cases that are not released.

        Raises:
            HoldRefusedError: A record of one can't be read, so it may hold the same blocks.
        """
        others = [read for read in read_cases(self._vault, self._people) if read.case.name != case.name]
        if problem := next((read.problem for read in others if not read.is_read), None):
            raise HoldRefusedError(
                f"{problem}: its case may hold the same blocks, so no hold was lifted: repair it first"
            )
        return [read.case for read in others if not read.case.is_released]

    def _sign_release(self, case: HoldCase, step: Step) -> HoldCase:
        """Sign a step of the release, and hold the records before it, which an interrupted step may not have held."""
        records = self._records(case)
        case = self._sign(case, step, self._lock_end(records))
        set_holds(self._vault, records, held=True)
        return case

    def _sign(
        self,
        case: HoldCase,
        step: Step,
        until: datetime,
        origin: Origin | None = None,
        blocks: Sequence[HeldBlock] = (),
    ) -> HoldCase:
        """Sign, record and store the next statement; return the case with it."""
        statement = case.next(step, int(time()), origin, blocks)
        note = sign_note(statement.text(), self._person.key.name, [self._person.signer]).format()
        try:
            following = case.accept(note, self._people)
        except VerificationError as error:
            raise ConfigurationError(f"case {case.name}: {error.problem}") from error
        with self._recorded(following.signed[-1]):
            append_record(self._vault, case, note, until)
        return following

    @contextmanager
    def _recorded(self, signed: SignedStatement) -> Iterator[None]:
        """Record a statement before it is stored within the block, and then whether it was.

        A store that did not answer may have it. That outcome is UNKNOWN, and the case shows it.

        Raises:
            NotRecordedError: It was not recorded; the block is not entered.
        """
        action = RecordedAction(self._recorder, _log_lost, **self._fields(signed))
        try:
            action.begin()
        except NotRecordedError as error:
            step = signed.statement.step
            raise NotRecordedError(f"{step} was not recorded, so nothing was done: {error}") from error
        try:
            yield
        except AuditsealError as error:
            action.fail(str(error), Outcome.UNKNOWN if isinstance(error, UnavailableError) else Outcome.FAILURE)
            raise
        action.succeed()

    def _fields(self, signed: SignedStatement) -> EventFields:
        statement, attributes = signed.statement, {"vault": self._vault.url, "statement_sha256": signed.digest.hex()}
        if statement.origin:
            first, last = statement.blocks[0].height, statement.blocks[-1].height
            attributes |= {"origin": str(statement.origin), "blocks": str(len(statement.blocks))}
            attributes |= {"first_height": str(first), "last_height": str(last)}
        return {
            "actor": Actor("person", signed.person, auth_method="ed25519"),
            "action": f"auditseal.hold.{statement.step}",
            "resources": [Resource("legal-hold", statement.case)],
            "outcome": Outcome.SUCCESS,
            "category": Category.CONFIGURATION,
            "attributes": attributes,
        }

    def _check_versions(
        self, case: HoldCase, origin: Origin, held: Mapping[int, str], wanted: Mapping[int, StoredVersion]
    ) -> None:
        """Check that the version that the case holds is the oldest one, or that no version has its id, as in a copy."""
        others = {
            height: held[height]
            for height, version in wanted.items()
            if held.get(height, version.version_id) != version.version_id
        }
        stored = signed_versions(self._vault, {origin: others})
        for signed, version in zip(others.values(), stored, strict=True):
            if version.version_id == signed:
                problem = f"case {case.name} holds version {signed} of {version.key}, which is not the oldest one"
                raise ConfigurationError(f"{problem}: run auditseal verify")

    def _records(self, case: HoldCase) -> list[ExactVersion]:
        return record_versions(self._vault, case.name, range(len(case.signed)))

    def _lock_end(self, versions: Sequence[ExactVersion]) -> datetime:
        """Return until when a record is locked: as long as the last of some versions, and a day at least."""
        least = (datetime.now(UTC) + LEAST_LOCK).replace(microsecond=0)
        return max(last_lock_end(self._vault, versions), least) if versions else least


def _exact(versions: Iterable[StoredVersion]) -> list[ExactVersion]:
    return [ExactVersion(version.key, version.version_id) for version in versions]


def _log_lost(error: BaseException) -> None:
    _log.error("the outcome of a step was not recorded: %s", error)
