"""The example of docs/reference/absence.md: a log of one block, whose four records have three terms."""

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.completeness_proof import CompletenessProof
from auditseal_schemas.index_fraud import IndexFraud
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.term import Term, terms_of
from tests.factory.keys import keys_of
from tests.factory.messages import Message
from tests.factory.plain_index import PlainIndex, PlainSegment
from tests.factory.streams import stored_deflate

ORIGIN = Origin("a.example", "t", 0, 0)
INDEX_NAME = "i.example"
LOG_SIGNER = SigningKey.from_seed(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
INDEX_SIGNER = SigningKey.from_seed(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
"""The secret seeds of tests 1 and 2 in RFC 8032, section 7.1."""
TRUST = f"log {VerifierKey(str(ORIGIN), LOG_SIGNER.public)}\nindex {VerifierKey(INDEX_NAME, INDEX_SIGNER.public)}\n"
UNDECODABLE, OVERSIZE = Term("problem", "undecodable"), Term("problem", "oversize")


def example_block() -> Block:
    draft = BlockDraft(LogState.genesis(ORIGIN, keys_of(ORIGIN, LOG_SIGNER)), BlockLimits(), compress=stored_deflate)
    messages = [
        Message(0, b"one", None, [], 1000),
        Message(1, None, None, [], 1001),
        Message(2, b"three", None, [], 1002),
        Message(3, b"four", None, None, 1003, broken_headers=True),
    ]
    assert draft.extend(messages) == 4
    return draft.seal(SourceIdentity("C", "T", 1, 0), [LOG_SIGNER], now=2_000_000, sealer="s/1")


BLOCK = example_block()
SEGMENT = PlainSegment.of([BLOCK])
INDEX = PlainIndex((SEGMENT,), INDEX_SIGNER, INDEX_NAME)


def completeness() -> CompletenessProof:
    """The proof that two records are undecodable, and no other."""
    return INDEX.prove(UNDECODABLE)


def absence() -> CompletenessProof:
    """The proof that no record is oversize."""
    return INDEX.prove(OVERSIZE)


def fraud() -> IndexFraud:
    """The proof that an index hides the record at offset 2."""
    hiding = PlainSegment.of([BLOCK], lambda record: terms_of(record) if record.offset != 2 else ())
    return PlainIndex((hiding,), INDEX_SIGNER, INDEX_NAME).fraud(0, UNDECODABLE, BLOCK, 2, [BLOCK])
