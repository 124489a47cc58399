"""Every byte of many proofs changed, and every cut of them: `make tamper-proofs`, PROOFS=1000 by default.

Each proof is of another record of a log with rotations. Each of its bytes is changed to another value, drawn at random;
the first three proofs have each byte changed to all 255 others. Each must be refused with a verdict.
"""

import random
import sys
from collections.abc import Iterator
from itertools import islice

from auditseal_auditor.blocks.prover import prove_in_block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.event_proof import check_record_proof
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import Trust
from tests.factory.evidence import LOG, long_log, trust_file
from tests.factory.vaults import MemoryVault, put_log

PROOFS, WHOLE = 1_000, 3


def proofs(count: int) -> Iterator[bytes]:
    """Yield the proof of each of the first records of a log, whose key changes on the way."""
    vault, blocks = MemoryVault(), long_log(count)
    put_log(vault, blocks)
    pinned = Trust.parse(trust_file()).log_of(LOG)
    records = ((block.header.height, record.offset) for block in blocks for record in block.records())
    for height, offset in islice(records, count):
        yield prove_in_block(vault, pinned, height, offset).format()


def changes(data: bytes, dice: random.Random, *, whole: bool) -> Iterator[bytes]:
    """Yield a proof with each byte changed, and each cut of it."""
    for position, byte in enumerate(data):
        flips = range(1, 256) if whole else (dice.randrange(1, 256),)
        for flip in flips:
            yield data[:position] + bytes([byte ^ flip]) + data[position + 1 :]
        yield data[:position]


def accepted(data: bytes, trust: Trust) -> bool:
    """Return whether a proof is accepted. Any other error than a refusal is a bug."""
    try:
        check_record_proof(TlogProof.parse(data), trust)
    except VerificationError:
        return False
    return True


def main(arguments: list[str]) -> int:
    count = int(arguments[0]) if arguments else PROOFS
    trust, dice, tried = Trust.parse(trust_file()), random.Random(13), 0
    for number, data in enumerate(proofs(count)):
        assert accepted(data, trust), number
        for changed in changes(data, dice, whole=number < WHOLE):
            tried += 1
            if accepted(changed, trust):
                print(f"proof {number} is accepted although it was changed:\n{changed!r}")
                return 1
    print(f"{count:,} proofs: {tried:,} changes and cuts, all refused")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
