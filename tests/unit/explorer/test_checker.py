"""The explorer's verification: the last block of each log is read each time, and what changed in it is found."""

import pytest

from auditseal_auditor import known_contents
from auditseal_auditor.object_check import CheckedObject, ReadObject, check_object
from auditseal_explorer.checker import Checker
from auditseal_schemas.verdict import Verdict
from tests.factory.vaults import MemoryVault, put_log
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import BLOCKS, LOG

HEAD = LOG.block_key(len(BLOCKS) - 1)


@pytest.fixture
def vault() -> MemoryVault:
    vault = MemoryVault()
    put_log(vault, BLOCKS)
    return vault


@pytest.fixture
def checker(vault: MemoryVault) -> Checker:
    """A checker that has verified the vault once."""
    checker = Checker(TRUST, lambda: vault)
    checker.check()
    assert checker.last.verdict == "verified"
    return checker


def test_an_unchanged_block_is_not_checked_again(checker: Checker, monkeypatch: pytest.MonkeyPatch) -> None:
    read = list[ReadObject]()

    def check(one: ReadObject, *, quick: bool) -> CheckedObject:
        read.append(one)
        return check_object(one, quick=quick)

    monkeypatch.setattr(known_contents, "check_object", check)
    checker.check()
    assert (checker.last.verdict, read) == ("verified", [])


def test_a_byte_that_changes_in_the_last_block_is_found(checker: Checker, vault: MemoryVault) -> None:
    data = bytearray(BLOCKS[-1].format())
    data[-40] ^= 1
    vault.replace(HEAD, bytes(data))
    checker.check()
    assert checker.last.verdict == Verdict.BAD_RECORD
    vault.replace(HEAD, BLOCKS[-1].format())
    checker.check()
    assert checker.last.verdict == "verified"


def test_the_last_block_is_missed(checker: Checker, vault: MemoryVault) -> None:
    del vault.objects[HEAD]
    checker.check()
    assert checker.last.verdict == Verdict.TRUNCATED


def test_what_happens_to_the_last_block_in_the_store_is_found(checker: Checker, vault: MemoryVault) -> None:
    vault.put(HEAD, b"another version")
    checker.check()
    assert [(finding.verdict, finding.field) for finding in checker.last.findings] == [
        (Verdict.BAD_STORAGE, "versions"),
    ]
