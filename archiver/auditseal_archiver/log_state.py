"""The state of a log, read from the vault alone. Neither the group's offset nor anything remembered is trusted."""

from collections.abc import Iterable

from auditseal_schemas.errors import VerificationError
from auditseal_schemas.expected import Expected
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.log import LogState
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verification import CHECKPOINT, RECORDS, SIGNATURES, STORED, verify
from auditseal_vault.errors import NotStoredError
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader, StoredBlock, is_signed, keys_at, parse_in_place


def read_log_state(reader: VaultReader, log: PinnedLog, below: int = MAX_HEIGHT + 1) -> LogState:
    """Return the state after a log's highest stored block below a height, verified; genesis where nothing is stored.

    Raises:
        HaltError: SQUATTED, the highest object is not a block that the log's keys signed. BLOCKS_LOST, a block below
            it that names the next keys is not in the vault.
        UnavailableError: The store can't be read.
    """
    stored = LogReader(reader, log.origin).head(below)
    if stored is None:
        return LogState.genesis(log.origin, log.keys)
    try:
        return _state_after(reader, log, stored)
    except NotStoredError as error:
        raise HaltError(Halt.BLOCKS_LOST, f"{error}, and blocks above it are") from error
    except VerificationError as error:
        problem = f"{stored.key} in {reader.url} is not a block of the log: {error}"
        raise HaltError(Halt.SQUATTED, problem) from error


def is_new_partition(reader: VaultReader, logs: Iterable[PinnedLog], others: Iterable[PinnedLog]) -> bool:
    """Return whether none of a partition's logs has begun in the vault, while one of another partition has.

    Raises:
        UnavailableError: The store can't be read.
    """
    return not any(has_begun(reader, log) for log in logs) and any(has_begun(reader, log) for log in others)


def has_begun(reader: VaultReader, log: PinnedLog) -> bool:
    """Return whether the vault has a log's first block, signed by its pinned keys.

    Raises:
        UnavailableError: The store can't be read.
    """
    try:
        first = LogReader(reader, log.origin).block(log.start.height if log.start else 0)
    except (NotStoredError, VerificationError, HaltError):
        return False
    return is_signed(first, log.keys)


def _state_after(reader: VaultReader, log: PinnedLog, stored: StoredBlock) -> LogState:
    block = parse_in_place(stored, log.origin)
    verify(block, CHECKPOINT)
    keys = keys_at(LogReader(reader, log.origin), log, block)
    verify(block, SIGNATURES + STORED + RECORDS, Expected.of(block.header, keys))
    return LogState.after(block, keys)
