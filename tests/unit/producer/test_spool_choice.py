"""Several processes with one setting: each takes a spool of its own, and a dead one's is taken again."""

import os
from pathlib import Path

import pytest

from auditseal_producer import AuditProducer, SpoolBusyError, SpoolCorruptedError, spool_choice
from auditseal_producer.spool_choice import open_spool
from tests.factory.spools import FIELDS, spool_config


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a-{n}.spool"


def test_each_takes_the_first_that_is_free(path: Path) -> None:
    first, second = open_spool(path), open_spool(path)
    assert [file.path.name for file in (first, second)] == ["a-0.spool", "a-1.spool"]
    first.close()
    third = open_spool(path)
    assert third.path == first.path
    second.close()
    third.close()


def test_a_forked_child_takes_one_of_its_own_and_the_next_producer_takes_what_it_left(path: Path) -> None:
    config = spool_config(path, broker=False)
    with AuditProducer(config) as producer:
        producer.record(**FIELDS)
        child = os.fork()
        if child == 0:
            code = 9
            try:
                producer.record(**FIELDS)
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with AuditProducer(config) as heir:  # the parent holds 0, and nobody 1 any more
            assert heir.counts.pending == 1
    assert {each.name for each in path.parent.glob("*.spool")} == {"a-0.spool", "a-1.spool"}


def test_a_damaged_spool_is_not_passed_over(path: Path) -> None:
    path.with_name("a-0.spool").write_text("something else")
    with pytest.raises(SpoolCorruptedError, match=r"a-0\.spool"):
        open_spool(path)


def test_the_search_ends(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_choice, "_MOST", 1)
    held = open_spool(path)
    with pytest.raises(SpoolBusyError, match="all 1 spools"):
        open_spool(path)
    held.close()
