"""The worked example of docs/reference/format.md, made with the core."""

from auditseal_schemas.block import Block
from auditseal_schemas.draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.key import SigningKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from tests.vectors.parts import Message, stored_deflate, verifier_key

ORIGIN = Origin("a.example", "t", 0, 0)
# RFC 8032 section 7.1, test 1.
KEY = SigningKey.from_seed(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
MESSAGES = (
    Message(0, (1, 1000), b"k", [("h", b"v"), ("n", None)], b"one"),
    Message(2, (1, 999), None, [], b"two"),
)


def example_block() -> Block:
    draft = BlockDraft(LogState.genesis(ORIGIN, (verifier_key(ORIGIN, KEY),)), BlockLimits(), compress=stored_deflate)
    assert draft.extend(MESSAGES) == len(MESSAGES)
    return draft.seal(SourceIdentity("C", "T", 1, 0), [KEY], now=2_000_000, sealer="s/1")
