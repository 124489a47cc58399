"""The signed head of a log that an answer covers, and the blocks that announced the keys which signed it."""

from dataclasses import dataclass
from typing import Any

from auditseal_auditor.blocks.single_block import read_single
from auditseal_evidence.block_proof import header_proof
from auditseal_evidence.case import CoveredLog
from auditseal_evidence.errors import EvidenceError
from auditseal_schemas.trust import PinnedLog
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader, rotations_to


@dataclass(frozen=True, slots=True)
class CaseLog:
    """A log of a case, as case.json has it.

    Attributes:
        covered: What the answer covers.
        note: The signed checkpoint of the head; None where the log has no block.
        rotations: The blocks that announced the next keys, in order, as JSON.
    """

    covered: CoveredLog
    note: str | None
    rotations: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes."""
        return {
            "origin": str(self.covered.origin),
            "size": self.covered.size,
            "head": self.note,
            "rotations": list(self.rotations),
            "not_covered": list(self.covered.not_covered),
        }


def read_head(reader: VaultReader, pinned: PinnedLog, covered: CoveredLog) -> CaseLog:
    """Return the signed head that an answer covers.

    Raises:
        EvidenceError: The vault has another history than the one that was searched.
        NotStoredError, VerificationError, UnavailableError: As `read_single`.
    """
    if not covered.size:
        return CaseLog(covered, None, ())
    block = read_single(reader, pinned, covered.size - 1).block
    if covered.root and block.checkpoint.root.hex() != covered.root:
        problem = f"the head of {covered.size} blocks of {covered.origin} is another one than the search found"
        raise EvidenceError(f"{problem}: the vault was changed meanwhile, verify it with auditseal verify")
    rotations = rotations_to(LogReader(reader, pinned.origin), pinned, block)
    return CaseLog(covered, block.note.format().decode(), tuple(map(header_proof, rotations)))
