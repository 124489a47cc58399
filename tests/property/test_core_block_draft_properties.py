"""How messages are cut into batches shows nowhere in the blocks; and every block that is sealed verifies."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits
from auditseal_schemas.log import LogState
from auditseal_schemas.verification import RECORDS, verify
from tests.factory.blocks import GENESIS, NOW, SOURCE
from tests.factory.keys import KEY, SIGNER
from tests.factory.messages import Message

STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 7]),
        st.none() | st.binary(max_size=40),
        st.none() | st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=2),
        st.integers(-(2**63), 2**63 - 1) | st.integers(0, 10),
        st.sampled_from([1, 1, 1, 1, 2]),
        st.booleans(),
    ),
    max_size=25,
)
LIMITS = st.builds(BlockLimits, st.integers(1, 8), st.sampled_from([1, 60, 200, 10_000]))


def to_messages(
    steps: list[tuple[int, bytes | None, list[tuple[str, bytes | None]] | None, int, int, bool]],
) -> list[Message]:
    made: list[Message] = []
    for skip, value, headers, ms, kind, broken in steps:
        at = (made[-1].at + 1 if made else 0) + skip
        made.append(Message(at, value, b"key", headers, ms, kind, broken))
    return made


def seal_all(given_messages: list[Message], limits: BlockLimits, batch: int, log_start: int) -> list[bytes]:
    """Return the objects that a sealer makes of messages that come in batches."""
    state, objects = GENESIS, []
    draft = BlockDraft(state, limits, log_start=log_start)

    def close() -> tuple[LogState, BlockDraft]:
        block = draft.seal(SOURCE, [SIGNER], now=NOW, sealer="auditseal/test")
        objects.append(block.format())
        after = state.accept(block)
        return after, BlockDraft(after, limits, log_start=log_start)

    for start in range(0, len(given_messages), batch):
        rest = given_messages[start : start + batch]
        while rest:
            rest = rest[draft.extend(rest) :]
            if draft.full:
                state, draft = close()
    close()
    return objects


@settings(max_examples=60)
@given(STEPS, LIMITS, st.integers(1, 26), st.integers(0, 20))
def test_batches_show_nowhere_and_all_verifies(
    steps: list[tuple[int, bytes | None, list[tuple[str, bytes | None]] | None, int, int, bool]],
    limits: BlockLimits,
    batch: int,
    log_start: int,
) -> None:
    given_messages = to_messages(steps)
    objects = seal_all(given_messages, limits, len(given_messages) or 1, log_start)
    assert seal_all(given_messages, limits, batch, log_start) == objects

    state, records = GENESIS, []
    for data in objects:
        block = Block.parse(data)
        assert LogState.after(block, (KEY,)) == state.accept(block)
        verify(block, RECORDS)
        assert block.header.count <= limits.records
        assert block.header.size <= limits.bytes or block.header.count == 1
        state = state.accept(block)
        records += block.records()
    assert [replace(record, headers=None) for record in records] == [
        replace(record, offset=message.at, timestamp=message.ms, key=b"key", value=message.content, headers=None)
        for record, message in zip(records, given_messages, strict=True)
    ]
    assert [record.headers for record in records] == [
        None if message.broken_headers else tuple(message.header_list or ()) for message in given_messages
    ]
