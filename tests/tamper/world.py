"""The vault that is tampered with: two logs of three blocks, a few records each, of fixed keys, times and bytes.

Block 0 has one stored data block; block 1 begins with a gap and has two; block 2 is compressed, and has a gap inside.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.container import Chunk
from auditseal_schemas.header import Predecessor
from auditseal_schemas.key import SigningKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from tests.factory.keys import SIGNER, keys_of
from tests.factory.messages import Message
from tests.factory.streams import stored_deflate
from tests.factory.vaults import ORIGINS, SEALED_AT, Version, genesis, lock_until, make_messages
from tests.vectors.sealed import Sealed

Objects = dict[str, tuple[Version, ...]]
"""By key every version, the oldest first."""

OFFSETS = ((0, 1, 2), (4, 5, 6), (7, 9, 10, 11))
"""Of the records of each block."""
HEIGHTS = range(len(OFFSETS))
LAST = HEIGHTS[-1]
TRUST = "".join(f"log {key}\n" for origin in ORIGINS for key in keys_of(origin)) + "retention 30\n"


@dataclass(frozen=True)
class History:
    """A log: its blocks, and the state before each and after the last."""

    blocks: tuple[Block, ...]
    states: tuple[LogState, ...]

    @property
    def objects(self) -> Objects:
        return {key_of(block): stored(block.format(), block.header.sealed_at) for block in self.blocks}

    def sealed(self, height: int) -> Sealed:
        return Sealed.take_apart(self.blocks[height])


def key_of(block: Block) -> str:
    return block.header.origin.block_key(block.header.height)


def stored(data: bytes, sealed_at: int = SEALED_AT) -> tuple[Version, ...]:
    """Return what a store holds of an object that was put once, under a lock as it must be."""
    return (Version("v1", data, lock_until(sealed_at)),)


def messages_of(origin: Origin, height: int) -> list[Message]:
    return make_messages(origin, OFFSETS[height])


def seal_messages(
    state: LogState,
    messages: Sequence[Message],
    *signers: SigningKey,
    next_keys: tuple[str, ...] = (),
    final: bool = False,
    now: int | None = None,
    predecessor: Predecessor | None = None,
) -> Block:
    """Return the next block of a log, sound in all but perhaps its signers."""
    draft = BlockDraft(state, BlockLimits(), compress=stored_deflate)
    assert draft.extend(messages) == len(messages)
    return draft.seal(
        SourceIdentity("C", "T", len(ORIGINS), 4),
        signers or (SIGNER,),
        now=SEALED_AT + state.height if now is None else now,
        sealer="auditseal/test",
        next_keys=next_keys,
        final=final,
        predecessor=predecessor,
    )


@cache
def history(origin: Origin) -> History:
    """Return a log of the untouched vault."""
    states, blocks = [genesis(origin)], []
    for height in HEIGHTS:
        sealed = Sealed.take_apart(seal_messages(states[-1], messages_of(origin, height)))
        blocks.append(Block.parse(varied(sealed).signed(SIGNER).object()))
        states.append(states[-1].accept(blocks[-1]))
    return History(tuple(blocks), tuple(states))


def varied(sealed: Sealed) -> Sealed:
    """Return a block with data blocks of another kind at each height."""
    records = sealed.records()
    if sealed.height == 1:
        return sealed.stored(records[:2], records[2:]).committed()
    if sealed.height == 2:
        return replace(sealed, chunks=(Chunk(len(records), deflated(b"".join(records))),)).committed()
    return sealed


def deflated(data: bytes) -> bytes:
    """Return data as one raw deflate stream of Huffman codes."""
    stream = zlib.compressobj(9, wbits=-15)
    return stream.compress(data) + stream.flush()


@cache
def untouched() -> Objects:
    return {key: versions for origin in ORIGINS for key, versions in history(origin).objects.items()}


def heads(*sizes: int) -> tuple[str, ...]:
    """Return the notes that an auditor remembers of the logs, at these sizes; 0: nothing of that log."""
    return tuple(
        history(origin).blocks[size - 1].note.format().decode()
        for origin, size in zip(ORIGINS, sizes or (len(OFFSETS),) * len(ORIGINS), strict=True)
        if size
    )
