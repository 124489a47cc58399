"""Whether a partition is new: its log has not begun, and a log of another partition has.

A halt of a new partition concerns no other log. So it ends the sealing of that partition, and not the sealer.
"""

from collections.abc import Iterable
from dataclasses import replace

from auditseal_daemon.blocks_owner import first_blocks
from auditseal_daemon.topic_rules import TopicView
from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.halt import HaltError
from auditseal_schemas.origin import Origin
from auditseal_sealer.context import SealerContext
from auditseal_vault.errors import NotStoredError
from auditseal_vault.log_reader import is_signed


def is_new_partition(context: SealerContext, origin: Origin, topics: tuple[TopicView, TopicView]) -> bool:
    """Return whether a partition's log has not begun, in no run, while one of another partition has.

    A log has begun where the blocks topic begins with a block of it, or the vault has its first block.

    Args:
        context: What the sealer works with.
        origin: The partition's log.
        topics: The events and the blocks topic.

    Raises:
        UnavailableError: Kafka or the vault is unreachable.
    """
    config, (events, blocks) = context.config, topics
    firsts = first_blocks(config.client, config.group, blocks, config.timeouts.call)

    def has_begun(log: Origin) -> bool:
        return _is_of(log, firsts.get(log.partition)) or is_archived(context, log)

    return not has_begun(origin) and any(has_begun(other) for other in _others(context, origin, events.partitions))


def is_unarchived_partition(context: SealerContext, origin: Origin, partitions: int) -> bool:
    """Return whether the vault has no block of a partition, while it has one of another partition.

    Raises:
        UnavailableError: The vault is unreachable.
    """
    others = _others(context, origin, partitions)
    return not is_archived(context, origin) and any(is_archived(context, other) for other in others)


def is_archived(context: SealerContext, origin: Origin) -> bool:
    """Return whether the vault has the first block of a log, or of an earlier run of it.

    The block of this run must be signed by a key of this sealer, or a retired one. Earlier runs may have had others.
    """
    for run in range(origin.run + 1):
        log = replace(origin, run=run)
        try:
            first = context.archive(log).block(0)
        except (NotStoredError, VerificationError, HaltError):
            continue
        if run < origin.run or is_signed(first, context.keys(origin).signers_of(first)):
            return True
    return False


def _others(context: SealerContext, origin: Origin, partitions: int) -> Iterable[Origin]:
    return (context.config.origin(number) for number in range(partitions) if number != origin.partition)


def _is_of(log: Origin, data: bytes | None) -> bool:
    """Return whether a record is a block of a log, of whatever run."""
    try:
        return data is not None and replace(Block.parse(data).header.origin, run=log.run) == log
    except VerificationError:
        return False
