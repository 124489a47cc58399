"""A whole log compared with its remembered head, with other logs and with the clock."""

from dataclasses import replace

import pytest

from auditseal_auditor.report import Report
from auditseal_auditor.state.heads import Head
from auditseal_schemas.block import Block
from auditseal_schemas.header import Predecessor
from auditseal_schemas.merkle import Frontier, tree_root
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog, Start, Trust
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit, places
from tests.factory.blocks import resigned
from tests.factory.keys import keys_of
from tests.factory.vaults import (
    ORIGINS,
    MemoryVault,
    genesis,
    lock_until,
    make_log,
    make_trust,
    make_vault,
    put_log,
    seal,
)

LOG = ORIGINS[0]


def continued(log: Origin, size: int, root: bytes) -> Predecessor:
    """Return the claim to continue a log of the factory's key."""
    return Predecessor(str(log), size, root, tuple(map(str, keys_of(log))))


def test_a_pinned_log_that_isnt_there() -> None:
    vault, _ = make_vault()
    for height in range(3):
        del vault.objects[LOG.block_key(height)]
    assert places(audit(vault)) == [(Verdict.MISSING_LOG, 0, None, None, "origin")]


def test_every_partition_of_which_no_run_is_pinned_is_missing() -> None:
    vault = MemoryVault()
    put_log(vault, make_log(LOG, (1,), partitions=5))
    third = Origin("a.example", "audit.events", 2, 0)
    put_log(vault, make_log(third, (1,), partitions=5))
    report = audit(vault, make_trust(LOG, third))
    assert [(place[0], place[4]) for place in places(report)] == [(Verdict.MISSING_LOG, "partitions")] * 3
    assert [finding.detail.split("log of ")[1] for finding in report.kept_findings] == [
        f"partition {number} is pinned" for number in (1, 3, 4)
    ]


def test_the_widest_topic_that_any_log_saw_is_what_counts() -> None:
    vault = MemoryVault()
    for origin, partitions in zip(ORIGINS, (2, 3), strict=True):
        put_log(vault, make_log(origin, (1,), partitions=partitions))
    assert places(audit(vault)) == [(Verdict.MISSING_LOG, 1, 0, None, "partitions")]


def test_two_billion_missing_partitions_take_no_memory() -> None:
    vault = MemoryVault()
    put_log(vault, make_log(LOG, (1,), partitions=2**31 - 1))
    report = audit(vault, make_trust(LOG))
    assert report.finding_count == 2**31 - 2
    assert len(report.kept_findings) == 1_000


def test_a_later_run_goes_on_from_what_is_there() -> None:
    vault, logs = make_vault()
    run = Origin("a.example", "audit.events", 0, 1)
    root = Frontier(2, logs[0][2].frontier.hashes).root

    def after(claimed: Predecessor) -> list[tuple[object, ...]]:
        both = MemoryVault(objects={key: list(versions) for key, versions in vault.objects.items()})
        put_log(both, [seal(genesis(run), 2, predecessor=claimed)])
        return places(audit(both, make_trust(*ORIGINS, run)))

    assert after(continued(LOG, 2, root)) == []
    assert after(continued(LOG, 0, tree_root([]))) == []
    for claimed in (continued(LOG, 2, bytes(32)), continued(LOG, 4, root)):
        assert after(claimed) == [(Verdict.BROKEN_CHAIN, 0, 0, None, "predecessor")]


def test_what_is_wrong_with_the_earlier_run_is_told_once() -> None:
    vault, logs = make_vault()
    run = Origin("a.example", "audit.events", 0, 1)
    put_log(vault, [seal(genesis(run), 2, predecessor=continued(LOG, 3, logs[0][2].checkpoint.root))])
    trust = make_trust(*ORIGINS, run)
    assert places(audit(vault, trust)) == []
    vault.replace(LOG.block_key(2), b"")
    assert places(audit(vault, trust)) == [(Verdict.SQUATTED, 0, 2, None, "container")]
    for height in range(3):
        del vault.objects[LOG.block_key(height)]
    assert places(audit(vault, trust)) == [(Verdict.MISSING_LOG, 0, None, None, "origin")]


def test_a_log_that_stopped_is_stale() -> None:
    vault, logs = make_vault()
    last = logs[0][-1].header.sealed_at
    assert places(audit(vault, oldest=last)) == []
    assert places(audit(vault, oldest=last + 1)) == [
        (Verdict.STALE, partition, 2, None, "sealed_at") for partition in (0, 1)
    ]


def head_of(block: Block) -> dict[Origin, Head]:
    return {block.header.origin: Head.of(block.note)}


def test_a_vault_that_grew_agrees_with_every_earlier_head() -> None:
    vault, logs = make_vault()
    for block in logs[0]:
        assert places(audit(vault, heads=head_of(block))) == []


def test_a_tail_that_was_cut_off_is_one_finding_at_the_first_height() -> None:
    vault, logs = make_vault(sizes=(1, 1, 1, 1))
    for height in (2, 3):
        del vault.objects[LOG.block_key(height)]
    assert places(audit(vault)) == []
    assert places(audit(vault, heads=head_of(logs[0][3]))) == [(Verdict.TRUNCATED, 0, 2, None, "height")]


def test_a_hole_in_the_tail_is_a_truncation_too() -> None:
    vault, logs = make_vault(sizes=(1, 1, 1, 1))
    del vault.objects[LOG.block_key(2)]
    vault.replace(LOG.block_key(3), b"")
    expected = [(Verdict.TRUNCATED, 0, 2, None, "height"), (Verdict.MALFORMED, 0, 3, None, "container")]
    assert places(audit(vault, heads=head_of(logs[0][3]))) == expected


def test_of_several_holes_in_the_tail_the_first_is_named() -> None:
    vault, logs = make_vault(sizes=(1, 1, 1, 1, 1, 1))
    for height in (2, 4):
        del vault.objects[LOG.block_key(height)]
    for height in (3, 5):
        vault.replace(LOG.block_key(height), b"")
    damaged = [(Verdict.MALFORMED, 0, height, None, "container") for height in (3, 5)]
    expected = [(Verdict.TRUNCATED, 0, 2, None, "height"), *damaged]
    assert places(audit(vault, heads=head_of(logs[0][5]))) == expected


def test_a_hole_and_a_tail_that_was_cut_off_are_two_findings() -> None:
    vault, logs = make_vault(sizes=(1, 1, 1, 1, 1, 1))
    for height in (1, 4, 5):
        del vault.objects[LOG.block_key(height)]
    expected = [(Verdict.BROKEN_CHAIN, 0, 1, None, "height"), (Verdict.TRUNCATED, 0, 4, None, "height")]
    assert places(audit(vault, heads=head_of(logs[0][5]))) == expected


def test_garbage_above_the_remembered_head_is_a_squatters() -> None:
    vault, logs = make_vault()
    vault.put(LOG.block_key(3), b"", vault.objects[LOG.block_key(0)][0].lock)
    assert places(audit(vault, heads=head_of(logs[0][2]))) == [(Verdict.SQUATTED, 0, 3, None, "container")]


def test_a_log_that_vanished_is_missing() -> None:
    vault, logs = make_vault()
    for height in range(3):
        del vault.objects[LOG.block_key(height)]
    report = audit(vault, heads=head_of(logs[0][2]))
    assert places(report) == [(Verdict.MISSING_LOG, 0, None, None, "origin")]
    assert "3 blocks of it are remembered" in report.kept_findings[0].detail


def test_a_log_of_which_only_garbage_is_left_is_missing_and_not_cut_off_too() -> None:
    vault, logs = make_vault()
    for height in range(3):
        del vault.objects[LOG.block_key(height)]
    for height in (1, 7):
        vault.put(LOG.block_key(height), b"", lock_until())
    report = audit(vault, heads=head_of(logs[0][2]))
    assert places(report) == [
        (Verdict.MISSING_LOG, 0, None, None, "origin"),
        (Verdict.MALFORMED, 0, 1, None, "container"),
        (Verdict.SQUATTED, 0, 7, None, "container"),
    ]
    told = "(objects at its keys that are not valid blocks: 2), 3 blocks of it are remembered"
    assert told in report.kept_findings[0].detail


def test_a_damaged_head_is_damage_and_no_squatter() -> None:
    vault, logs = make_vault()
    vault.replace(LOG.block_key(2), b"")
    assert places(audit(vault, heads=head_of(logs[0][2]))) == [(Verdict.MALFORMED, 0, 2, None, "container")]


def rewritten(*sizes: int) -> MemoryVault:
    """Return a vault that the key's holder wrote again from height 1 on."""
    vault, logs = make_vault()
    state = genesis(LOG).accept(logs[0][0])
    for height in (1, 2):
        del vault.objects[LOG.block_key(height)]
    for size in sizes:
        block = seal(state, size)
        put_log(vault, [block])
        state = state.accept(block)
    return vault


def test_a_history_rewritten_with_the_key_is_a_fork_against_the_memory() -> None:
    _, logs = make_vault()
    vault = rewritten(2, 6, 1)
    assert places(audit(vault)) == []
    report = audit(vault, heads=head_of(logs[0][2]))
    assert places(report) == [(Verdict.FORK, 0, 2, None, "checkpoint.root")]
    notes = report.kept_findings[0].evidence
    assert notes[0] == logs[0][2].note.format().decode()
    assert [note.split("\n")[:2] for note in notes] == [[str(LOG), "3"]] * 2
    assert notes[0] != notes[1]


def test_the_old_root_is_had_from_the_next_frontier_where_the_block_itself_is_gone() -> None:
    _, logs = make_vault()
    vault = rewritten(2, 6, 1)
    del vault.objects[LOG.block_key(2)]
    report = audit(vault, heads=head_of(logs[0][2]))
    assert [place[0] for place in places(report)] == [Verdict.BROKEN_CHAIN, Verdict.FORK]


def test_a_resigned_head_with_the_same_root_is_no_fork() -> None:
    vault, logs = make_vault()
    assert places(audit(vault, heads=head_of(resigned(logs[0][2])))) == []


RUNS = [Origin(LOG.cluster, LOG.topic, partition, 1) for partition in range(2)]


SECOND = 1_000_000


WRONG = bytes(32)


def put_successor(vault: MemoryVault, run: Origin, earlier: Origin, blocks: int = 1) -> None:
    """Store a log whose first block claims what was never so of an earlier one."""
    state, claim = genesis(run), continued(earlier, 2, WRONG)
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
    put_log(vault, [seal(genesis(RUNS[0]), 2, predecessor=continued(LOG, size, WRONG))])
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
    """The object at the start is foreign: the head has nothing to be compared with, which the finding says already."""
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
    assert f"sealed {seconds} s before the oldest allowed time" in report.kept_findings[0].detail


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


def later_run(run: int, size: int, root: bytes) -> Block:
    """Return the first block of a later run that continues that number of blocks of the first one."""
    origin = replace(LOG, run=run)
    return seal(genesis(origin), 1, predecessor=continued(LOG, size, root))


def notices_of(report: Report, run: int) -> tuple[str, ...]:
    return next(log.notices for log in report.logs if log.origin == replace(LOG, run=run))


def test_a_predecessor_that_nobody_pins_is_said() -> None:
    vault, logs = make_vault()
    put_log(vault, [later_run(1, 3, logs[0][2].checkpoint.root)])
    report = audit(vault, make_trust(replace(LOG, run=1), ORIGINS[1]))
    assert report.exit_code == 0
    assert notices_of(report, 1) == (
        f"it continues 3 blocks of {LOG}, which the trust file doesn't pin: they were not compared",
    )


def test_two_successors_of_one_log_are_said_of_both() -> None:
    vault, logs = make_vault()
    root = logs[0][2].checkpoint.root
    put_log(vault, [later_run(1, 3, root), later_run(2, 3, root)])
    report = audit(vault, make_trust(*ORIGINS, replace(LOG, run=1), replace(LOG, run=2)))
    assert report.exit_code == 0
    for run, other in ((1, 2), (2, 1)):
        assert notices_of(report, run) == (
            f"{LOG} has other successors too, {replace(LOG, run=other)}: only one can be true",
        )


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_a_predecessor_that_grew_on_is_said(size: int) -> None:
    vault, logs = make_vault()
    root = logs[0][size].frontier.root if size < 3 else logs[0][2].checkpoint.root
    put_log(vault, [later_run(1, size, root)])
    report = audit(vault, make_trust(*ORIGINS, replace(LOG, run=1)))
    assert report.exit_code == 0
    said = f"it continues {size} blocks of {LOG}, which has 3 by now: the earlier run went on after this one began"
    assert notices_of(report, 1) == ((said,) if size < 3 else ())
