"""What only a whole log can show, at its edges: claims that can't be judged, partitions, and how long a log stands."""

import pytest

from auditseal_auditor.heads import Head
from auditseal_schemas.header import Predecessor
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog, Start, Trust
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit, places
from tests.factory.keys import keys_of
from tests.factory.vaults import ORIGINS, MemoryVault, genesis, make_log, make_trust, make_vault, put_log, seal

LOG = ORIGINS[0]
RUNS = [Origin(LOG.cluster, LOG.topic, partition, 1) for partition in range(2)]
SECOND = 1_000_000
WRONG = bytes(32)


def put_successor(vault: MemoryVault, run: Origin, earlier: Origin, blocks: int = 1) -> None:
    """Store a log whose first block claims what was never so of an earlier one."""
    state, claim = genesis(run), Predecessor(str(earlier), 2, WRONG)
    for height in range(blocks):
        block = seal(state, 2, **({"predecessor": claim} if height == 0 else {}))
        put_log(vault, [block])
        state = state.accept(block)


def test_a_claim_that_cant_be_judged_hides_no_other_one() -> None:
    vault, _ = make_vault()
    for run, earlier in zip(RUNS, ORIGINS, strict=True):
        put_successor(vault, run, earlier)
    for runs in (RUNS, RUNS[::-1]):
        found = audit(vault, make_trust(ORIGINS[1], *runs)).kept_findings
        assert [(one.verdict, one.origin, one.field) for one in found] == [
            (Verdict.BROKEN_CHAIN, RUNS[1], "predecessor")
        ]


@pytest.mark.parametrize(("size", "words"), [(2, "which are others"), (4, "which has fewer")])
def test_a_wrong_claim_says_what_is_wrong(size: int, words: str) -> None:
    vault, _ = make_vault()
    put_log(vault, [seal(genesis(RUNS[0]), 2, predecessor=Predecessor(str(LOG), size, WRONG))])
    (found,) = audit(vault, make_trust(*ORIGINS, RUNS[0])).kept_findings
    assert found.detail.endswith(words)


def test_a_width_that_several_logs_saw_is_told_of_the_first() -> None:
    vault = MemoryVault()
    for origin in ORIGINS:
        put_log(vault, make_log(origin, (1,), partitions=3))
    for origins in (ORIGINS, ORIGINS[::-1]):
        (found,) = audit(vault, make_trust(*origins)).kept_findings
        assert (found.verdict, found.origin) == (Verdict.MISSING_LOG, origins[0])


@pytest.mark.parametrize("broken", [RUNS[0].block_key(1), LOG.block_key(2)], ids=["the later", "the earlier"])
def test_of_two_runs_one_of_which_cant_be_read_neither_is_compared(broken: str) -> None:
    vault, _ = make_vault()
    put_successor(vault, RUNS[0], LOG, blocks=2)
    vault.broken = broken
    report = audit(vault, make_trust(*ORIGINS, RUNS[0]))
    assert (places(report), len(report.errors)) == ([], 1)


def test_a_head_at_the_start_lies_not_below_it() -> None:
    """What lies at the start is foreign: the head has nothing to be compared with, which the finding says already."""
    blocks = make_log(LOG, (4, 3, 5), partitions=1)
    vault = MemoryVault()
    put_log(vault, blocks)
    vault.replace(LOG.block_key(2), make_log(ORIGINS[1], (1, 1, 1))[2].format())
    trust = Trust((PinnedLog(LOG, keys_of(LOG), Start(2, blocks[2].frontier.root)),))
    report = audit(vault, trust, heads={LOG: Head.of(blocks[1].note)})
    assert [place[:3] for place in places(report)] == [(Verdict.BROKEN_CHAIN, 0, 2)]
    assert report.logs[0].notices == ()


@pytest.mark.parametrize(("late", "seconds"), [(1, 0), (SECOND - 1, 0), (SECOND, 1), (90_061 * SECOND, 90_061)])
def test_a_log_that_stopped_says_since_when_in_whole_seconds(late: int, seconds: int) -> None:
    vault, logs = make_vault()
    report = audit(vault, make_trust(LOG), oldest=logs[0][-1].header.sealed_at + late)
    assert f"sealed {seconds} s before what is allowed" in report.kept_findings[0].detail


@pytest.mark.parametrize(("pinned", "missing"), [((2,), [0, 1, 3]), ((1, 3, 4, 9), [0, 2]), ((0, 1, 2, 3), [])])
def test_partitions_are_told_from_the_first_to_the_last(pinned: tuple[int, ...], missing: list[int]) -> None:
    vault = MemoryVault()
    origins = [Origin(LOG.cluster, LOG.topic, partition, 0) for partition in pinned]
    for origin in origins:
        if origin.partition < 4:
            put_log(vault, make_log(origin, (1,), partitions=4))
    found = audit(vault, make_trust(*origins)).kept_findings
    told = [f"no log of partition {number} is pinned" for number in missing]
    assert [one.detail.partition("and ")[2] for one in found if one.field == "partitions"] == told
