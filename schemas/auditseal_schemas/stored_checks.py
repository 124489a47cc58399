"""Whether a block's stored bytes are those that were signed: steps 7 and 8 of docs/reference/format.md, section 14.

Each function raises a `VerificationError` for the first rule that the block breaks.
"""

from hashlib import sha256

from auditseal_schemas.block import LOCATOR_SIZE, Block
from auditseal_schemas.container import payload_digest
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.verdict import Verdict


def check_payload(block: Block) -> None:
    """Check step 7: the data blocks."""
    if payload_digest(block.chunks) != block.header.payload:
        raise VerificationError(Verdict.BAD_ROOT, "payload", "the data blocks are not those that were signed")


def check_locators(block: Block) -> None:
    """Check step 8: the locators, and the counts that the data blocks state."""
    header = block.header
    if sha256(block.locators).digest() != header.locators:
        raise VerificationError(Verdict.BAD_ROOT, "locators", "they are not those that were signed")
    if len(block.locators) != LOCATOR_SIZE * header.count:
        problem = f"{len(block.locators)} bytes are not {LOCATOR_SIZE} for each of {header.count} records"
        raise VerificationError(Verdict.BAD_ROOT, "locators", problem)
    if sum(chunk.count for chunk in block.chunks) != header.count:
        raise VerificationError(Verdict.BAD_RECORD, "count", f"the data blocks don't hold {header.count} records")
