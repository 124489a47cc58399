"""One log in a vault: its head, its block at a height, and the keys that are valid there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.expected import Expected
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog, Start
from auditseal_schemas.verdict import Verdict
from auditseal_schemas.verification import SIGNED, verify
from auditseal_vault.bulk_reader import UntilError
from auditseal_vault.errors import NotStoredError, unreadable_is_squatted
from auditseal_vault.head import head_height, probed_height
from auditseal_vault.interface import StoredObject, VaultReader
from auditseal_vault.oldest import oldest_version, oldest_versions


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """The object at a block's key: the oldest version, which was locked first and counts.

    Attributes:
        height: The height that the key names.
        key: The object's key in the vault.
        version_id: The store's name of the version; empty where the store has no versions.
        data: The object's bytes; nothing of them is parsed or verified.
    """

    height: int
    key: str
    version_id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class LogReader:
    """Reads one log.

    Attributes:
        reader: The vault.
        origin: The log.

    All methods raise `UnavailableError` where the store can't be read, and `HaltError` (SQUATTED) where a key holds a
    delete marker and no version, or an object without content.
    """

    reader: VaultReader
    origin: Origin

    def head(self, below: int = MAX_HEIGHT + 1, near: int | None = None) -> StoredBlock | None:
        """Return the log's highest stored block below a height, None if the vault has no block; see `height`."""
        height = self.height(below, near)
        return None if height is None else self.stored(height)

    def height(self, below: int = MAX_HEIGHT + 1, near: int | None = None) -> int | None:
        """Return the height of the log's highest stored block below a height, None if the vault has no block.

        Few requests find it; see `probed_height` for a guess, and for a directory with many missing blocks.
        """
        with unreadable_is_squatted():
            return probed_height(self.reader, self.origin, below, near)

    def exact_height(self) -> int | None:
        """Return the height of the log's highest stored block, whatever blocks are missing; None if there are none."""
        with unreadable_is_squatted():
            return head_height(self.reader, self.origin)

    def stored(self, height: int) -> StoredBlock:
        """Return the object at a height.

        Raises:
            NotStoredError: The vault has no object there.
        """
        key = self.origin.block_key(height)
        oldest = oldest_version(self.reader, key)
        if oldest is None:
            raise NotStoredError(
                f"the vault holds no block {height} of {self.origin}: {key} is not in {self.reader.url}"
            )
        with unreadable_is_squatted():
            return StoredBlock(height, key, oldest.version_id, self.reader.read(key, oldest.version_id))

    def stored_range(self, heights: range) -> Iterator[StoredBlock]:
        """Yield the objects at heights that ascend by one. They are read many at once, with bounded memory.

        The reader needs the right to see locks (GetObjectRetention).

        Raises:
            NotStoredError: The vault has no object at the next height.
        """
        oldest = UntilError(oldest_versions(self.reader, self.origin, heights))
        with unreadable_is_squatted():
            for height, outcome in zip(heights, self.reader.read_many(oldest), strict=False):
                if not isinstance(outcome, StoredObject):
                    raise outcome
                yield StoredBlock(height, outcome.key, outcome.version_id, outcome.data)
        if oldest.error:
            raise oldest.error

    def block(self, height: int) -> Block:
        """Return the block at a height, parsed and in its place; nothing else of it is verified.

        Raises:
            NotStoredError: The vault has no object there.
            VerificationError: MALFORMED, or BROKEN_CHAIN where it is a block of another log or height.
        """
        return parse_in_place(self.stored(height), self.origin)


def parse_in_place(stored: StoredBlock, origin: Origin) -> Block:
    """Parse a stored object and check that it is the block that its key names.

    Raises:
        VerificationError: MALFORMED, or BROKEN_CHAIN where it is a block of another log or height.
    """
    block = Block.parse(stored.data)
    if (block.header.origin, block.header.height) != (origin, stored.height):
        problem = f"{stored.key} holds block {block.header.height} of {block.header.origin}"
        raise VerificationError(Verdict.BROKEN_CHAIN, "origin", problem)
    return block


def keys_at(log: LogReader, pinned: PinnedLog, block: Block) -> tuple[VerifierKey, ...]:
    """Return the keys that are valid at a block's height: the pinned ones, or those that rotations lead to.

    Raises:
        NotStoredError, VerificationError: As `rotations_to`.
    """
    rotations = rotations_to(log, pinned, block)
    return LogState.after(rotations[-1], ()).keys if rotations else pinned.keys


def rotations_to(log: LogReader, pinned: PinnedLog, block: Block) -> tuple[Block, ...]:
    """Return the blocks that announced the keys which signed a block, in order; none where the pinned keys signed it.

    A set of keys signs one run of heights. So the block that names the next keys is found by halving, and few blocks
    are read however long the log is. Each of those blocks is checked up to its signature. Where the keys signed the
    block and it has further lines in the log's name, the block that announced those keys is looked for, too. It
    ignores lines of keys that no block announced.

    Raises:
        NotStoredError: The vault lacks a block that the search needs.
        VerificationError: BAD_SIGNATURE, no keys valid on the way signed the block; BAD_ROOT, the root at the start
            is not the pinned one; or a block on the way is wrong.
    """
    height = block.header.height
    first, keys, rotations = pinned.start.height if pinned.start else 0, pinned.keys, list[Block]()

    @lru_cache(maxsize=1)
    def block_at(number: int) -> Block:
        return block if number == height else log.block(number)

    if pinned.start and not is_signed(block, keys) and first <= height:
        _check_start(block_at(first), pinned.start)
    while not (signed := is_signed(block, keys)) or _further_lines(block, keys):
        further = _further_lines(block, keys) if signed else frozenset[bytes]()
        last = _last_signed(block_at, keys, further, range(first, height)) if first <= height else None
        if signed and (last is None or not block_at(last).header.next_keys):
            break
        if last is None:
            problem = f"no block from {first} to {height} is signed by the keys valid there"
            raise VerificationError(Verdict.BAD_SIGNATURE, "note", problem)
        rotations.append(block_at(last))
        first, keys = last + 1, LogState.after(rotations[-1], keys).keys
    return tuple(rotations)


def _check_start(block: Block, start: Start) -> None:
    """Check that the blocks below a pinned start have the pinned root."""
    if block.frontier.root != start.root:
        problem = f"the headers before block {start.height} have another root than is pinned"
        raise VerificationError(Verdict.BAD_ROOT, "frontier", problem)


def _last_signed(
    block_at: Callable[[int], Block], keys: tuple[VerifierKey, ...], further: frozenset[bytes], heights: range
) -> int | None:
    """Return the last height that the keys signed without all the further lines; None if not even the first one is."""

    def is_before(height: int) -> bool:
        block = block_at(height)
        return is_signed(block, keys) and not (further and further <= _further_lines(block, keys))

    first, last = heights.start, heights.stop
    if not is_before(first):
        return None
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (middle, last) if is_before(middle) else (first, middle)
    return first


def _further_lines(block: Block, keys: tuple[VerifierKey, ...]) -> frozenset[bytes]:
    """Return the key ids of the signature lines in the log's name that are of no given key."""
    name, known = str(block.header.origin), {key.key_id for key in keys}
    return frozenset(line.key_id for line in block.note.signatures if line.name == name) - known


def is_signed(block: Block, keys: tuple[VerifierKey, ...]) -> bool:
    """Return whether a block's checkpoint holds and each of the keys signed it."""
    try:
        verify(block, SIGNED, Expected.of(block.header, keys))
    except VerificationError:
        return False
    return True
