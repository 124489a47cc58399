"""Bounds that the specification found missing in the core when it was written."""

from dataclasses import replace
from hashlib import sha256

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.errors import MalformedError, TrustError, VerificationError
from auditseal_schemas.header import TIMESTAMP_CREATE, Header, Predecessor
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust
from auditseal_schemas.verification import RECORDS, STORED, verify
from tests.factory.messages import Message

ORIGIN = Origin("audit.example.com", "audit.events", 3, 1)
SIGNER = SigningKey.from_seed(bytes(32))
KEY = VerifierKey(str(ORIGIN), SIGNER.public)
PREDECESSOR = Predecessor("audit.example.com/audit.events/3/0", 7, bytes(32), ("k",))


def sealed(*timestamps: int) -> Block:
    draft = BlockDraft(LogState.genesis(ORIGIN, (KEY,)), BlockLimits())
    draft.extend([Message(offset, ms=timestamp, kind=TIMESTAMP_CREATE) for offset, timestamp in enumerate(timestamps)])
    source = SourceIdentity("cluster", "topic", 6, 0)
    return draft.seal(source, [SIGNER], now=1, sealer="test/1", predecessor=PREDECESSOR)


def header(**fields: object) -> Header:
    return replace(sealed(1).header, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("timestamp", [-(2**63), -2, -1, 0, 2**63 - 1])
def test_whatever_a_producer_stamped_can_be_sealed_and_verified(timestamp: int) -> None:
    block = Block.parse(sealed(timestamp).format())
    verify(block, RECORDS)
    assert [record.timestamp for record in block.records()] == [timestamp]


@pytest.mark.parametrize(
    "fields",
    [
        {"partitions": 2**31},
        {"last_leader_epoch": 2**31},
        {"last_leader_epoch": -2},
        {"height": 10**12, "predecessor": None},
        {"sealed_at": -1},
    ],
    ids=str,
)
def test_a_header_beyond_avros_int_or_the_keys_digits_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(MalformedError, match=next(iter(fields)) if "sealed_at" not in fields else "height"):
        header(**fields)


def test_a_header_at_the_bounds_is_accepted() -> None:
    widest = header(partitions=2**31 - 1, last_leader_epoch=2**31 - 1, height=10**12 - 1, predecessor=None)
    assert Header.parse(widest.format()) == widest


@pytest.mark.parametrize(
    "origin",
    [
        "other.example.com/audit.events/3/0",
        "audit.example.com/other/3/0",
        "audit.example.com/audit.events/2/0",
        "audit.example.com/audit.events/3/1",
        "audit.example.com/audit.events/3/2",
    ],
)
def test_only_an_earlier_run_of_the_same_partition_is_a_predecessor(origin: str) -> None:
    with pytest.raises(MalformedError, match="predecessor"):
        header(predecessor=Predecessor(origin, 7, bytes(32), ("k",)))


def test_a_predecessor_has_no_negative_size() -> None:
    with pytest.raises(MalformedError, match="predecessor"):
        header(predecessor=PREDECESSOR._replace(size=-1))


@pytest.mark.parametrize("locators", [b"", b"\x01\x02", b"\x01\x02\x03\x04\x05\x06"])
def test_locators_of_another_length_are_refused_though_they_are_signed(locators: bytes) -> None:
    block = sealed(1, 2)
    signed = replace(block, locators=locators, header=replace(block.header, locators=sha256(locators).digest()))
    with pytest.raises(VerificationError, match="BAD_ROOT: locators"):
        verify(signed, STORED)


def test_a_start_at_height_0_is_refused() -> None:
    with pytest.raises(TrustError, match="line 2"):
        Trust.parse(f"log {KEY}\nstart {ORIGIN} 0 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n".encode())
