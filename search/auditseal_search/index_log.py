"""An index log: the transparency log of an index, stored as C2SP tiles, https://c2sp.org/tlog-tiles.

| file below `index-log/` | content |
| --- | --- |
| `checkpoint` | the signed checkpoint, written last |
| `tile/<level>/<number>` | 256 hashes of a level; with `.p/<width>` fewer |
| `tile/entries/<number>` | 256 entries, each after its length in two bytes; with `.p/<width>` fewer |
"""

from dataclasses import dataclass
from functools import partial

from auditseal_schemas.checkpoint import TreeHead
from auditseal_schemas.errors import ConfigurationError, MalformedError, VerificationError
from auditseal_schemas.key import Signer, VerifierKey
from auditseal_schemas.merkle import EMPTY_ROOT, HASH_SIZE, inclusion_path, leaf_hash, node_hash, tree_root
from auditseal_schemas.note import Note, sign_note
from auditseal_schemas.trust import Trust
from auditseal_search.errors import BrokenIndexError
from auditseal_search.index_store import IndexStore

FOLDER = "index-log"
_CHECKPOINT = f"{FOLDER}/checkpoint"
_WIDTH, _WIDTH_BITS = 256, 8
_ENTRIES = "entries"


@dataclass(frozen=True, slots=True)
class LogState:
    """A checkpoint of the index log, whose signature holds; `note` is None before the first entry."""

    head: TreeHead
    note: Note | None


class IndexLog:
    """The log of one index. One process at a time may append.

    Args:
        store: The store of the index.
        key: The key that signs the log.
    """

    def __init__(self, store: IndexStore, key: VerifierKey) -> None:
        self._store, self._key = store, key

    def state(self) -> LogState:
        """Return the log's latest checkpoint.

        Raises:
            BrokenIndexError: It is damaged, or another key signed it.
            UnavailableError: The store can't be read.
        """
        data = self._store.read(_CHECKPOINT)
        if data is None:
            return LogState(TreeHead(self._key.name, 0, EMPTY_ROOT), None)
        try:
            note = Note.parse(data)
            note.check([self._key])
            head = TreeHead.parse(note.text)
        except VerificationError as error:
            raise BrokenIndexError(
                f"the index log of {self._store.url} is not signed by {self._key}: {error}; use the key that began it,"
                " or build a new index in another place"
            ) from error
        return LogState(head, note)

    def append(self, entry: bytes, signer: Signer) -> int:
        """Add an entry, sign the log, and return the entry's index. The checkpoint is written last.

        Args:
            entry: At most 65,535 bytes.
            signer: The private half of the log's key.

        Raises:
            BrokenIndexError: The log is damaged, or another process appended meanwhile.
            UnavailableError: The store can't be read or written.
        """
        before = self.state()
        self._check(before.head)
        index, node = before.head.size, leaf_hash(entry)
        self._extend(_ENTRIES, index, len(entry).to_bytes(2, "big") + entry)
        level, position = 0, index
        while True:
            tile = self._extend(str(level), position, node)
            if len(tile) < _WIDTH * HASH_SIZE:
                break
            node, level, position = tree_root(_split(tile)), level + 1, position // _WIDTH
        if self.state() != before:
            raise BrokenIndexError(
                f"another process added to the index log of {self._store.url}: run one build at a time, and build again"
            )
        head = TreeHead(self._key.name, index + 1, self._root(index + 1, 0, index + 1))
        note = sign_note(head.format(), self._key.name, [signer])
        self._store.write(_CHECKPOINT, note.format())
        return index

    def path(self, index: int, size: int) -> tuple[bytes, ...]:
        """Return the inclusion proof of an entry in the tree of the first `size` entries.

        Raises:
            BrokenIndexError: A tile is missing or too short.
            UnavailableError: The store can't be read.
        """
        return tuple(inclusion_path(index, size, partial(self._root, size)))

    def _check(self, head: TreeHead) -> None:
        """Check that the tiles are those that were signed: an entry on top of others would be a second history."""
        if head.size and self._root(head.size, 0, head.size) != head.root:
            raise BrokenIndexError(
                f"the tiles of the index log of {self._store.url} are not those of its checkpoint: restore them, or"
                " build a new index with a new key"
            )

    def _root(self, size: int, start: int, end: int) -> bytes:
        """Return the root over a range as RFC 6962 splits a tree, of the tree of `size` entries."""
        count = end - start
        if count <= _WIDTH:
            return tree_root(self._hashes(size, 0, start, end))
        if count & (count - 1) == 0:
            level = (count.bit_length() - 1) // _WIDTH_BITS
            unit = _WIDTH**level
            return tree_root(self._hashes(size, level, start // unit, end // unit))
        middle = start + (1 << count.bit_length() - 1)
        return node_hash(self._root(size, start, middle), self._root(size, middle, end))

    def _hashes(self, size: int, level: int, start: int, end: int) -> list[bytes]:
        """Return hashes of a level that are in one tile."""
        number = start // _WIDTH
        width = min(_WIDTH, size // _WIDTH**level - number * _WIDTH)
        tile = self._read(_name(str(level), number, width))
        if len(tile) != width * HASH_SIZE:
            raise BrokenIndexError(f"{_name(str(level), number, width)} in {self._store.url} has another length")
        return _split(tile)[start - number * _WIDTH : end - number * _WIDTH]

    def _extend(self, level: str, position: int, item: bytes) -> bytes:
        """Write a tile with one more item, and return it."""
        number, width = divmod(position, _WIDTH)
        tile = (self._read(_name(level, number, width)) if width else b"") + item
        self._store.write(_name(level, number, width + 1), tile)
        return tile

    def _read(self, name: str) -> bytes:
        data = self._store.read(name)
        if data is None:
            raise BrokenIndexError(f"{name} is not in {self._store.url}, and the index log needs it: restore it")
        return data


def pinned_log(store: IndexStore, trust: Trust) -> IndexLog:
    """Return the log of an index, by the key that the trust file pins for it.

    Raises:
        ConfigurationError: The index is not signed.
        VerificationError: MISSING_LOG; the trust file does not pin it.
        BrokenIndexError: The checkpoint is damaged.
        UnavailableError: The store can't be read.
    """
    data = store.read(_CHECKPOINT)
    if data is None:
        raise ConfigurationError(f"the index {store.url} is not signed: run `auditseal index build --key`")
    try:
        name = TreeHead.parse(Note.parse(data).text).name
    except MalformedError as error:
        raise BrokenIndexError(f"the checkpoint of the index log of {store.url} is damaged: {error}") from error
    return IndexLog(store, trust.index_of(name))


def _name(level: str, number: int, width: int) -> str:
    """Return a tile's name: the number in groups of three digits, all but the last after an `x`."""
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03d}")
    partial_width = "" if width == _WIDTH else f".p/{width}"
    return f"{FOLDER}/tile/{level}/{'/'.join(groups)}{partial_width}"


def _split(tile: bytes) -> list[bytes]:
    return [tile[start : start + HASH_SIZE] for start in range(0, len(tile), HASH_SIZE)]
