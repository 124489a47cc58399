"""Where a log stands, from the vault alone: recovery trusts neither the group's offset nor anything remembered."""

from collections.abc import Callable
from functools import lru_cache

from auditseal_archiver.head import oldest_version, read_head
from auditseal_archiver.vault import VaultReader
from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.recheck import check_records
from auditseal_schemas.trust import PinnedLog


def read_state(reader: VaultReader, log: PinnedLog) -> LogState:
    """Return the state after a log's highest stored block, which is verified; genesis where nothing is stored.

    Raises:
        HaltError: SQUATTED; what lies highest is no block that the log's keys signed.
        VaultError: The store can't be read.
    """
    head = read_head(reader, log.origin)
    if head is None:
        return LogState.genesis(log.origin, log.keys)
    height, data = head
    try:
        block = _check_place(Block.parse(data), log, height)
        block.check_checkpoint()
        keys = _keys_at(reader, log, block)
        block.check_signatures(keys)
        block.check_stored()
        check_records(block)
        return LogState.after(block, keys)
    except VerificationError as error:
        raise _squatted(reader, log, height, error) from error


def _check_place(block: Block, log: PinnedLog, height: int) -> Block:
    header = block.header
    if (header.origin, header.height) != (log.origin, height):
        raise HaltError(Halt.SQUATTED, f"{log.origin.block_key(height)} holds block {header.height} of {header.origin}")
    return block


def _keys_at(reader: VaultReader, log: PinnedLog, head: Block) -> tuple[VerifierKey, ...]:
    """Return the keys valid at the head, following each rotation from the pinned ones by halving.

    A set of keys signs one run of heights, so the block that hands over is found without reading those before it.
    """
    first, keys = log.start.height if log.start else 0, log.keys

    @lru_cache(maxsize=1)
    def block_at(height: int) -> Block:
        return head if height == head.header.height else _read_block(reader, log, height)

    while not _signed(head, keys):
        last = _last_signed(block_at, keys, first, head.header.height)
        if last is None:
            problem = f"no block from {first} to {head.header.height} is signed by the keys valid there"
            raise HaltError(Halt.SQUATTED, f"{log.origin.blocks_prefix} in {reader.url}: {problem}")
        block = block_at(last)
        first, keys = last + 1, LogState.after(block, keys).keys
    return keys


def _last_signed(block_at: Callable[[int], Block], keys: tuple[VerifierKey, ...], first: int, last: int) -> int | None:
    """Return the last height that the keys signed, of those from `first` to below `last`."""
    if not _signed(block_at(first), keys):
        return None
    while last - first > 1:
        middle = (first + last) // 2
        first, last = (middle, last) if _signed(block_at(middle), keys) else (first, middle)
    return first


def _signed(block: Block, keys: tuple[VerifierKey, ...]) -> bool:
    try:
        block.check_checkpoint()
        block.check_signatures(keys)
    except VerificationError:
        return False
    return True


def _read_block(reader: VaultReader, log: PinnedLog, height: int) -> Block:
    key = log.origin.block_key(height)
    stored = oldest_version(reader, key)
    if stored is None:
        raise HaltError(Halt.BLOCKS_LOST, f"{key} is not in {reader.url}, and blocks above it are")
    try:
        return _check_place(Block.parse(reader.read(key, stored.version_id)), log, height)
    except VerificationError as error:
        raise _squatted(reader, log, height, error) from error


def _squatted(reader: VaultReader, log: PinnedLog, height: int, error: VerificationError) -> HaltError:
    return HaltError(Halt.SQUATTED, f"{log.origin.block_key(height)} in {reader.url} is no block of the log: {error}")
