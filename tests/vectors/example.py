"""The worked examples of docs/reference/format.md, made with the core."""

from collections.abc import Sequence
from functools import cache

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.header import TIMESTAMP_CREATE
from auditseal_schemas.key import SigningKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from tests.factory.keys import verifier_key
from tests.factory.messages import Message
from tests.factory.streams import stored_deflate

ORIGIN = Origin("a.example", "t", 0, 0)
# RFC 8032 section 7.1, tests 1 and 2.
KEY = SigningKey.from_seed(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
NEXT_KEY = SigningKey.from_seed(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
MESSAGES = (
    Message(0, b"one", b"k", [("h", b"v"), ("n", None)], 1000, TIMESTAMP_CREATE),
    Message(2, b"two", None, [], 999, TIMESTAMP_CREATE),
)
LATER_MESSAGE = Message(3, b"three", b"k", [], 1001, TIMESTAMP_CREATE)


@cache
def example_blocks() -> tuple[Block, ...]:
    """Return four blocks: the first example, a rotation, a heartbeat, and the second example."""
    plan: tuple[tuple[Sequence[Message], SigningKey, tuple[str, ...]], ...] = (
        (MESSAGES, KEY, ()),
        ((), KEY, (str(verifier_key(ORIGIN, NEXT_KEY)),)),
        ((), NEXT_KEY, ()),
        ((LATER_MESSAGE,), NEXT_KEY, ()),
    )
    state, blocks = LogState.genesis(ORIGIN, (verifier_key(ORIGIN, KEY),)), []
    for height, (messages, key, next_keys) in enumerate(plan):
        draft = BlockDraft(state, BlockLimits(), compress=stored_deflate)
        assert draft.extend(messages) == len(messages)
        now = 2_000_000 + height
        source = SourceIdentity("C", "T", 1, 0)
        blocks.append(draft.seal(source, [key], now=now, sealer="s/1", next_keys=next_keys))
        state = state.accept(blocks[-1])
    return tuple(blocks)


def example_block() -> Block:
    return example_blocks()[0]
