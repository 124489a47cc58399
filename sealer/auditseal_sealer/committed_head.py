"""The head of a log, after committing a block that was signed before and not committed."""

import structlog

from auditseal_schemas.origin import Origin
from auditseal_sealer.block_writer import BlockWriter
from auditseal_sealer.context import SealerContext
from auditseal_sealer.hooks import Step
from auditseal_sealer.recovery import GenesisRule, Recovered, recover
from auditseal_sealer.source_reader import SourceReader
from auditseal_sealer.waiting_block import Position


def recover_committed_head(context: SealerContext, origin: Origin, writer: BlockWriter) -> Recovered:
    """Find out where a log continues. A block that was signed and not committed is committed first, byte for byte.

    Args:
        context: The configuration and the keys.
        origin: The log.
        writer: The writer that took the log over, so that nothing changes meanwhile.

    Raises:
        UnavailableError, HaltError: As `SourceReader.read`, `recover` and `BlockWriter.publish`.
        FencedError, ExpelledError: As `BlockWriter.publish`.
    """
    reader, config = SourceReader(context, origin), context.config
    genesis = GenesisRule(config.genesis_allowed, config.predecessor(origin.partition))
    while True:
        recovered = recover(origin, context.keys(origin), reader.read(), genesis)
        context.hooks.after(Step.RECOVERED, origin)
        if recovered.unfinished is None:
            return recovered
        header = recovered.unfinished.header
        log = structlog.get_logger("auditseal.sealer").bind(origin=str(origin))
        log.warning("committing a block again that was signed and not committed", height=header.height)
        position = Position(header.last_offset + 1, header.height + 1)
        writer.commit(recovered.unfinished.format(), position)
