"""The content of a log's last object: the same bytes are checked once, and whatever else the store says each time."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from auditseal_auditor import known_contents as module
from auditseal_auditor.known_contents import KnownContents
from auditseal_auditor.listing import ListedKey
from auditseal_auditor.object_check import ReadObject, check_object
from auditseal_schemas.verdict import Verdict
from auditseal_vault.interface import Retention, StoredVersion
from tests.factory.vaults import ORIGINS, make_vault

LOG, OTHER = ORIGINS[:2]
UNTIL = datetime(2030, 1, 1, tzinfo=UTC)
READ = ReadObject(make_vault()[1][0][0].format(), None, ())


def listed(key: str = LOG.block_key(0)) -> ListedKey:
    return ListedKey(key, 0, ("v",), 1, 0, StoredVersion(key, "v", is_latest=True, is_delete_marker=False, size=1))


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The contents that were checked."""
    made = list[bytes]()

    def check(read: ReadObject, *, quick: bool) -> object:
        made.append(read.data)
        return check_object(read, quick=quick)

    monkeypatch.setattr(module, "check_object", check)
    return made


def test_the_same_bytes_are_checked_once(checks: list[bytes]) -> None:
    known = KnownContents()
    first = known.check_object(listed(), READ, quick=False)
    assert first == check_object(READ, quick=False)
    assert first.head is not None
    assert first.fault is None
    assert known.check_object(listed(), READ, quick=False) == first
    assert len(checks) == 1


def test_what_else_the_store_says_is_of_each_call() -> None:
    known = KnownContents()
    known.check_object(listed(), READ, quick=False)
    assert READ.data
    note = known.check_object(listed(), READ, quick=False).head
    assert note
    now = replace(READ, retention=Retention("COMPLIANCE", UNTIL), other_notes=(note.note,), legal_hold=True)
    assert known.check_object(listed(), now, quick=False) == check_object(now, quick=False)


@pytest.mark.parametrize("place", [0, 100, -40, -1])
def test_a_changed_byte_is_found(place: int) -> None:
    """An administrator of the disks changes a byte, and nothing else that a store shows."""
    known, changed = KnownContents(), bytearray(READ.data)
    known.check_object(listed(), READ, quick=False)
    changed[place] ^= 1
    read = replace(READ, data=bytes(changed))
    assert known.check_object(listed(), read, quick=False) == check_object(read, quick=False)
    assert known.check_object(listed(), read, quick=False).fault
    assert not known.check_object(listed(), READ, quick=False).fault


def test_a_quick_check_is_not_taken_for_a_whole_one(checks: list[bytes]) -> None:
    known = KnownContents()
    known.check_object(listed(), READ, quick=True)
    known.check_object(listed(), READ, quick=False)
    assert len(checks) == 2


def test_the_last_object_of_each_log_is_remembered(checks: list[bytes]) -> None:
    known, other = KnownContents(), replace(READ, data=make_vault()[1][1][0].format())
    for _ in range(3):
        known.check_object(listed(), READ, quick=False)
        known.check_object(listed(OTHER.block_key(0)), other, quick=False)
    assert len(checks) == 2


@pytest.mark.parametrize(
    "read", [ReadObject(b"", None, (), unreadable="no content"), ReadObject(b"", None, (), refusal="denied")]
)
def test_an_object_without_bytes_is_not_taken_for_a_known_one(read: ReadObject) -> None:
    known = KnownContents()
    empty = known.check_object(listed(), replace(READ, data=b""), quick=False)
    assert empty.fault
    assert empty.fault.verdict is Verdict.MALFORMED
    assert known.check_object(listed(), read, quick=False) == check_object(read, quick=False)
    assert known.check_object(listed(), read, quick=False) != empty
