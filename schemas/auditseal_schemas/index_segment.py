"""The entry of an index log: what an index commits to for a run of blocks (docs/reference/absence.md)."""

from dataclasses import dataclass, fields
from typing import Any, Self

from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import MalformedError
from auditseal_schemas.lazy_property import lazy_property
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.merkle import leaf_hash
from auditseal_schemas.note import Note
from auditseal_schemas.schema import decode_value, encode_value
from auditseal_schemas.term_tree import TermsTree

VERSION = 1
MAX_ENTRY_BYTES = 65_535
"""What the two bytes of an entry's length can say (https://c2sp.org/tlog-tiles, Log Entries)."""
_SCHEMA = "index_segment"


@dataclass(frozen=True, kw_only=True)
class IndexSegment:
    """A segment of an index as its owner signs it. Nothing of it is checked but its form.

    Attributes:
        version: The version of this layout: 1.
        first_height: The first block.
        checkpoint: The signed checkpoint of the last block, as the log has it: what the segment was made from.
        first_offset: The first Kafka offset that the blocks cover.
        last_offset: The last one.
        extractor: The version of the rules that gave the terms.
        event_schema: The latest version of the event that they know.
        rows: Records.
        problems: Records that are not readable events.
        min_timestamp: The broker's earliest time in ms since the epoch; None for none.
        max_timestamp: The latest.
        min_occurred_at: The producers' earliest time in µs since the epoch; None for none.
        max_occurred_at: The latest.
        file_bytes: The size of the Parquet file.
        file_sha256: Its SHA-256.
        terms: How many terms there are.
        terms_root: The root of their tree.
    """

    version: int = VERSION
    first_height: int
    checkpoint: bytes
    first_offset: int
    last_offset: int
    extractor: int
    event_schema: int
    rows: int
    problems: int
    min_timestamp: int | None
    max_timestamp: int | None
    min_occurred_at: int | None
    max_occurred_at: int | None
    file_bytes: int
    file_sha256: bytes
    terms: int
    terms_root: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read an entry's bytes strictly.

        Raises:
            MalformedError: They are too long, not canonical, of another version, or break a rule.
        """
        if len(data) > MAX_ENTRY_BYTES:
            raise MalformedError("segment", f"it exceeds {MAX_ENTRY_BYTES} bytes")
        segment = cls(**decode_value(_SCHEMA, data))
        if segment.version != VERSION:
            raise MalformedError("segment.version", f"it is {segment.version}, and this version knows {VERSION}")
        if not 0 <= segment.first_height <= segment.last_height <= MAX_HEIGHT:
            problem = f"it begins at {segment.first_height}, and its checkpoint ends at {segment.last_height}"
            raise MalformedError("segment.first_height", problem)
        if not 0 <= segment.first_offset <= segment.last_offset + 1:
            raise MalformedError("segment.first_offset", "the offsets do not ascend from 0 or above")
        if min(segment.rows, segment.problems, segment.file_bytes, segment.terms) < 0:
            raise MalformedError("segment.rows", "a count is negative")
        return segment

    def format(self) -> bytes:
        """Return the entry's bytes: the canonical Avro encoding."""
        return encode_value(_SCHEMA, self._values)

    @property
    def _values(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @lazy_property
    def note(self) -> Note:
        """The signed checkpoint, parsed."""
        return Note.parse(self.checkpoint)

    @lazy_property
    def head(self) -> Checkpoint:
        """The checkpoint: the log, its number of blocks after the segment, and its root."""
        return Checkpoint.parse(self.note.text)

    @property
    def last_height(self) -> int:
        """The last block."""
        return self.head.size - 1

    @property
    def leaf(self) -> bytes:
        """The leaf in the index log: SHA-256(00 ‖ entry)."""
        return leaf_hash(self.format())

    @property
    def tree(self) -> TermsTree:
        """The tree of the terms."""
        return TermsTree(self.terms, self.terms_root)
