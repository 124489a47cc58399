"""Faults that show only against something outside the vault: a remembered checkpoint, a clock, another signed
checkpoint.

docs/reference/format.md, sections 8 and 14.
"""

from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature

from tests.oracle.reader import append, fold, need, read_block, read_key, read_note, refuse, unbase64
from tests.oracle.verifier import Log

Checkpoint = tuple[str, int, bytes]
"""Origin, size and root."""


def read_checkpoint(note: bytes) -> Checkpoint:
    origin, size, root = read_note(note)[0].splitlines()
    return origin, int(size), unbase64(root.encode(), "checkpoint")


def check_head(log: Log, note: bytes) -> None:
    """Check a log, verified before, against a remembered head; one below its start says nothing.

    Raises:
        Refused: TRUNCATED or FORK.
    """
    origin, size, root = read_checkpoint(note)
    if log.height < size:
        refuse("height", "TRUNCATED", place=(origin, log.height))
    if size >= log.first and log.roots[size] != root:
        refuse("checkpoint.root", "FORK", place=(origin, size - 1))


def check_age(log: Log, oldest: int) -> None:
    """Check that a log's last block was sealed at `oldest` (µs) or later.

    Raises:
        Refused: STALE.
    """
    if log.head["sealed_at"] < oldest:
        refuse("sealed_at", "STALE", place=(log.origin, log.height - 1))


def check_fork(one: bytes, other: bytes, vkeys: Sequence[str]) -> tuple[str, int]:
    """Check that two notes prove a fork to a person who has only the log's keys; return its origin and size.

    Raises:
        Refused: They prove nothing.
    """
    (origin, size, root), (other_origin, other_size, other_root) = map(read_checkpoint, (one, other))
    need((origin, size) == (other_origin, other_size), "checkpoint.size", "NO_FORK")
    need(root != other_root, "checkpoint.root", "NO_FORK")
    for note in (one, other):
        check_signed(note, origin, vkeys)
    return origin, size


def check_fork_by_block(note: bytes, data: bytes, vkeys: Sequence[str]) -> tuple[str, int]:
    """Check that a note and the object of the block after it prove a fork: the block's frontier has another root.

    Raises:
        Refused: They prove nothing.
    """
    (origin, size, root), block = read_checkpoint(note), read_block(data)
    leads_to = (block.h["origin"], size + 1, fold(append(block.frontier, size, block.leaf)))
    need(read_checkpoint(block.note) == leads_to, "checkpoint.root", "NO_FORK")
    need(block.h["height"] == size and fold(block.frontier) != root, "frontier", "NO_FORK")
    for signed in (note, block.note):
        check_signed(signed, origin, vkeys)
    return origin, size


def check_signed(note: bytes, origin: str, vkeys: Sequence[str]) -> None:
    text, signatures = read_note(note)
    for key_id, key in (read_key(vkey, origin) for vkey in vkeys):
        mine = [blob[4:] for name, blob in signatures if (name, blob[:4]) == (origin, key_id)]
        need(len(mine) == 1, "note", "NO_FORK")
        try:
            key(text, mine[0])
        except InvalidSignature:
            refuse("note", "NO_FORK")
