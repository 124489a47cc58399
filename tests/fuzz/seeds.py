"""Valid inputs to begin with, made by the sealer's own code with fixed keys and times."""

from dataclasses import replace
from functools import cache

from auditseal_schemas.block_draft import BlockDraft, BlockLimits
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.header import Extension, Gap, Predecessor
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.record import Oversize, RecordEncoder, SealedRecord
from tests.factory.blocks import GENESIS, NOW, SOURCE, chain, resigned, sealed
from tests.factory.events import FULL, LEAST
from tests.factory.keys import KEY, ORIGIN, OTHER_KEY, OTHER_SIGNER, SIGNER
from tests.factory.messages import Message, messages
from tests.fuzz.mutate_record import encode_record

FULL_EVENT = replace(FULL, attributes={"alpha": "1", "zeta": "ü"})
LONE = Origin("audit.example.com", "audit.lone", 0, 0)
"""A log whose topic has no other partition, so that one line of a trust file pins all there is."""
LONE_KEY = replace(KEY, name=str(LONE))
_NEXT_RUN = replace(ORIGIN, run=1)


def events() -> tuple[bytes, ...]:
    """Return two events: every field, and as few as may be."""
    return encode_event(FULL_EVENT), encode_event(LEAST)


@cache
def logs() -> tuple[tuple[bytes, ...], tuple[LogState, ...]]:
    """Return the objects of blocks of every kind, and the state that each must fit."""
    odd = [
        Message(0, None, None, None, -1),
        Message(1, b"", b"", [("name", b"v"), ("", None), ("ä", b"")], 2**63 - 1),
        Message(5, b"v" * 200, b"k", broken_headers=True),
    ]
    (first, second, third), states = chain(3, 2, 0)
    turned = LogState.genesis(_NEXT_RUN, (replace(KEY, name=str(_NEXT_RUN)),))
    predecessor = Predecessor(str(ORIGIN), 3, bytes(32), ("k",))
    cases = (
        (first, GENESIS),
        (second, states[1]),
        (third, states[2]),
        (sealed(odd, log_start=1), GENESIS),
        (sealed(messages(range(4, 6)), log_start=3, next_keys=(str(OTHER_KEY), str(KEY)), final=True), GENESIS),
        (sealed(messages([0]), turned, predecessor=predecessor), turned),
        (resigned(first, extensions=(Extension("a", b"1"), Extension("b", b""))), GENESIS),
        (sealed(messages([0]), signers=(OTHER_SIGNER, SIGNER)), GENESIS),
        (sealed(messages(range(40))), GENESIS),
        (resigned(third, last_offset=9, gaps=(Gap(5, 6, 0), Gap(7, 8, 1), Gap(9, 9, 0))), states[2]),
    )
    return tuple(block.format() for block, _ in cases), tuple(state for _, state in cases)


@cache
def lone_log() -> tuple[bytes, ...]:
    """Return the two blocks of a log that is whole."""
    state, objects, source = LogState.genesis(LONE, (LONE_KEY,)), [], replace(SOURCE, partitions=1)
    for offsets in (range(3), range(3, 5)):
        draft = BlockDraft(state, BlockLimits())
        draft.extend(messages(offsets))
        block = draft.seal(source, (SIGNER,), now=NOW, sealer="auditseal/test")
        objects.append(block.format())
        state = state.accept(block)
    return tuple(objects)


def blocks() -> tuple[bytes, ...]:
    """Return blocks of every kind."""
    return logs()[0]


def records() -> tuple[bytes, ...]:
    """Return encoded records of every kind."""
    encode = RecordEncoder().encode
    return (
        encode(0, -1, None, None, None),
        encode(5, 7, b"k", [("h", b"v"), ("n", None)], b"value"),
        encode(2**40, 1_700_000_000_000, b"k" * 100, (), b"v" * 3000),
        encode_record(SealedRecord(9, 9, None, None, None, Oversize(9 * 2**20, bytes(32)))),
        encode_record(SealedRecord(9, 9, b"", (), b"v", None, bytes(range(16)))),
    )


def trust_files() -> tuple[bytes, ...]:
    """Return trust files: of one key, and with everything that one may hold."""
    full = (
        f"# the logs\nvault s3://audit-archive/?endpoint=https://s3.example.com\nretention 2555\n\n"
        f"log {KEY}\nlog {OTHER_KEY} # both sign\nlog {replace(KEY, name=str(_NEXT_RUN))}\n"
        f"start {ORIGIN} 1200 6HmDMaIK9GBU6HsEQCCeoSjaMUAgyC5LYL47t4tPBnM=\n"
    )
    return f"log {KEY}\n".encode(), full.encode()
