"""How many files of ours a reader opens to follow one object from the vault to its verdict: at most ten.

A walk is counted where it happens. It has the files that are on the call stack where a check raises, those through
which the error passes, and those on the call stack where the finding is added.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pytest

from auditseal_auditor.findings import Fault, Finding, Findings
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.verdict import Verdict
from tests.unit.auditor.test_vectors import VECTORS, verified

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")
FOLDERS = {"schemas": "auditseal_schemas", "auditor": "auditseal_auditor", "vault": "auditseal_vault"}
MOST_FILES = 10
NOT_OPENED = {"schemas/lazy_property"}  # stands for the standard library's cached_property


class Place(NamedTuple):
    """A finding as its fault names it."""

    field: str
    problem: str
    offset: int | None


def our_files(frames: Iterable[FrameType]) -> list[str]:
    """The files of frames that are ours, as `folder/module`, each once."""
    paths = [Path(frame.f_code.co_filename) for frame in frames]
    places = [path.relative_to(ROOT).parts for path in paths if path.is_relative_to(ROOT)]
    names = [f"{folder}/{Path(*parts).with_suffix('')}" for folder, *(_, *parts) in places if folder in FOLDERS]
    return [name for name in dict.fromkeys(names) if name not in NOT_OPENED]


def callers() -> Iterator[FrameType]:
    """The frames of the call stack above the test's own, the innermost first."""
    frame: FrameType | None = sys._getframe(2)
    while frame:
        yield frame
        frame = frame.f_back


def raised_in(error: BaseException | None) -> Iterator[FrameType]:
    """The frames through which an error and its causes passed."""
    while error:
        trace = error.__traceback__
        while trace:
            yield trace.tb_frame
            trace = trace.tb_next
        error = error.__cause__


@pytest.fixture(scope="module")
def walks() -> dict[tuple[Verdict, Place], list[str]]:
    """The walk to each finding in the golden vaults."""
    to_faults: dict[Place, list[str]] = {}
    walks: dict[tuple[Verdict, Place], list[str]] = {}
    make_fault, add_finding = Fault.of.__func__, Findings.add

    def of(_: type[Fault], error: VerificationError) -> Fault:
        fault: Fault = make_fault(Fault, error)
        place = Place(fault.field, fault.problem, fault.offset)
        to_faults[place] = our_files([*reversed(list(callers())), *raised_in(error)])
        return fault

    def add(self: Findings, finding: Finding) -> None:
        place = Place(finding.field, finding.detail, finding.offset)
        files = [*to_faults.get(place, []), *our_files(reversed(list(callers()))), "auditor/findings"]
        walks[finding.verdict, place] = list(dict.fromkeys(files))
        add_finding(self, finding)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fault, "of", classmethod(of))
        patch.setattr(Findings, "add", add)
        for vector in VECTORS:
            verified(vector, quick=False)
    return walks


def test_a_walk_from_the_vault_to_a_verdict_enters_few_files(walks: dict[tuple[Verdict, Place], list[str]]) -> None:
    assert {verdict for verdict, _ in walks} >= set(Verdict) - {Verdict.SQUATTED, Verdict.FORK}
    longest = max(walks.values(), key=len)
    assert len(longest) <= MOST_FILES, longest


@pytest.mark.parametrize(("verdict", "field"), [(Verdict.BAD_RECORD, "record"), (Verdict.BAD_SIGNATURE, "note")])
def test_the_page_shows_the_walks(walks: dict[tuple[Verdict, Place], list[str]], verdict: Verdict, field: str) -> None:
    row = re.search(rf"^\| {verdict}, `{field}` \| (.*) \|$", PAGE, re.MULTILINE)
    assert row, [files for (kind, place), files in walks.items() if (kind, place.field) == (verdict, field)]
    shown = re.findall(r"`(\w+/\w+)`", row[1])
    assert shown in [files for (kind, place), files in walks.items() if (kind, place.field) == (verdict, field)]
