"""Sizes of packs and proofs, a short part of `make bench-proofs` and `make tamper-proofs`."""

import random
from pathlib import Path

import pytest

from auditseal_auditor.blocks.prover import prove_offset
from auditseal_schemas.event_proof import check_record_proof
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_vault.directory import DirectoryVault
from tests.bench.bench_proofs import KEY, MOST_PROOF_BYTES, MOST_RATIO, ORIGIN, fill, measure_pack
from tests.factory.evidence import trust_file
from tests.tamper.proof_bytes import accepted, changes, proofs


@pytest.mark.parametrize(("block_records", "every"), [(200, 1), (200, 2), (200, 10), (1, 1)])
def test_a_pack_is_at_most_a_third_larger_than_its_blocks(tmp_path: Path, block_records: int, every: int) -> None:
    figures = measure_pack(tmp_path, 400, block_records, every)
    constant = 14_000  # verify.py, the schemas and the rest, compressed: the same in each pack
    assert figures["pack_bytes"] - constant <= MOST_RATIO * figures["blocks_bytes"]


def test_a_proof_has_little_more_than_its_record_however_long_the_log_is(tmp_path: Path) -> None:
    """The hard limit: 40 bits of height, 16 of a record's number. Here the height has 14 bits."""
    blocks, offset = 20_000, 16_383
    fill(tmp_path, blocks, offset)
    trust = Trust((PinnedLog(ORIGIN, (KEY,)),))
    proof = prove_offset(DirectoryVault(tmp_path), trust.logs[0], offset).format()
    record = check_record_proof(TlogProof.parse(proof), trust).record
    assert len(proof) - len(record.value or b"") <= MOST_PROOF_BYTES


def test_every_changed_byte_and_cut_of_a_few_proofs_is_refused() -> None:
    trust, dice = Trust.parse(trust_file()), random.Random(7)
    for data in list(proofs(40))[::13]:
        assert accepted(data, trust)
        assert not any(accepted(changed, trust) for changed in changes(data, dice, whole=False))
