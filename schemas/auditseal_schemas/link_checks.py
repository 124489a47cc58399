"""Whether a block continues its log: steps 2 to 6 and 9 of docs/reference/format.md, section 14.

Each function raises a `VerificationError` for the first rule that the block breaks.
"""

from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.expected import Expected, Known
from auditseal_schemas.header import Header
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.verdict import Verdict


def check_place(block: Block, expected: Expected) -> None:
    """Check step 2: that the block is the one of this log and height, and continues where the state ends."""
    header = block.header
    _compare("origin", header.origin, expected.origin)
    _compare("height", header.height, expected.height)
    if expected.start_root is not None and block.frontier.root != expected.start_root:
        raise VerificationError(Verdict.BAD_ROOT, "frontier", "the headers before have another root than is pinned")
    if known := expected.known:
        _compare("previous", header.previous.hex(), known.previous.hex())
        _compare("frontier", block.frontier.format().hex(), known.frontier.format().hex())
        _compare("first_link", header.first_link.hex(), known.link.hex())
        _compare("first_offset", header.first_offset, known.next_offset)


def check_continuity(block: Block, known: Known | None) -> None:
    """Check step 3: the changes that are allowed from one header to the next, and only in one direction."""
    if known is None or known.head is None:
        return
    header, head = block.header, known.head
    if head.final:
        raise _broken("final", "the block before was the log's last")
    for field, found, wanted in (
        ("cluster_id", header.cluster_id, head.cluster_id),
        ("topic_id", header.topic_id, head.topic_id),
    ):
        if found != wanted:
            raise _broken(field, f"it is {found}, and was {wanted}: another cluster or a recreated topic")
    for field, now, before in (
        ("partitions", header.partitions, head.partitions),
        ("last_leader_epoch", header.last_leader_epoch, head.last_leader_epoch),
        ("sealed_at", header.sealed_at, head.sealed_at),
    ):
        if now < before:
            raise _broken(field, f"it went back from {before} to {now}")


def check_checkpoint_text(block: Block) -> None:
    """Check step 4: that the note's text is a checkpoint."""
    _ = block.checkpoint  # parsed here for the first time


def check_checkpoint(block: Block) -> None:
    """Check step 5: that the checkpoint is of the tree that the frontier and this header make."""
    checkpoint = block.checkpoint
    if checkpoint.origin != block.header.origin:
        problem = f"it is of {checkpoint.origin}, the header of {block.header.origin}"
        raise VerificationError(Verdict.BAD_ROOT, "checkpoint.origin", problem)
    if checkpoint.size != block.header.height + 1:
        problem = f"it is {checkpoint.size}, the header's height makes it {block.header.height + 1}"
        raise VerificationError(Verdict.BAD_ROOT, "checkpoint.size", problem)
    if checkpoint.root != block.next_frontier.root:
        problem = "the header and the frontier don't lead to the signed root"
        raise VerificationError(Verdict.BAD_ROOT, "checkpoint.root", problem)


def following_keys(header: Header, keys: tuple[VerifierKey, ...]) -> tuple[VerifierKey, ...]:
    """Return the keys that are valid after a block: those that it names, or else the same as before.

    Raises:
        VerificationError: BAD_KEY, step 9; a key that it names can't be one of this log.
    """
    return tuple(_next_key(header, vkey) for vkey in header.next_keys) or keys


def _next_key(header: Header, vkey: str) -> VerifierKey:
    try:
        key = VerifierKey.parse(vkey)
    except VerificationError as error:
        raise VerificationError(Verdict.BAD_KEY, "next_keys", error.problem) from error
    if key.name != str(header.origin):
        raise VerificationError(Verdict.BAD_KEY, "next_keys", f"{key.name[:255]} is not this log's name")
    return key


def _compare(field: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise _broken(field, f"it is {found!s:.80}, the log continues with {wanted!s:.80}")


def _broken(field: str, problem: str) -> VerificationError:
    return VerificationError(Verdict.BROKEN_CHAIN, field, problem)
