"""The steps of a case are signed, recorded, stored and only then done. Repeating one continues it."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from auditseal import holding
from auditseal.holding import Done, Holding, Person
from auditseal_glue.own_events import NotRecordedError
from auditseal_producer.testing import RecordedEvents
from auditseal_schemas.errors import ConfigurationError, UnavailableError
from auditseal_schemas.event_parts import Actor, Category, Outcome, Reason, Resource
from auditseal_schemas.hold_case import HoldCase
from auditseal_schemas.hold_statement import Step
from auditseal_schemas.origin import Origin
from auditseal_vault.errors import AlreadyStoredError, HoldRefusedError
from auditseal_vault.hold_records import LEAST_LOCK, find_case, record_key
from auditseal_vault.interface import Retention, StoredVersion
from auditseal_vault.s3 import S3Vault
from tests.factory.people import ALICE, BOB, CAROL, PEOPLE, SIGNERS
from tests.factory.value_types import blank, field_names
from tests.factory.vaults import ORIGINS, MemoryVault

LOG, OTHER_LOG = ORIGINS
NOW = datetime.now(UTC).replace(microsecond=0)
LAST = NOW + timedelta(days=400)


class HoldingVault(MemoryVault):
    """A vault with holds of exact versions, which refuses a second object of a key.

    Attributes:
        on: The versions under hold.
        away: A key that can be stored and not held, as if the store went away between both; empty for none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.on, self.away = set[tuple[str, str]](), ""

    def put(self, key: str, data: bytes | None, lock: Retention | datetime | None = None) -> None:
        if key in self.objects:
            raise AlreadyStoredError(f"{key} exists")
        super().put(key, data, Retention("COMPLIANCE", lock) if isinstance(lock, datetime) else lock)

    def legal_hold(self, key: str, version_id: str) -> bool:
        return (key, version_id) in self.on

    def set_legal_hold(self, key: str, version_id: str, *, held: bool) -> None:
        if key == self.away:
            raise HoldRefusedError("the store is away")
        (self.on.add if held else self.on.remove)((key, version_id))

    def block(self, origin: Origin, height: int, until: datetime) -> None:
        """Store something at a block's key: holds do not read blocks."""
        self.put(origin.block_key(height), b"block", until)

    def blocks_on_hold(self) -> list[tuple[Origin, int]]:
        keys = {key for key, _ in self.on}
        return [(origin, height) for origin in ORIGINS for height in range(9) if origin.block_key(height) in keys]


class Place:
    """A vault with some blocks of two logs, and people who hold them."""

    def __init__(self) -> None:
        self.vault, self.recorded, self.done = HoldingVault(), RecordedEvents(), list[int]()
        for height in range(6):
            self.vault.block(LOG, height, LAST - timedelta(days=height))
        self.vault.block(OTHER_LOG, 3, NOW)

    def of(self, name: str) -> Holding:
        """Return the holding of a person, who takes its steps."""
        (key,) = (key for key in PEOPLE if key.name == name)
        return Holding(cast("S3Vault", self.vault), PEOPLE, Person(key, SIGNERS[name]), self.recorded)

    def case(self, name: str = "CASE-7") -> HoldCase:
        return find_case(self.vault, PEOPLE, name)

    def add(self, *heights: int, person: str = ALICE, case: str = "CASE-7", origin: Origin = LOG) -> Done:
        versions = {height: self.vault.versions_of(origin.block_key(height))[-1] for height in heights}
        return self.of(person).add(self.case(case), {origin: versions}, self.done.append)

    def lock_of(self, number: int, case: str = "CASE-7") -> datetime:
        """The end of a record's lock."""
        lock = self.vault.retention(record_key(case, number), "v1")
        assert lock is not None
        assert lock.mode == "COMPLIANCE"
        return lock.retain_until

    def outcomes(self) -> list[Outcome]:
        """The outcomes of all events, in order."""
        return [event.outcome for event in self.recorded.events]

    def record_is_held(self, number: int, case: str = "CASE-7") -> bool:
        return self.vault.legal_hold(record_key(case, number), "v1")


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_statement_is_recorded_stored_and_done(place: Place) -> None:
    done = place.add(4, 2)
    assert (done.case, done.signed, done.changed, place.done) == (place.case(), 1, 2, [2])
    assert place.vault.blocks_on_hold() == [(LOG, 2), (LOG, 4)]
    assert place.record_is_held(0)
    (signed,) = done.case.signed
    assert (signed.person, signed.statement.origin) == (ALICE, LOG)
    assert [(block.height, block.version_id) for block in signed.statement.blocks] == [(2, "v1"), (4, "v1")]
    assert NOW.timestamp() <= signed.statement.at <= datetime.now(UTC).timestamp()
    before, event = place.recorded.events
    assert (before.outcome, before.attributes) == (Outcome.UNKNOWN, event.attributes)
    assert before.correlation_id == event.correlation_id is not None
    assert (event.actor, event.action) == (Actor("person", ALICE, auth_method="ed25519"), "auditseal.hold.add")
    assert (event.outcome, event.category) == (Outcome.SUCCESS, Category.CONFIGURATION)
    assert list(event.resources) == [Resource("legal-hold", "CASE-7")]
    assert dict(event.attributes) == {
        "vault": "memory:",
        "statement_sha256": signed.digest.hex(),
        "origin": str(LOG),
        "blocks": "2",
        "first_height": "2",
        "last_height": "4",
    }


def test_a_record_is_locked_as_long_as_the_last_of_its_blocks_and_a_day_at_least(place: Place) -> None:
    place.add(1, 2)
    assert place.lock_of(0) == LAST - timedelta(days=1)
    place.add(3, origin=OTHER_LOG, case="short")
    least = place.lock_of(0, "short") - LEAST_LOCK
    assert NOW <= least <= datetime.now(UTC)
    assert least.microsecond == 0


def test_blocks_that_the_case_holds_are_not_signed_again_and_are_held_again(place: Place) -> None:
    place.add(1, 2)
    place.vault.on.clear()
    done = place.add(1, 2, 3)
    assert (done.signed, done.changed) == (1, 3)
    assert [block.height for block in done.case.signed[1].statement.blocks] == [3]
    assert place.record_is_held(0)
    assert place.record_is_held(1)
    assert place.add(1, 2, 3) == Done(place.case(), 0, 0)
    assert place.outcomes() == [Outcome.UNKNOWN, Outcome.SUCCESS] * 2


def test_blocks_beyond_one_statement_are_signed_in_several(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "in_statements", lambda blocks: [(block,) for block in blocks])
    done = place.add(0, 1, 2)
    assert (done.signed, done.changed) == (3, 3)
    assert [each.statement.blocks[0].height for each in place.case().signed] == [0, 1, 2]
    assert place.lock_of(2) == LAST


def test_blocks_of_several_logs_are_held_by_a_statement_each(place: Place) -> None:
    wanted = {origin: {3: place.vault.versions_of(origin.block_key(3))[-1]} for origin in ORIGINS}
    done = place.of(ALICE).add(HoldCase("CASE-7"), wanted, place.done.append)
    assert (done.signed, done.changed) == (2, 2)
    assert place.vault.blocks_on_hold() == [(LOG, 3), (OTHER_LOG, 3)]


def test_a_held_version_that_is_there_and_not_the_oldest_is_refused(place: Place) -> None:
    place.add(1)
    MemoryVault.put(place.vault, LOG.block_key(1), b"stored later")
    later = place.vault.versions_of(LOG.block_key(1))[0]
    assert later.version_id == "v2"
    before = place.case()
    with pytest.raises(ConfigurationError, match=r"case CASE-7 holds version v1 of .*, which is not the oldest one"):
        place.of(ALICE).add(before, {LOG: {1: later}}, place.done.append)
    assert place.case() == before


def test_in_a_copy_the_versions_have_other_ids_and_the_case_goes_on(place: Place) -> None:
    signed = {1: StoredVersion(LOG.block_key(1), "id-of-the-original", True, False, 5)}
    versions = place.vault.objects[LOG.block_key(1)]
    versions[0] = replace(versions[0], version_id="id-of-the-original")
    place.of(ALICE).add(place.case(), {LOG: signed}, place.done.append)
    versions[0] = replace(versions[0], version_id="v1")
    place.vault.on.clear()
    assert place.add(1, 2).signed == 1
    assert place.vault.blocks_on_hold() == [(LOG, 1), (LOG, 2)]


def test_two_people_release_a_case_and_only_what_no_other_case_holds_is_lifted(place: Place) -> None:
    place.add(1, 2)
    place.add(2, 3, person=BOB, case="other")
    asked = place.of(ALICE).ask(place.case())
    assert (asked.signed, asked.changed, asked.case.asked_by) == (1, 0, ALICE)
    assert place.vault.blocks_on_hold() == [(LOG, 1), (LOG, 2), (LOG, 3)]
    assert place.lock_of(1) == LAST - timedelta(days=1)
    with pytest.raises(ConfigurationError, match=r"case CASE-7: alice@example\.com asked to release the case"):
        place.of(ALICE).approve(place.case(), place.done.append)
    place.done.clear()
    done = place.of(BOB).approve(place.case(), place.done.append)
    assert (done.signed, done.changed, done.case.is_released, place.done) == (1, 1, True, [1])
    assert place.vault.blocks_on_hold() == [(LOG, 2), (LOG, 3)]
    assert [event.action for event in place.recorded.events[4:]] == [
        "auditseal.hold.ask-release",
        "auditseal.hold.ask-release",
        "auditseal.hold.approve-release",
        "auditseal.hold.approve-release",
    ]
    assert dict(place.recorded.events[4].attributes).keys() == {"vault", "statement_sha256"}
    assert [place.record_is_held(number) for number in range(3)] == [True] * 3


def test_a_released_case_no_longer_keeps_the_blocks_of_another_one(place: Place) -> None:
    for case, person, approver in (("other", BOB, CAROL), ("CASE-7", ALICE, BOB)):
        place.add(1, person=person, case=case)
        place.of(person).ask(place.case(case))
        place.of(approver).approve(place.case(case), place.done.append)
        assert place.vault.blocks_on_hold() == []


def test_holds_that_an_interruption_left_are_lifted_by_repeating_the_approval(place: Place) -> None:
    place.add(1)
    place.of(ALICE).ask(place.case())
    place.of(BOB).approve(place.case(), place.done.append)
    place.vault.on.add((LOG.block_key(1), "v1"))
    assert place.of(CAROL).approve(place.case(), place.done.append) == Done(place.case(), 0, 1)
    assert place.vault.blocks_on_hold() == []


def test_the_next_step_holds_a_record_that_an_interruption_left(place: Place) -> None:
    place.vault.away = record_key("CASE-7", 0)
    with pytest.raises(HoldRefusedError, match="the store is away"):
        place.add(1)
    place.vault.away = ""
    assert not place.record_is_held(0)
    assert place.outcomes() == [Outcome.UNKNOWN, Outcome.FAILURE]
    assert place.recorded.events[1].reason == Reason(text="the store is away")
    place.of(ALICE).ask(place.case())
    assert (place.record_is_held(0), place.record_is_held(1)) == (True, True)
    assert place.vault.blocks_on_hold() == []


def test_no_hold_is_lifted_while_another_case_can_not_be_read(place: Place) -> None:
    place.add(1)
    place.add(2, person=BOB, case="other")
    place.of(ALICE).ask(place.case())
    place.vault.refused.add(record_key("other", 0))
    with pytest.raises(HoldRefusedError, match="its case may hold the same blocks, so no hold was lifted"):
        place.of(BOB).approve(place.case(), place.done.append)
    assert place.vault.blocks_on_hold() == [(LOG, 1), (LOG, 2)]


@pytest.mark.parametrize("step", [Step.ADD, Step.ASK, Step.APPROVE])
def test_a_step_that_is_not_recorded_is_not_done(place: Place, step: Step) -> None:
    steps: dict[Step, Callable[[], object]] = {
        Step.ADD: lambda: place.add(1),
        Step.ASK: lambda: place.of(ALICE).ask(place.case()),
        Step.APPROVE: lambda: place.of(BOB).approve(place.case(), place.done.append),
    }
    for each, take in steps.items():
        if each is step:
            break
        take()
    before, held = place.case(), place.vault.blocks_on_hold()
    with (
        place.recorded.brokers_down(),
        pytest.raises(NotRecordedError, match=f"{step} was not recorded, so nothing was done"),
    ):
        steps[step]()
    assert (place.case(), place.vault.blocks_on_hold()) == (before, held)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(HoldRefusedError("refused"), Outcome.FAILURE), (UnavailableError("no answer"), Outcome.UNKNOWN)],
)
def test_a_statement_that_was_not_stored_is_never_recorded_as_a_success(
    place: Place, monkeypatch: pytest.MonkeyPatch, error: Exception, outcome: Outcome
) -> None:
    def fail(*_: object) -> None:
        assert place.outcomes() == [Outcome.UNKNOWN]  # before it is stored
        raise error

    monkeypatch.setattr(holding, "append_record", fail)
    with pytest.raises(type(error)):
        place.add(1)
    assert place.outcomes() == [Outcome.UNKNOWN, outcome]
    assert place.recorded.events[1].reason == Reason(text=str(error))


def test_an_outcome_that_is_lost_is_logged_and_the_step_is_done(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain = holding.append_record
    with ExitStack() as stack:

        def store_and_fill(*words: Any) -> None:
            plain(*words)
            stack.enter_context(place.recorded.buffer_full())

        monkeypatch.setattr(holding, "append_record", store_and_fill)
        assert place.add(1).changed == 1
    assert place.outcomes() == [Outcome.UNKNOWN]
    assert "the outcome of a step was not recorded" in caplog.text


@pytest.mark.parametrize("kind", [Person, Done])
def test_a_value_keeps_its_fields_and_has_no_others(kind: type) -> None:
    value = blank(kind)
    for name in field_names(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, 1)
    assert not hasattr(value, "__dict__")
