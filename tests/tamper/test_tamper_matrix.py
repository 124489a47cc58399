"""The tamper matrix, all classes of it and a sample of the bulk; and that a judge who is asleep is noticed."""

import json
from collections.abc import Iterator

import pytest

from auditseal_auditor import log_check
from auditseal_schemas.note import Note
from auditseal_schemas.verdict import Verdict
from tests.factory.vaults import ORIGINS
from tests.tamper import bytewise, judge, notes, records, stores
from tests.tamper.__main__ import matrix_lines, summary_of
from tests.tamper.case import Family, Kind, Vault, find
from tests.tamper.layout import Part, layout
from tests.tamper.matrix import Row, families, run
from tests.tamper.world import LAST, heads, history, untouched

SAMPLE = 61
LOG = ORIGINS[0]


def test_every_class_is_detected_at_its_place_and_nothing_else_is_found() -> None:
    rows = run(jobs=1, every=SAMPLE)
    assert [(row.name, row.misses) for row in rows if row.missed or not row.cases] == []
    summary = summary_of(rows)
    assert summary["missed"] == 0
    assert summary["cases"] > 15_000
    told = {verdict for row in rows for verdicts in row.verdicts for verdict in verdicts.split(" + ") if verdict}
    assert told == set(Verdict)
    assert json.loads(json.dumps([row.to_json() for row in rows]))[0]["kind"] == "attack"
    assert len(matrix_lines(rows)) == len(rows) + len(Kind) + 1


def test_the_bulk_is_every_bit_and_every_length() -> None:
    size = sum(len(version.data or b"") for (version,) in untouched().values())
    flips, cuts = (
        sum(1 for family in bytewise.families() if family.name.startswith(name) for _ in family.cases())
        for name in ("every bit flipped", "every length cut to")
    )
    assert (flips, cuts) == (8 * size, size)
    assert all(family.is_bulk for family in bytewise.families())


def test_the_untouched_vault_has_one_of_each_part_of_an_object() -> None:
    parts = {region.part for height in range(LAST + 1) for region in layout(history(LOG).blocks[height].format())}
    assert parts == set(Part)


@pytest.fixture
def unremembered() -> Iterator[None]:
    """Forget what was examined, before and after a judge was put to sleep."""
    judge._checked.cache_clear()
    yield
    judge._checked.cache_clear()


def missed(*chosen: Family) -> int:
    rows = []
    for family in chosen:
        rows.append(Row.of(family))
        for number, case in enumerate(family.cases()):
            if number % 11 == 0:
                rows[-1].judge(case)
    return sum(row.missed for row in rows)


@pytest.mark.usefixtures("unremembered")
def test_an_auditor_that_checks_no_signature_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [family for family in (*records.families(), *notes.families()) if "signature" in family.name]
    assert missed(*chosen) == 0
    monkeypatch.setattr(Note, "check", lambda note, keys: None)
    assert missed(*chosen) > 10


@pytest.mark.usefixtures("unremembered")
def test_an_auditor_that_names_no_record_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = next(records.families())
    assert missed(chosen) == 0
    judge._checked.cache_clear()
    monkeypatch.setattr("auditseal_auditor.object_check.altered_record", lambda block: None)
    assert missed(chosen) > 10


@pytest.mark.usefixtures("unremembered")
def test_an_auditor_that_looks_at_no_lock_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_check, "retention_problem", lambda *about: None)
    assert missed(*(family for family in stores.families() if "locks missing" in family.name)) == 5


@pytest.mark.usefixtures("unremembered")
def test_a_second_reader_that_reads_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "second_opinion", lambda case: None)
    case = next(case for case in notes._lines())
    assert case.judge().miss == "the second reader finds nothing"


@pytest.mark.parametrize(
    "expected",
    [
        (),
        find(Verdict.BAD_SIGNATURE, LOG, 0, "note"),
        find(Verdict.TRUNCATED, LOG, 1, "height"),
        find(Verdict.TRUNCATED, ORIGINS[1], 2, "height"),
        find(Verdict.TRUNCATED, LOG, 2, "checkpoint.root"),
        find(Verdict.TRUNCATED, LOG, 2, "height", 7),
    ],
)
def test_the_right_verdict_at_another_place_is_a_miss(expected: tuple[object, ...]) -> None:
    objects = {key: versions for key, versions in untouched().items() if key != LOG.block_key(LAST)}
    right = find(Verdict.TRUNCATED, LOG, 2, "height")
    assert Vault("cut", objects, (right,), remembered=heads()).judge() == ((Verdict.TRUNCATED,), "")
    wrong = (expected,) if expected else ()
    assert Vault("cut", objects, wrong, remembered=heads()).judge().miss  # type: ignore[arg-type]
    assert Vault("cut", objects, (right, right), remembered=heads()).judge().miss


def test_an_undetectable_attack_that_expects_a_finding_is_no_such_thing() -> None:
    row = Row("x", "x", Kind.UNDETECTABLE)
    row.judge(Vault("cut", {}, (find(Verdict.MISSING_LOG, LOG, None, "origin"),)))
    assert row.missed == 1


def test_a_class_without_a_case_is_a_miss() -> None:
    assert summary_of([Row("x", "x", Kind.ATTACK)])["missed"] == 1


def test_every_class_says_who_attacks() -> None:
    assert all(family.attacker for family in families())
    assert {family.attacker for family in families() if family.kind is Kind.UNDETECTABLE} == {
        "holds the signing key",
        "holds a retired key",
        "writes to the disks",
        "see tests/vectors",
    }
