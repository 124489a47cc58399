"""How long a block stays locked: `archiver.retention_days`, counted from its sealing or from now, the later one."""

from datetime import UTC, datetime, timedelta

from auditseal_schemas.block import Block
from auditseal_schemas.origin import Origin
from auditseal_vault.interface import VaultReader


def lock_end(block: Block, retention: timedelta, now: datetime) -> datetime:
    """Return when a block's lock ends, as a whole second: `retention` after its sealing or after now, the later one.

    So a block that waited for its lock is locked no shorter than one that didn't. `Vault.put` takes the end, and
    `auditseal_vault.s3_write` sends it to the store with the object.
    """
    end = max(sealed_time(block), now) + retention
    return end.replace(microsecond=0) + timedelta(seconds=1 if end.microsecond else 0)


def sealed_time(block: Block) -> datetime:
    """Return when a block was sealed; a time after the calendar's end becomes its last second."""
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=block.header.sealed_at)
    except OverflowError:
        return datetime.max.replace(microsecond=0, tzinfo=UTC)


def first_lock_end(vault: VaultReader, origin: Origin) -> float | None:
    """Return when the lock of a log's lowest block ends, in s since the epoch; None where it has no block or no lock.

    The lowest block was stored first and is locked for as long as the others, so its lock ends first.

    Raises:
        UnavailableError: The store can't be read.
    """
    for entry in vault.versions(origin.blocks_prefix, limit=1):
        lock = None if entry.is_delete_marker else vault.retention(entry.key, entry.version_id)
        return lock.retain_until.timestamp() if lock else None
    return None
