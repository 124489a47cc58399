"""Counts of the objects and blocks of one log that were checked."""

from dataclasses import dataclass

from auditseal_schemas.block import Block
from auditseal_schemas.header import Header
from auditseal_schemas.note import Note


@dataclass(slots=True)
class Counts:
    """Counts of one log.

    Attributes:
        objects: Objects read.
        bytes: Their bytes.
        parsed: Objects that are laid out as blocks, linked or not.
        blocks: Linked blocks: those that pass steps 1 to 6 of docs/reference/format.md, section 14.
        records: Records in them, as their headers say.
        gaps: Ranges of offsets without a record in them.
        gap_offsets: The offsets in those ranges.
        first: The header of the first linked block, None before one.
        last: The header of the last linked block.
        note: The note of the last linked block.
    """

    objects: int = 0
    bytes: int = 0
    parsed: int = 0
    blocks: int = 0
    records: int = 0
    gaps: int = 0
    gap_offsets: int = 0
    first: Header | None = None
    last: Header | None = None
    note: Note | None = None

    @property
    def size(self) -> int:
        """The size of the tree that the last linked block completes."""
        return self.last.height + 1 if self.last else 0

    def add_block(self, block: Block) -> None:
        """Count a linked block."""
        header = block.header
        self.blocks += 1
        self.records += header.count
        self.gaps += len(header.gaps)
        self.gap_offsets += sum(gap.last - gap.first + 1 for gap in header.gaps)
        self.first = self.first or header
        self.last, self.note = header, block.note
