"""The block header: all that a log commits to. Its leaf hash is a leaf of the tree that checkpoints sign."""

from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, NamedTuple, Self

from auditseal_schemas.errors import MalformedError, quoted
from auditseal_schemas.lazy_property import lazy_property
from auditseal_schemas.limits import (
    MAX_BLOCK_BYTES,
    MAX_EXTENSIONS,
    MAX_GAPS,
    MAX_HEADER_BYTES,
    MAX_HEIGHT,
    MAX_INT,
    MAX_KEYS,
    MAX_RECORDS,
    MAX_TEXT,
)
from auditseal_schemas.merkle import EMPTY_ROOT, leaf_hash
from auditseal_schemas.origin import Origin
from auditseal_schemas.schema import decode_value, encode_value

VERSION = 1


class Gap(NamedTuple):
    """Offsets `first` to `last` without a record.

    Cause 0 is unknown (markers), 1 below the log's start, 2 a batch that the sealer couldn't read.
    """

    first: int
    last: int
    cause: int


class Predecessor(NamedTuple):
    """The head of the run that this one continues from, and the verifier keys that signed its last block."""

    origin: str
    size: int
    root: bytes
    keys: tuple[str, ...]


class Extension(NamedTuple):
    """What a later version adds; a key that starts with `!` must be understood or refused."""

    key: str
    value: bytes


CAUSE_UNKNOWN, CAUSE_BELOW_START, CAUSE_UNREADABLE = CAUSES = 0, 1, 2
TIMESTAMP_NONE, TIMESTAMP_CREATE, TIMESTAMP_APPEND = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Header:
    """A block's header; the fields are those of `avro/block_header.avsc` and docs/reference/format.md.

    Offsets are Kafka's, `size` the sum of the encoded records' lengths, timestamps ms, `sealed_at` µs since the epoch.

    Raises:
        MalformedError: The fields contradict each other or the limits; see `_check_*`.
    """

    origin: Origin
    height: int
    previous: bytes
    predecessor: Predecessor | None
    cluster_id: str
    topic_id: str
    partitions: int
    last_leader_epoch: int
    first_offset: int
    last_offset: int
    count: int
    size: int
    gaps: tuple[Gap, ...]
    timestamp_type: int
    min_timestamp: int | None
    max_timestamp: int | None
    sealed_at: int
    first_link: bytes
    last_link: bytes
    events_root: bytes
    payload: bytes
    locators: bytes
    next_keys: tuple[str, ...] = ()
    final: bool = False
    sealer: str
    extensions: tuple[Extension, ...] = ()

    def __post_init__(self) -> None:
        self._check_identity()
        self._check_ranges()
        self._check_gaps()
        self._check_extensions()

    def _check_identity(self) -> None:
        for field, text in (("cluster_id", self.cluster_id), ("topic_id", self.topic_id), ("sealer", self.sealer)):
            if not (0 < len(text) <= MAX_TEXT and text.isascii() and text.isprintable()):
                raise _wrong(field, f"{quoted(text)} is not 1 to {MAX_TEXT} printable ASCII characters")
        if not (self.origin.partition < self.partitions <= MAX_INT):
            raise _wrong("partitions", f"{self.partitions} partitions have no number {self.origin.partition}")
        if (self.predecessor is not None) != (self.height == 0 and self.origin.run > 0):
            raise _wrong("predecessor", "it is required at height 0 of every run but the first, and nowhere else")
        if self.predecessor:
            self._check_predecessor(Origin.parse(self.predecessor.origin), self.predecessor.size)
            self._check_predecessor_keys(self.predecessor.keys)

    def _check_predecessor_keys(self, keys: tuple[str, ...]) -> None:
        if not 1 <= len(keys) <= MAX_KEYS or len(set(keys)) != len(keys):
            raise _wrong("predecessor", f"it needs 1 to {MAX_KEYS} different keys, and has {len(keys)}")

    def _check_predecessor(self, origin: Origin, size: int) -> None:
        if size < 0 or origin.run >= self.origin.run or replace(origin, run=self.origin.run) != self.origin:
            raise _wrong("predecessor", f"{size} blocks of {origin} are no earlier run of {self.origin}")

    def _check_ranges(self) -> None:
        if not 0 <= self.height <= MAX_HEIGHT or self.sealed_at < 0:
            raise _wrong("height", f"height {self.height} or sealed_at {self.sealed_at} is out of range")
        if not -1 <= self.last_leader_epoch <= MAX_INT:
            raise _wrong("last_leader_epoch", f"{self.last_leader_epoch} is out of range")
        if not (0 <= self.count <= MAX_RECORDS and 0 <= self.size <= MAX_BLOCK_BYTES):
            raise _wrong("count", f"{self.count} records of {self.size} bytes exceed the limits of a block")
        if not 0 <= self.first_offset <= self.last_offset + 1:
            raise _wrong("last_offset", f"the range {self.first_offset} to {self.last_offset} runs backwards")
        if self.count == 0 and (self.first_link != self.last_link or self.events_root != EMPTY_ROOT or self.size):
            raise _wrong("count", "a block without records has one link, the empty root and no bytes")
        self._check_timestamps()

    def _check_timestamps(self) -> None:
        if self.timestamp_type not in {TIMESTAMP_NONE, TIMESTAMP_CREATE, TIMESTAMP_APPEND}:
            raise _wrong("timestamp_type", f"{self.timestamp_type} is neither none, create nor append")
        if (self.min_timestamp is None) != (self.count == 0) or (self.max_timestamp is None) != (self.count == 0):
            raise _wrong("min_timestamp", "the extremes stand exactly where there are records")
        if (
            self.min_timestamp is not None
            and self.max_timestamp is not None
            and self.min_timestamp > self.max_timestamp
        ):
            raise _wrong("min_timestamp", "it is above max_timestamp")

    def _check_gaps(self) -> None:
        if len(self.gaps) > MAX_GAPS:
            raise _wrong("gaps", f"there are more than {MAX_GAPS}")
        missing, before = 0, Gap(-2, -2, CAUSE_UNKNOWN)
        for gap in self.gaps:
            if not self.first_offset <= gap.first <= gap.last <= self.last_offset:
                raise _wrong("gaps", f"{gap.first} to {gap.last} is not within the block's range")
            if gap.cause not in CAUSES:
                raise _wrong("gaps", f"cause {gap.cause} is unknown")
            if gap.first <= before.last or (gap.first == before.last + 1 and gap.cause == before.cause):
                raise _wrong("gaps", f"{gap.first} to {gap.last} is out of order, or continues the one before")
            missing, before = missing + gap.last - gap.first + 1, gap
        if self.count + missing != self.last_offset - self.first_offset + 1:
            raise _wrong("count", f"{self.count} records and {missing} missing offsets don't fill the range")

    def _check_extensions(self) -> None:
        keys = [extension.key.encode() for extension in self.extensions]
        if len(keys) > MAX_EXTENSIONS or any(left >= right for left, right in pairwise(keys)):
            raise _wrong("extensions", "they are too many, or not sorted and unique by key")
        for extension in self.extensions:
            if extension.key.startswith("!"):
                raise _wrong("extensions", f"{quoted(extension.key)} must be understood and isn't")
        if len(self.next_keys) > MAX_KEYS or len(set(self.next_keys)) != len(self.next_keys):
            raise _wrong("next_keys", f"there are more than {MAX_KEYS}, or one stands twice")

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a header's canonical encoding.

        Raises:
            MalformedError: It isn't one, is too long, of another version, or contradicts itself.
        """
        if len(data) > MAX_HEADER_BYTES:
            raise _wrong("length", f"it exceeds {MAX_HEADER_BYTES} bytes")
        fields = decode_value("block_header", data)
        if (version := fields.pop("version")) != VERSION:
            raise _wrong("version", f"{version} is unknown; this is version {VERSION}")
        return cls(**_typed(fields))

    def format(self) -> bytes:
        """Return the canonical encoding."""
        return self._encoded

    @lazy_property
    def _encoded(self) -> bytes:
        values = {name: getattr(self, name) for name in _FIELDS} | {
            "version": VERSION,
            "origin": str(self.origin),
            "predecessor": self.predecessor and self.predecessor._asdict() | {"keys": list(self.predecessor.keys)},
            "gaps": [gap._asdict() for gap in self.gaps],
            "next_keys": list(self.next_keys),
            "extensions": [extension._asdict() for extension in self.extensions],
        }
        return encode_value("block_header", values)

    @property
    def leaf(self) -> bytes:
        """The header's leaf hash."""
        return leaf_hash(self.format())

    def offset_of(self, number: int) -> int:
        """Return the Kafka offset of a record by its number in the block, from 0: the gaps are passed over."""
        offset = self.first_offset + number
        for gap in self.gaps:
            if gap.first > offset:
                break
            offset += gap.last - gap.first + 1
        return offset


_FIELDS = tuple(field.name for field in fields(Header))


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    predecessor = fields["predecessor"]
    return fields | {
        "origin": Origin.parse(fields["origin"]),
        "predecessor": Predecessor(**predecessor | {"keys": tuple(predecessor["keys"])}) if predecessor else None,
        "gaps": tuple(Gap(**gap) for gap in fields["gaps"]),
        "next_keys": tuple(fields["next_keys"]),
        "extensions": tuple(Extension(**extension) for extension in fields["extensions"]),
    }


def _wrong(field: str, problem: str) -> MalformedError:
    return MalformedError(f"header.{field}", problem)
