"""Logs that are checked from a start: what lies below it is neither compared nor passed over in silence."""

import json

import pytest

from auditseal_auditor.heads import Head
from auditseal_auditor.report import Report
from auditseal_schemas.header import Predecessor
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog, Start, Trust
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit
from tests.factory.blocks import resigned
from tests.factory.keys import OTHER_SIGNER, keys_of
from tests.factory.vaults import (
    DAY,
    ORIGINS,
    RETENTION_DAYS,
    MemoryVault,
    Version,
    genesis,
    lock_until,
    make_log,
    put_log,
    seal,
)
from tests.oracle import anchor
from tests.oracle.reader import Refused
from tests.oracle.verifier import Log, check
from tests.tamper.case import Vault
from tests.tamper.judge import judge_vault
from tests.vectors.vector import Finding

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


def started(objects: MemoryVault) -> Report:
    trust = Trust((PinnedLog(EARLIER, keys_of(EARLIER), Start(2, ROOTS[2])),))
    return audit(objects, trust)


def test_what_expired_below_the_start_is_nobodys_business() -> None:
    vault = MemoryVault()
    put_log(vault, BLOCKS)
    vault.objects[EARLIER.block_key(0)] = [Version("v1", None, None)]
    vault.put(EARLIER.block_key(1), b"garbage")
    vault.put(EARLIER.block_key(1), None)
    assert started(vault).exit_code == 0


@pytest.mark.parametrize("below", [0, 2], ids=["nothing", "blocks below it"])
def test_a_start_at_the_head_with_nothing_newer_is_a_missing_log(below: int) -> None:
    vault = MemoryVault()
    put_log(vault, BLOCKS[:below])
    found = started(vault).kept_findings
    assert [(one.verdict, one.field) for one in found] == [(Verdict.MISSING_LOG, "origin")]


def test_neither_markers_nor_other_keys_make_a_log() -> None:
    vault = MemoryVault()
    vault.put(EARLIER.block_key(2), None)
    vault.put(f"v1/{EARLIER}/README", b"here it is")
    found = started(vault).kept_findings
    assert {(one.verdict, one.field) for one in found} == {
        (Verdict.BAD_STORAGE, "key"),
        (Verdict.BAD_STORAGE, "delete_marker"),
        (Verdict.MISSING_LOG, "origin"),
    }
    assert len(found) == 3


def test_the_time_of_a_block_that_is_not_linked_is_nobodys_word() -> None:
    """Its lock can't be measured, whatever it says: one finding, by both readers."""
    vault = MemoryVault()
    late = resigned(BLOCKS[2], signers=(OTHER_SIGNER,), sealed_at=BLOCKS[2].header.sealed_at + 365 * DAY)
    put_log(vault, BLOCKS[:2])
    vault.put(EARLIER.block_key(2), late.format(), lock_until(BLOCKS[2].header.sealed_at))
    text = "".join(f"log {key}\n" for key in keys_of(EARLIER)) + f"retention {RETENTION_DAYS}\n"
    outcome = judge_vault(
        Vault(
            "late",
            {key: tuple(versions) for key, versions in vault.objects.items()},
            ((Finding("BAD_SIGNATURE", str(EARLIER), 2, "note"),),),
            text,
        )
    )
    assert (outcome.verdicts, outcome.miss) == (("BAD_SIGNATURE",), "")
