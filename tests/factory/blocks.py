"""Blocks and logs by the core, and blocks that a key holder changed and signed again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from auditseal_schemas.block import Block, make_locators
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.container import Chunk
from auditseal_schemas.deflate import deflate
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.header import Header
from auditseal_schemas.key import Signer
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import EMPTY_ROOT, Frontier
from auditseal_schemas.note import sign_note
from auditseal_schemas.record import next_link
from tests.factory.keys import KEY, ORIGIN, SIGNER
from tests.factory.messages import Message, messages
from tests.factory.streams import stored_deflate

T = TypeVar("T")

GENESIS = LogState.genesis(ORIGIN, (KEY,))
SOURCE = SourceIdentity("bHVjcmF0aXZl", "dG9waWMtaWQ", 6, 4)
NOW = 1_700_000_000_000_000
"""µs since the epoch."""


def sealed(
    given: Sequence[Message],
    state: LogState = GENESIS,
    *,
    limits: BlockLimits | None = None,
    log_start: int = 0,
    unreadable: Sequence[tuple[int, int]] = (),
    compress: Callable[[bytes], bytes] = deflate,
    signers: Sequence[Signer] = (SIGNER,),
    now: int = NOW,
    **more: Any,
) -> Block:
    """Return the block of all the messages, which must fit into one."""
    draft = BlockDraft(state, limits or BlockLimits(), log_start=log_start, unreadable=unreadable, compress=compress)
    assert draft.extend(given) == len(given)
    return draft.seal(SOURCE, signers, now=now, sealer="auditseal/test", **more)


def chain(*sizes: int) -> tuple[list[Block], list[LogState]]:
    """Return blocks with the given numbers of records, and the states: before the first, and after each block."""
    blocks: list[Block] = []
    states = [GENESIS]
    for size in sizes:
        first = states[-1].next_offset
        block = Block.parse(sealed(messages(range(first, first + size)), states[-1], now=NOW + len(blocks)).format())
        blocks.append(block)
        states.append(states[-1].accept(block))
    return blocks, states


def resigned(
    block: Block, *, frontier: Frontier | None = None, signers: Sequence[Signer] = (SIGNER,), **changes: Any
) -> Block:
    """Return the block with header fields changed, hashed and signed again by the holder of the key."""
    header = replace(block.header, **changes)
    before = frontier or block.frontier
    checkpoint = Checkpoint(header.origin, header.height + 1, before.append(header.leaf).root)
    note = sign_note(checkpoint.format(), str(header.origin), signers)
    return Block(header, header.leaf, before, note, block.locators, block.chunks)


def empty_header(**changes: Any) -> Header:
    """Return the header of an empty first block, with fields changed."""
    fields: dict[str, Any] = {
        "origin": ORIGIN,
        "height": 0,
        "previous": ORIGIN.genesis_link,
        "predecessor": None,
        "cluster_id": SOURCE.cluster_id,
        "topic_id": SOURCE.topic_id,
        "partitions": SOURCE.partitions,
        "last_leader_epoch": SOURCE.last_leader_epoch,
        "first_offset": 0,
        "last_offset": -1,
        "count": 0,
        "size": 0,
        "gaps": (),
        "timestamp_type": 0,
        "min_timestamp": None,
        "max_timestamp": None,
        "sealed_at": NOW,
        "first_link": ORIGIN.genesis_link,
        "last_link": ORIGIN.genesis_link,
        "events_root": EMPTY_ROOT,
        "payload": bytes(32),
        "locators": bytes(32),
        "sealer": "auditseal/test",
    }
    return Header(**(fields | changes))


def flipped(data: bytes, position: int, mask: int = 0xFF) -> bytes:
    """Return the data with one byte changed."""
    return data[:position] + bytes((data[position] ^ mask,)) + data[position + 1 :]


def read_or_refuse(read: Callable[[bytes], T], data: bytes) -> T | None:
    """Return what was read, or None where it was refused in words that a terminal may show; nothing else may happen."""
    try:
        return read(data)
    except VerificationError as error:
        words = str(error)
    assert words.isprintable()
    assert len(words) < 5000
    return None


def with_records(block: Block, records: Sequence[bytes]) -> Block:
    """Return a block with other stored records, everything else as it was: no key is needed for that."""
    return replace(block, chunks=(Chunk(len(records), stored_deflate(b"".join(records))),))


def relocated(block: Block, records: Sequence[bytes]) -> bytes:
    """Return the locators of other records in a block's place."""
    link, links = block.header.first_link, []
    for record in records:
        link = next_link(link, record)
        links.append(link)
    return make_locators(links)
