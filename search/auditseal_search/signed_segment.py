"""What an index keeps of a signed segment: its entry, and where the entry is in the index log."""

import json
from base64 import b64encode
from dataclasses import dataclass

from auditseal_schemas.canonical_base64 import decode_base64
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.index_segment import IndexSegment
from auditseal_schemas.origin import Origin
from auditseal_search.errors import BrokenIndexError
from auditseal_search.index_store import IndexStore
from auditseal_search.manifest import Segment, entry_name


@dataclass(frozen=True, slots=True)
class SignedSegment:
    """A segment in the index log.

    Attributes:
        index: The entry's index there.
        entry: The entry.
    """

    index: int
    entry: IndexSegment

    def is_of(self, segment: Segment) -> bool:
        """Return whether the entry is of a segment as the manifest describes it, and not of an earlier file."""
        return self.entry.file_sha256.hex() == segment.sha256 and self.entry.head.root.hex() == segment.root


def read_signed(store: IndexStore, origin: Origin, segment: Segment) -> SignedSegment | None:
    """Return what was signed of a segment, None where nothing was.

    Raises:
        BrokenIndexError: The file is damaged.
        UnavailableError: The index can't be read.
    """
    name = entry_name(origin, segment.first_height, segment.last_height)
    data = store.read(name)
    if data is None:
        return None
    try:
        value = json.loads(data)
        entry = IndexSegment.parse(decode_base64("entry", value["entry"].encode()))
        return SignedSegment(int(value["index"]), entry)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, VerificationError) as error:
        raise BrokenIndexError(f"{name} in {store.url} is damaged: {error!r}; remove it, and build again") from error


def write_signed(store: IndexStore, origin: Origin, segment: Segment, signed: SignedSegment) -> None:
    """Store what was signed of a segment.

    Raises:
        UnavailableError: The index can't be written.
    """
    value = {"index": signed.index, "entry": b64encode(signed.entry.format()).decode()}
    store.write(
        entry_name(origin, segment.first_height, segment.last_height), json.dumps(value, indent=1).encode() + b"\n"
    )
