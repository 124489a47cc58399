"""A producer's receipt, and the proof that its event was sealed as it was sent.

claim = ReceiptClaim(receipt.topic, receipt.partition, receipt.offset, receipt.sha256)
proof = prove_receipt(open_reader("s3://audit-archive"), trust, claim)
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from auditseal_auditor.errors import RecordNotFoundError
from auditseal_auditor.prover import prove_offset
from auditseal_schemas.errors import ConfigurationError, VerificationError
from auditseal_schemas.event_proof import check_record_proof
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict
from auditseal_vault.interface import VaultReader


@dataclass(frozen=True, slots=True)
class ReceiptClaim:
    """What a receipt says.

    Attributes:
        topic: The events topic.
        partition: Its partition.
        offset: The Kafka offset.
        sha256: The SHA-256 of the record's value: 32 bytes.
    """

    topic: str
    partition: int
    offset: int
    sha256: bytes

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a JSON object with `topic`, `partition`, `offset` and `sha256` in hexadecimal digits; more is allowed.

        Raises:
            ConfigurationError: It is anything else.
        """
        match value:
            case {"topic": str(topic), "partition": int(partition), "offset": int(offset), "sha256": str(digits)}:
                try:
                    return cls(topic, partition, offset, bytes.fromhex(digits))
                except ValueError as error:
                    raise ConfigurationError(f"the receipt's sha256 is not hexadecimal: {error}") from error
        raise ConfigurationError("the receipt is not a JSON object with topic, partition, offset and sha256")


def prove_receipt(reader: VaultReader, trust: Trust, claim: ReceiptClaim) -> TlogProof:
    """Return the proof that a receipt's event is sealed.

    Raises:
        RecordNotFoundError: It is not in the vault yet.
        VerificationError: MISSING_LOG, no pinned log is of that partition; BAD_RECORD, another event is sealed there;
            or a block doesn't hold.
        NotStoredError, UnavailableError: The vault lacks a block, or can't be read.
    """
    missing: RecordNotFoundError | None = None
    for log in _logs_of(trust, claim):
        try:
            proof = prove_offset(reader, log, claim.offset)
        except RecordNotFoundError as error:
            missing = error
            continue
        record = check_record_proof(proof, trust).record
        if record.value is None or sha256(record.value).digest() != claim.sha256:
            problem = "the record that is sealed at this offset is not the one that the receipt is of"
            raise VerificationError(Verdict.BAD_RECORD, "record.value", problem, offset=claim.offset)
        return proof
    assert missing is not None
    raise missing


def _logs_of(trust: Trust, claim: ReceiptClaim) -> list[PinnedLog]:
    """Return the pinned logs of a partition, the latest run first."""
    logs = [log for log in trust.logs if (log.origin.topic, log.origin.partition) == (claim.topic, claim.partition)]
    if not logs:
        problem = f"the trust file pins no log of {claim.topic}/{claim.partition}: add its log line"
        raise VerificationError(Verdict.MISSING_LOG, "origin", problem)
    return sorted(logs, key=lambda log: -log.origin.run)
