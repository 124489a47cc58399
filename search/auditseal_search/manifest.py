"""The manifest of one log's index: which segments it has, what each covers, and what it was made from.

{"version": 1, "columns": 2, "origin": "…", "schemas": {"7": 1}, "segments": [{"first_height": 0, …}]}
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.origin import Origin
from auditseal_schemas.registry_schema import PinnedSchema
from auditseal_schemas.trust import PinnedLog
from auditseal_search.columns import VERSION
from auditseal_search.errors import BrokenIndexError
from auditseal_search.index_store import IndexStore

FORMAT = 1
"""The version of the manifest's own layout."""
FULL = 1_000_000
"""Rows and blocks of a segment, counted together, at which it closes at a block's end. A full one never changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The rows of a run of heights, in one Parquet file.

    Attributes:
        first_height: The lowest height.
        last_height: The highest height.
        root: The root of the tree of the log's headers up to `last_height`, in hexadecimal digits.
        rows: Rows: one for each record.
        problems: Rows that are not readable events.
        first_offset: The Kafka offset at which the range begins.
        last_offset: The offset at which it ends.
        min_timestamp: The earliest time of the broker in ms since the epoch, None where no row has one.
        max_timestamp: The latest.
        min_occurred_at: The earliest `occurred_at` of an event in µs since the epoch, None where there is no event.
        max_occurred_at: The latest.
        bytes: The file's size.
        sha256: The file's SHA-256, in hexadecimal digits.
    """

    first_height: int
    last_height: int
    root: str
    rows: int
    problems: int
    first_offset: int
    last_offset: int
    min_timestamp: int | None
    max_timestamp: int | None
    min_occurred_at: int | None
    max_occurred_at: int | None
    bytes: int
    sha256: str

    @property
    def is_full(self) -> bool:
        """Whether later blocks go into another segment."""
        return self.rows + self.last_height - self.first_height + 1 >= FULL


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the index of a log holds.

    Attributes:
        origin: The log.
        segments: In the order of their heights, without a hole between them.
        schemas: The schemas of a registry that the trust file pinned for the log when the index was begun.
    """

    origin: Origin
    segments: tuple[Segment, ...] = ()
    schemas: tuple[PinnedSchema, ...] = ()

    @property
    def size(self) -> int:
        """The number of blocks of the log that the index covers; the next block to index has this height."""
        return self.segments[-1].last_height + 1 if self.segments else 0

    @property
    def rows(self) -> int:
        """The number of all rows."""
        return sum(segment.rows for segment in self.segments)

    def with_segment(self, segment: Segment) -> Self:
        """Return the manifest with one more segment, which takes the place of those that it covers."""
        kept = tuple(one for one in self.segments if one.last_height < segment.first_height)
        return replace(self, segments=(*kept, segment))

    def format(self) -> bytes:
        """Return the manifest's bytes."""
        value = {
            "version": FORMAT,
            "columns": VERSION,
            "origin": str(self.origin),
            "schemas": {schema.id: schema.version for schema in self.schemas},
            "segments": [asdict(segment) for segment in self.segments],
        }
        return json.dumps(value, indent=1).encode() + b"\n"

    @classmethod
    def parse(cls, data: bytes, pinned: PinnedLog) -> Self:
        """Read the manifest of a log's index.

        Raises:
            BrokenIndexError: It is damaged, of another version or of another log, or the trust file pins other schemas.
        """
        origin = pinned.origin
        try:
            value = json.loads(data)
            if (value["version"], value["columns"]) != (FORMAT, VERSION):
                raise BrokenIndexError(
                    f"the index of {origin} was made by another version of auditseal: build it again"
                    " (`auditseal index build --again`)"
                )
            schemas = tuple(PinnedSchema(name, version) for name, version in value["schemas"].items())
            found = cls(Origin.parse(value["origin"]), tuple(_segment(each) for each in value["segments"]), schemas)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError, MalformedError) as error:
            raise BrokenIndexError(f"the manifest of {origin} is damaged: {error!r}; build the index again") from error
        if found.origin != origin:
            raise BrokenIndexError(f"the manifest of {origin} is of {found.origin}: build the index again")
        if found.schemas != pinned.schemas:
            raise BrokenIndexError(
                f"the index of {origin} was built with other schema lines than the trust file has: build it again"
                " (`auditseal index build --again`)"
            )
        _check_order(found)
        return found


def manifest_name(origin: Origin) -> str:
    """Return the name of a log's manifest in an index."""
    return f"v{FORMAT}/{origin}/manifest.json"


def segment_name(origin: Origin, first: int, last: int) -> str:
    """Return the name of a segment's file in an index."""
    return f"v{FORMAT}/{origin}/rows/{first:012d}-{last:012d}.parquet"


def terms_name(origin: Origin, first: int, last: int) -> str:
    """Return the name of the terms file of a signed segment."""
    return f"v{FORMAT}/{origin}/{first:012d}-{last:012d}.terms"


def entry_name(origin: Origin, first: int, last: int) -> str:
    """Return the name of the file that has a signed segment's entry."""
    return f"v{FORMAT}/{origin}/{first:012d}-{last:012d}.entry.json"


def read_manifest(index: IndexStore, pinned: PinnedLog) -> Manifest:
    """Return a log's manifest, an empty one if the index has no manifest.

    Raises:
        BrokenIndexError: It is damaged, of another version or of another log, or the trust file pins other schemas.
        UnavailableError: The index can't be read.
    """
    data = index.read(manifest_name(pinned.origin))
    return Manifest(pinned.origin, schemas=pinned.schemas) if data is None else Manifest.parse(data, pinned)


def _segment(value: dict[str, Any]) -> Segment:
    names = {field.name for field in fields(Segment)}
    if value.keys() != names:
        raise ValueError(f"a segment has the fields {sorted(value)}")
    for name, item in value.items():
        optional = name.startswith(("min_", "max_"))
        wanted = str if name in {"root", "sha256"} else int
        if not (type(item) is wanted or (optional and item is None)):
            raise ValueError(f"a segment's {name} is {item!r}")
    return Segment(**value)


def _check_order(manifest: Manifest) -> None:
    """Check that no heights between the first and the last segment are left out."""
    for before, after in zip(manifest.segments, manifest.segments[1:], strict=False):
        if after.first_height != before.last_height + 1:
            raise BrokenIndexError(
                f"the index of {manifest.origin} leaves out heights {before.last_height + 1} to"
                f" {after.first_height - 1}: a segment was dropped; build the index again"
            )
