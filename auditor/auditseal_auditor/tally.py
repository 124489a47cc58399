"""What a walk up a log has seen, in numbers."""

from dataclasses import dataclass

from auditseal_schemas.block import Block
from auditseal_schemas.header import Header
from auditseal_schemas.note import Note


@dataclass(slots=True)
class Tally:
    """Counts of one log.

    Attributes:
        objects: Objects read.
        bytes: Their bytes.
        parsed: Those that are laid out as blocks, linked or not.
        blocks: Linked blocks: those that hold in steps 1 to 6 of docs/reference/format.md, Verification.
        records: Records in them, as their headers say.
        gaps: Ranges of offsets without a record in them.
        gap_offsets: The offsets in those.
        first: The header of the first of them, None before one.
        last: The header of the last of them.
        note: That one's note.
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

    def count(self, block: Block) -> None:
        """Take a linked block in."""
        header = block.header
        self.blocks += 1
        self.records += header.count
        self.gaps += len(header.gaps)
        self.gap_offsets += sum(gap.last - gap.first + 1 for gap in header.gaps)
        self.first = self.first or header
        self.last, self.note = header, block.note
