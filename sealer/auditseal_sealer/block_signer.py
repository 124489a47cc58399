"""Signs the next block of a log, and checks it as a verifier would before anybody gets it."""

import time

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, SourceIdentity
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.log import LogState
from auditseal_schemas.verdict import Verdict
from auditseal_sealer.clock import BrokerClock
from auditseal_sealer.context import SealerContext
from auditseal_sealer.hooks import Step


def sign_block(
    context: SealerContext,
    state: LogState,
    draft: BlockDraft,
    source: SourceIdentity,
    clock: BrokerClock,
    *,
    next_keys: tuple[str, ...] = (),
) -> tuple[Block, LogState]:
    """Sign a draft as the next block of a log; return it and the state after it.

    Args:
        context: The configuration and the signers.
        state: The log so far.
        draft: The block's records.
        source: The topic as the sealer saw it.
        clock: The broker's clock.
        next_keys: The keys that sign from the block after this one on; empty if they stay.

    Raises:
        HaltError: CLOCK, KEY or INVALID_BLOCK; nothing was published.
    """
    config, head, origin = context.config, state.head, state.origin
    now = time.time_ns() // 1000
    clock.check(max(now, head.sealed_at if head else 0), time.monotonic(), config.clock_lead)
    block = draft.seal(
        source,
        context.signers_of(state),
        now=now,
        sealer=config.sealer,
        predecessor=None if head else config.predecessor(origin.partition),
        next_keys=next_keys,
    )
    try:
        following = state.accept(block)
    except VerificationError as error:
        halt = Halt.KEY if error.verdict is Verdict.BAD_SIGNATURE else Halt.INVALID_BLOCK
        problem = f"the block that was just sealed is not valid and was not published: {error}"
        raise HaltError(halt, f"{origin}: {problem}") from error
    context.hooks.after(Step.SIGNED, origin)
    return block, following
