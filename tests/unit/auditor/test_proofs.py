"""Proofs of records and of consistency: what they establish, and that nothing else passes for one."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_auditor.blocks.prover import ReceiptClaim, prove_consistency, prove_offset, prove_receipt
from auditseal_auditor.errors import RecordNotFoundError
from auditseal_schemas.consistency_file import ConsistencyFile
from auditseal_schemas.errors import ConfigurationError, VerificationError
from auditseal_schemas.event_proof import check_record_proof
from auditseal_schemas.origin import Origin
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import keys_of, signing_key
from tests.factory.vaults import ORIGINS, SIGNER, MemoryVault, genesis, make_trust, make_vault, put_log, seal

LOG, SIZES = ORIGINS[0], (4, 3, 5, 1, 2, 6, 1)


@pytest.fixture(scope="module")
def vault() -> MemoryVault:
    return make_vault(sizes=SIZES)[0]


@pytest.fixture(scope="module")
def pinned() -> PinnedLog:
    return make_trust().log_of(LOG)


def test_each_record_of_each_block_is_proven(vault: MemoryVault, pinned: PinnedLog) -> None:
    for offset in range(sum(SIZES)):
        proof = prove_offset(vault, pinned, offset)
        assert TlogProof.parse(proof.format()) == proof
        proven = check_record_proof(proof, make_trust())
        assert proven.record.offset == offset
        assert proven.checkpoint.size == proven.header.height + 1


def test_a_record_that_is_not_sealed_has_no_proof(vault: MemoryVault, pinned: PinnedLog) -> None:
    with pytest.raises(RecordNotFoundError, match=f"{sum(SIZES)} is not in the vault"):
        prove_offset(vault, pinned, sum(SIZES))


def test_every_changed_byte_and_every_cut_is_refused(vault: MemoryVault, pinned: PinnedLog) -> None:
    data, trust, dice = prove_offset(vault, pinned, 9).format(), make_trust(), random.Random(1)
    for position in range(len(data)):
        for changed in (
            data[:position] + bytes([data[position] ^ 1 << dice.randrange(8)]) + data[position + 1 :],
            data[:position],
            data[:position] + data[position + 1 :],
        ):
            with pytest.raises(VerificationError):
                check_record_proof(TlogProof.parse(changed), trust)


def refused(proof: TlogProof, trust: Trust) -> tuple[Verdict, str]:
    with pytest.raises(VerificationError) as caught:
        check_record_proof(proof, trust)
    return caught.value.verdict, caught.value.field


def test_each_kind_of_foreign_proof_has_its_verdict(vault: MemoryVault, pinned: PinnedLog) -> None:
    proof, trust = prove_offset(vault, pinned, 9), make_trust()
    other = Origin("other.example.com", "audit.events", 0, 0)
    foreign = Trust((PinnedLog(other, keys_of(other)),))
    assert refused(proof, foreign) == (Verdict.MISSING_LOG, "origin")
    stranger = Trust((replace(pinned, keys=keys_of(LOG, signing_key("stranger"))),))
    assert refused(proof, stranger)[0] is Verdict.BAD_SIGNATURE
    assert refused(replace(proof, index=proof.index + 1), trust) == (Verdict.BROKEN_CHAIN, "height")
    assert refused(replace(proof, path=proof.path[:-1]), trust) == (Verdict.BAD_ROOT, "inclusion proof")
    later = prove_offset(vault, pinned, 13)
    assert refused(replace(proof, extra=later.extra), trust)[0] is Verdict.BROKEN_CHAIN
    assert refused(replace(proof, note=later.note), trust) == (Verdict.BAD_ROOT, "inclusion proof")


@pytest.mark.parametrize("size", range(1, len(SIZES) + 1))
def test_each_head_is_a_prefix_of_each_later_one(vault: MemoryVault, pinned: PinnedLog, size: int) -> None:
    for old_size in range(1, size + 1):
        proof = prove_consistency(vault, pinned, old_size, size)
        assert ConsistencyFile.parse(proof.format()) == proof
        old, new = proof.check(make_trust())
        assert (old.size, new.size) == (old_size, size)


def test_a_consistency_proof_of_another_history_is_refused(vault: MemoryVault, pinned: PinnedLog) -> None:
    proof, trust = prove_consistency(vault, pinned, 3, 7), make_trust()
    forked = make_vault(sizes=(5, 3, 5, 1, 2, 6, 1))[0]
    other = prove_consistency(forked, pinned, 3, 7)
    for mixed in (replace(proof, new=other.new), replace(proof, old=other.old), replace(proof, path=other.path)):
        with pytest.raises(VerificationError, match="leads to other roots"):
            mixed.check(trust)
    data = proof.format()
    for position in range(len(data)):
        for changed in (data[:position] + bytes([data[position] ^ 4]) + data[position + 1 :], data[:position]):
            with pytest.raises(VerificationError):
                ConsistencyFile.parse(changed).check(trust)


def test_a_receipt_becomes_the_proof_of_its_own_event(vault: MemoryVault, pinned: PinnedLog) -> None:
    from hashlib import sha256

    value = check_record_proof(prove_offset(vault, pinned, 9), make_trust()).record.value
    assert value is not None
    claim = ReceiptClaim(LOG.topic, LOG.partition, 9, sha256(value).digest())
    assert prove_receipt(vault, make_trust(), claim) == prove_offset(vault, pinned, 9)
    with pytest.raises(VerificationError, match="not the one that the receipt is of"):
        prove_receipt(vault, make_trust(), replace(claim, offset=10))
    with pytest.raises(RecordNotFoundError):
        prove_receipt(vault, make_trust(), replace(claim, offset=99))
    with pytest.raises(VerificationError, match="pins no log of"):
        prove_receipt(vault, make_trust(), replace(claim, partition=5))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"offset": None}, "no offset, since the broker acknowledged a repeated request: prove the event by its id"),
        ({"sha256": "xy"}, "sha256 is not hexadecimal"),
        ({"topic": 7}, "not a JSON object with topic, partition, offset and sha256"),
    ],
)
def test_a_receipt_that_finds_no_event_is_refused(changed: dict[str, object], problem: str) -> None:
    receipt = {"topic": "t", "partition": 0, "offset": 9, "sha256": "00" * 32}
    with pytest.raises(ConfigurationError, match=problem):
        ReceiptClaim.from_json(receipt | changed)


def rotated() -> tuple[MemoryVault, Trust]:
    """A log whose keys change after its third and its fifth block."""
    second, third = signing_key("second"), signing_key("third")
    names = {2: keys_of(LOG, second), 4: keys_of(LOG, third)}
    signers = (SIGNER, SIGNER, SIGNER, second, second, third, third)
    state, blocks = genesis(LOG, SIGNER), []
    for height, (records, signer) in enumerate(zip(SIZES, signers, strict=True)):
        announced = tuple(map(str, names.get(height, ())))
        blocks.append(seal(state, records, signers=(signer,), next_keys=announced))
        state = state.accept(blocks[-1])
    vault = MemoryVault(enforces_worm=True)
    put_log(vault, blocks)
    return vault, make_trust(LOG)


def test_a_proof_after_rotations_leads_from_the_pinned_keys() -> None:
    vault, trust = rotated()
    pinned = trust.log_of(LOG)
    for offset in range(sum(SIZES)):
        proof = prove_offset(vault, pinned, offset)
        proven = check_record_proof(TlogProof.parse(proof.format()), trust)
        assert proven.record.offset == offset
    assert proven.keys == keys_of(LOG, signing_key("third"))
    data = proof.format()
    for position in range(0, len(data), 3):
        changed = data[:position] + bytes([data[position] ^ 2]) + data[position + 1 :]
        with pytest.raises(VerificationError):
            check_record_proof(TlogProof.parse(changed), trust)
    for old_size in range(1, 8):
        proof_of_heads = prove_consistency(vault, pinned, old_size, 7)
        ConsistencyFile.parse(proof_of_heads.format()).check(trust)


def test_rotations_of_a_stranger_lead_nowhere() -> None:
    vault, trust = rotated()
    proof = prove_offset(vault, trust.log_of(LOG), sum(SIZES) - 1)
    other_log = ORIGINS[1]
    with pytest.raises(VerificationError, match="does not pin"):
        check_record_proof(proof, make_trust(other_log))


def test_the_commands_prove_and_check(tmp_path: Path) -> None:
    from auditseal_vault.directory import DirectoryVault

    memory, _ = make_vault(enforces_worm=False, sizes=SIZES)
    for key, versions in memory.objects.items():
        path = tmp_path / "vault" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        assert versions[0].data is not None
        path.write_bytes(versions[0].data)
    assert DirectoryVault(tmp_path / "vault").holds(LOG.block_key(0))
    trust = tmp_path / "trust.txt"
    trust.write_text("".join(f"log {key}\n" for log in make_trust().logs for key in log.keys))
    where = ["--trust", str(trust), "--vault", (tmp_path / "vault").as_uri()]
    run = CliRunner().invoke
    proof = tmp_path / "x.tlog-proof"
    done = run(app, ["prove", str(LOG), "--offset", "9", "-o", str(proof), *where])
    assert done.exit_code == 0, done.output
    checked = run(app, ["check-proof", str(proof), "--trust", str(trust)])
    assert checked.exit_code == 0
    assert checked.stdout.startswith(f"OK: this is record 2 of block 2 of {LOG}")
    proof.write_bytes(proof.read_bytes().replace(b"index 2", b"index 1"))
    assert run(app, ["check-proof", str(proof), "--trust", str(trust)]).exit_code == Verdict.BROKEN_CHAIN.exit_code
    assert run(app, ["prove", str(LOG), "--offset", "99", *where]).exit_code == 1
    heads = run(app, ["prove", str(LOG), "--consistency", "3", "7", *where])
    proof.write_bytes(heads.stdout_bytes)
    checked = run(app, ["check-proof", str(proof), "--trust", str(trust), "--json"])
    assert '"kind": "consistency"' in checked.stdout
