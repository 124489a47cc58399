"""Events of one block, and the hashes that lead from them to its header: no other event of the block gets out.

docs/reference/evidence.md specifies the JSON; `verify.Block` reads it.
"""

from base64 import b64encode
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from auditseal_schemas.block import Block
from auditseal_schemas.merkle import tree_root
from auditseal_schemas.record import next_link


def header_proof(block: Block) -> dict[str, Any]:
    """Return a block's header, and what leads from it to the signed checkpoint."""
    return {
        "header": _text(block.header.format()),
        "frontier": [_text(node) for node in block.frontier.hashes],
        "checkpoint": block.note.format().decode(),
    }


def prove_records(block: Block, indexes: Sequence[int]) -> dict[str, Any]:
    """Return the proof of some of a block's records.

    Args:
        block: The block, verified.
        indexes: The records' numbers in it, ascending.
    """
    return header_proof(block) | {"tree": _Tree(block, indexes).part(0, block.header.count)}


class _Tree:
    """The tree over a block's records, of which only those at some numbers are shown."""

    def __init__(self, block: Block, indexes: Sequence[int]) -> None:
        self._records, self._indexes = list(block.encoded_records()), indexes
        self._links = [block.header.first_link]
        for record in self._records:
            self._links.append(next_link(self._links[-1], record))

    def _shows(self, first: int, end: int) -> bool:
        return bisect_left(self._indexes, first) < bisect_left(self._indexes, end)

    def part(self, first: int, size: int) -> Any:
        """Return the part of the tree over `size` records from number `first` on."""
        if not self._shows(first, first + size):
            return _text(tree_root(self._links[first + 1 : first + size + 1]))
        if size == 1:
            record = {"record": self._records[first].decode("latin-1")}
            # A verifier has the link before a record if the record before is shown, and at the beginning.
            follows = first == 0 or self._shows(first - 1, first)
            return record if follows else {"link": _text(self._links[first])} | record
        split = 1 << (size - 1).bit_length() - 1
        return [self.part(first, split), self.part(first + split, size - split)]


def _text(data: bytes) -> str:
    return b64encode(data).decode()
