"""The worked example of docs/reference/format.md, made with the core."""

from auditseal_schemas.block import Block
from auditseal_schemas.draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.header import TIMESTAMP_CREATE
from auditseal_schemas.key import SigningKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from tests.factory.keys import verifier_key
from tests.factory.messages import Message
from tests.factory.streams import stored_deflate

ORIGIN = Origin("a.example", "t", 0, 0)
# RFC 8032 section 7.1, test 1.
KEY = SigningKey.from_seed(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
MESSAGES = (
    Message(0, b"one", b"k", [("h", b"v"), ("n", None)], 1000, TIMESTAMP_CREATE),
    Message(2, b"two", None, [], 999, TIMESTAMP_CREATE),
)


def example_block() -> Block:
    draft = BlockDraft(LogState.genesis(ORIGIN, (verifier_key(ORIGIN, KEY),)), BlockLimits(), compress=stored_deflate)
    assert draft.extend(MESSAGES) == len(MESSAGES)
    return draft.seal(SourceIdentity("C", "T", 1, 0), [KEY], now=2_000_000, sealer="s/1")
