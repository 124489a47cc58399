"""What the core's tests are made of: fixed keys, messages as Kafka would give them, blocks, and blocks signed anew."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any, TypeVar
from unittest.mock import patch

from auditseal_schemas import deflate as deflate_module
from auditseal_schemas.block import Block
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.deflate import deflate
from auditseal_schemas.draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.header import TIMESTAMP_APPEND, Header
from auditseal_schemas.key import Signer, SigningKey, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import EMPTY_ROOT, Frontier
from auditseal_schemas.note import sign_note
from auditseal_schemas.origin import Origin
from auditseal_schemas.record import RecordHeaders

T = TypeVar("T")

ORIGIN = Origin("audit.example.com", "audit.events", 3, 0)
SIGNER = SigningKey.from_seed(bytes(range(32)))
OTHER_SIGNER = SigningKey.from_seed(bytes(range(1, 33)))
KEY = VerifierKey(str(ORIGIN), SIGNER.public)
OTHER_KEY = VerifierKey(str(ORIGIN), OTHER_SIGNER.public)
GENESIS = LogState.genesis(ORIGIN, (KEY,))
SOURCE = SourceIdentity("bHVjcmF0aXZl", "dG9waWMtaWQ", 6, 4)
NOW = 1_700_000_000_000_000
"""µs since the epoch."""


@dataclass(frozen=True)
class Message:
    """The part of `confluent_kafka.Message` that is sealed; `broken_headers` answers as the real one does."""

    at: int
    content: bytes | None = b"value"
    key_bytes: bytes | None = b"key"
    header_list: RecordHeaders | None = None
    ms: int = 1_700_000_000_000
    kind: int = TIMESTAMP_APPEND
    broken_headers: bool = False

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return self.kind, self.ms

    def key(self) -> bytes | None:
        return self.key_bytes

    def headers(self) -> RecordHeaders | None:
        if self.broken_headers:
            raise SystemError("returned a result with an exception set")
        return self.header_list

    def value(self) -> bytes | None:
        return self.content


def messages(offsets: Iterable[int]) -> list[Message]:
    """Return different messages at the offsets."""
    return [
        Message(offset, b'{"number": %d}' % offset, b"actor-%d" % (offset % 3), ms=1_700_000_000_000 + offset % 1000)
        for offset in offsets
    ]


def sealed(
    given: Sequence[Message],
    state: LogState = GENESIS,
    *,
    limits: BlockLimits | None = None,
    log_start: int = 0,
    compress: Callable[[bytes], bytes] = deflate,
    signers: Sequence[Signer] = (SIGNER,),
    now: int = NOW,
    **more: Any,
) -> Block:
    """Return the block of all the messages, which must fit into one."""
    draft = BlockDraft(state, limits or BlockLimits(), log_start=log_start, compress=compress)
    assert draft.extend(given) == len(given)
    return draft.seal(SOURCE, signers, now=now, sealer="auditseal/test", **more)


def chain(*sizes: int) -> tuple[list[Block], list[LogState]]:
    """Return a log of blocks with so many records each, and the states: before the first, and after each block."""
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
    """Return the block with header fields changed, hashed and signed anew by whoever holds the key."""
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


def deflate_without_isal() -> ModuleType:
    """Import the deflate module as on a machine where isal is not installed, by whatever loaded it here."""
    spec = deflate_module.__spec__
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    with patch.dict(sys.modules, {"isal": None}):
        spec.loader.exec_module(module)
    return module
