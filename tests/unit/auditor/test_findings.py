"""Findings: their order, and how many are kept."""

import pytest

from auditseal_auditor.findings import MOST_KEPT, Finding, Findings
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit, places
from tests.factory.vaults import ORIGINS, make_vault

LOG = ORIGINS[0]


def finding(height: int | None, verdict: Verdict = Verdict.FORK) -> Finding:
    return Finding(verdict=verdict, origin=LOG, height=height, field="x", detail="")


def test_what_is_of_no_block_comes_before_the_first_block() -> None:
    vault, _ = make_vault()
    vault.replace(LOG.block_key(0), b"")
    vault.put(f"v1/{LOG}/other", b"")
    assert [place[:3] for place in places(audit(vault))] == [
        (Verdict.BAD_STORAGE, 0, None),
        (Verdict.MALFORMED, 0, 0),
    ]


def test_one_block_after_the_other_and_the_worst_of_one_last() -> None:
    findings = Findings()
    for height, verdict in ((2, Verdict.MALFORMED), (0, Verdict.FORK), (None, Verdict.FORK), (0, Verdict.STALE)):
        findings.add(finding(height, verdict))
    findings.sort()
    assert [(one.height, one.verdict) for one in findings.kept] == [
        (None, Verdict.FORK),
        (0, Verdict.STALE),
        (0, Verdict.FORK),
        (2, Verdict.MALFORMED),
    ]
    assert findings.worst is Verdict.FORK
    assert Findings().worst is None


@pytest.mark.parametrize("before", [0, 1, MOST_KEPT - 1, MOST_KEPT, MOST_KEPT + 1])
def test_a_thousand_are_kept_however_they_come(before: int) -> None:
    one_by_one, at_once, taken = Findings(), Findings(), Findings()
    for number in range(before + 2):
        one_by_one.add(finding(number))
    at_once.add_each(Verdict.FORK, range(before), finding)
    at_once.add_each(Verdict.FORK, range(before, before + 2), finding)
    at_once.add_each(Verdict.STALE, range(0), finding)
    for part in (range(before), range(before, before + 2)):
        some = Findings()
        some.add_each(Verdict.FORK, part, finding)
        taken.move_from(some)
        assert (len(some), some.kept) == (0, [])
    for findings in (one_by_one, at_once, taken):
        assert len(findings) == before + 2
        assert [one.height for one in findings.kept] == list(range(min(before + 2, 1_000)))
        assert findings.counts.keys() == {Verdict.FORK}
    other = taken.with_verdict(Verdict.SQUATTED)
    assert (len(other), {one.verdict for one in other.kept}) == (before + 2, {Verdict.SQUATTED})
    assert Findings().with_verdict(Verdict.SQUATTED).worst is None
