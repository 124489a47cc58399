"""Logs that are checked from a start: what lies below it is neither compared nor passed over in silence."""

import json

import pytest

from auditseal_auditor.heads import Head
from auditseal_auditor.report import Report
from auditseal_schemas.header import Predecessor
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog, Start, Trust
from auditseal_schemas.verdict import Verdict
from tests.oracle import anchor
from tests.oracle.reader import Refused
from tests.oracle.verifier import Log, check
from tests.vault_factory import ORIGINS, MemoryVault, audit, genesis, keys_of, make_log, put_log, seal

EARLIER = ORIGINS[0]
LATER = Origin(EARLIER.cluster, EARLIER.topic, EARLIER.partition, 1)
BLOCKS = make_log(EARLIER, (4, 3, 5), partitions=1)
ROOTS = [block.frontier.root for block in BLOCKS] + [BLOCKS[-1].checkpoint.root]
WRONG = bytes(32)


def audited(size: int, root: bytes, start: int) -> Report:
    """Audit run 0 from a start on, and a run 1 that goes on from so many of its blocks, with that root."""
    vault = MemoryVault()
    put_log(vault, BLOCKS[start:])
    claim = Predecessor(str(EARLIER), size, root)
    put_log(vault, [seal(genesis(LATER), 2, partitions=1, predecessor=claim)])
    logs = (
        PinnedLog(EARLIER, keys_of(EARLIER), Start(start, ROOTS[start])),
        PinnedLog(LATER, keys_of(LATER)),
    )
    return audit(vault, Trust(logs))


@pytest.mark.parametrize(("size", "start"), [(0, 2), (1, 1), (2, 2), (2, 1), (3, 1), (3, 2)])
def test_a_claim_at_or_above_the_start_is_compared(size: int, start: int) -> None:
    good, bad = audited(size, ROOTS[size], start), audited(size, WRONG, start)
    assert good.exit_code == 0
    assert [log.notices for log in good.logs] == [(), ()]
    assert [(one.verdict, one.origin, one.height, one.field) for one in bad.kept_findings] == [
        (Verdict.BROKEN_CHAIN, LATER, 0, "predecessor")
    ]


def test_a_claim_below_the_start_is_not_compared_and_that_is_told() -> None:
    for root in (ROOTS[1], WRONG):
        report = audited(1, root, 2)
        assert report.exit_code == 0
        told = f"goes on from 1 blocks of {EARLIER}, which lie below the start that is pinned: they were not compared"
        assert [[told in notice for notice in log.notices] for log in report.logs] == [[], [True]]


def test_a_head_below_the_start_is_not_compared_and_that_is_told() -> None:
    vault = MemoryVault()
    put_log(vault, BLOCKS[2:])
    trust = Trust((PinnedLog(EARLIER, keys_of(EARLIER), Start(2, ROOTS[2])),))
    report = audit(vault, trust, heads={EARLIER: Head.of(BLOCKS[0].note)})
    assert report.exit_code == 0
    assert [len(log.notices) for log in report.logs] == [1]
    assert "below the start" in json.dumps(report.logs[0].notices)


def test_the_second_reader_compares_a_head_from_the_start_on() -> None:
    log = Log(str(EARLIER), [str(key) for key in keys_of(EARLIER)], (2, ROOTS[2]))
    objects = {EARLIER.block_key(2): BLOCKS[2].format}
    check(objects, {str(EARLIER): log})
    for block in BLOCKS:
        anchor.check_head(log, block.note.format())
    log.roots[2] = WRONG
    with pytest.raises(Refused, match="FORK"):
        anchor.check_head(log, BLOCKS[1].note.format())
