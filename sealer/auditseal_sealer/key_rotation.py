"""A change of keys within a log: a signed block announces the next keys, which sign from the next height on.

The announcement is a block like all others. A writer that is interrupted leaves it uncommitted, and then the next
writer, a rotation or a sealer, commits it byte for byte; or it leaves nothing that anybody could have read.
"""

from dataclasses import dataclass

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from auditseal_schemas.block_draft import BlockDraft, SourceIdentity
from auditseal_schemas.errors import ConfigurationError, UnavailableError, VerificationError
from auditseal_schemas.key import Signer, VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_schemas.public_key import verify_signature
from auditseal_sealer.block_producer import BlockProducer
from auditseal_sealer.block_signer import sign_block
from auditseal_sealer.block_writer import BlockWriter
from auditseal_sealer.committed_head import recover_committed_head
from auditseal_sealer.context import SealerContext
from auditseal_sealer.recovery import GenesisRule, Recovered, recover
from auditseal_sealer.source_reader import SourceReader
from auditseal_sealer.waiting_block import Position

_LONGEST, _PAUSE = 30.0, 0.2  # s: how long a moving head is read again, and the pause between two tries
_REHEARSAL = b"auditseal: this text is signed to try a key, and commits to nothing\n"


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """How far the change of keys of one log is.

    Attributes:
        origin: The log.
        next_keys: The keys that follow, all of which sign each block.
        height: The first height that they sign, or would sign if the announcement came now.
        is_announced: A committed block has announced them, or they signed the head already.
    """

    origin: Origin
    next_keys: tuple[VerifierKey, ...]
    height: int
    is_announced: bool


def try_signer(signer: Signer, name: str) -> None:
    """Check that a signer signs with the key that it shows, on a text that is not a checkpoint.

    Raises:
        ConfigurationError: It doesn't.
        UnavailableError, HaltError: As `Signer.sign`.
    """
    try:
        verify_signature(signer.algorithm, signer.public, _REHEARSAL, signer.sign(_REHEARSAL))
    except VerificationError as error:
        raise ConfigurationError(f"the key of {name} does not sign: {error}") from error


def look_at_rotation(context: SealerContext, origin: Origin) -> KeyRotation:
    """Return how far the change of keys of a log is. Nothing is written, and no sealer is disturbed.

    Raises:
        ConfigurationError: There are no next keys, or they are the same.
        HaltError: The log can't continue; GENESIS_NOT_ALLOWED if it has no block.
        UnavailableError: A source can't be read, or the head moves all the time.
    """
    genesis = GenesisRule(allowed=False, predecessor=None)
    reader, keys = SourceReader(context, origin), context.keys(origin)
    patient = Retrying(
        retry=retry_if_exception_type(UnavailableError),
        stop=stop_after_delay(_LONGEST),
        wait=wait_fixed(_PAUSE),
        reraise=True,
    )
    return _rotation(context, patient(lambda: recover(origin, keys, reader.read(), genesis)))


def rotate_log(context: SealerContext, origin: Origin, blocks: BlockProducer) -> KeyRotation:
    """Announce the next keys of a log, unless they are announced. A sealer that has the log is fenced, and recovers.

    Raises:
        ConfigurationError, HaltError, UnavailableError: As `look_at_rotation`.
        FencedError: Another sealer took the log over meanwhile; the same command again continues.
    """
    found = look_at_rotation(context, origin)
    if found.is_announced:
        return found
    with BlockWriter(context, origin, blocks) as writer:
        rotation = _announce(context, origin, writer)
        writer.release()
    return rotation


def _announce(context: SealerContext, origin: Origin, writer: BlockWriter) -> KeyRotation:
    recovered = recover_committed_head(context, origin, writer)
    found = _rotation(context, recovered)
    if found.is_announced:
        return found
    state, events, head = recovered.state, recovered.events, recovered.state.head
    assert head is not None  # a log without a block is a halt
    partitions = max(events.partitions, head.partitions)
    source = SourceIdentity(events.cluster_id, events.topic_id, partitions, head.last_leader_epoch)
    draft = BlockDraft(state, context.config.limits)
    block, following = sign_block(
        context, state, draft, source, writer.clock, next_keys=tuple(map(str, found.next_keys))
    )
    writer.commit(block.format(), Position(following.next_offset, following.height))
    return KeyRotation(origin, found.next_keys, following.height, is_announced=True)


def _rotation(context: SealerContext, recovered: Recovered) -> KeyRotation:
    state = recovered.state
    keys = context.keys(state.origin)
    if set(keys.following) in (set(), set(keys.current)):
        raise ConfigurationError("sealer.next_key_file or next_signer names no other key: make one and name it")
    if set(state.keys) == set(keys.following):
        return KeyRotation(state.origin, keys.following, state.height, is_announced=True)
    return KeyRotation(state.origin, keys.following, state.height + 1, is_announced=False)
