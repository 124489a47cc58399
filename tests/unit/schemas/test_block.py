"""How far a data block may inflate (docs/reference/format.md, The block object)."""

from dataclasses import replace

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.container import Chunk
from auditseal_schemas.deflate import deflate
from auditseal_schemas.errors import MalformedError
from tests.factory.blocks import sealed
from tests.factory.messages import messages

MOST_OF_ONE, MOST_OF_SEVERAL = 8_388_672, 4_194_304


def holding(count: int, size: int) -> Block:
    block = sealed(messages([0]))
    header = replace(block.header, size=11_534_336)
    return replace(block, header=header, chunks=(Chunk(count, deflate(bytes(size))),))


@pytest.mark.parametrize(("count", "most"), [(1, MOST_OF_ONE), (2, MOST_OF_SEVERAL)])
def test_a_data_block_inflates_to_its_bound_and_no_further(count: int, most: int) -> None:
    assert [(number, len(content)) for number, content in holding(count, most).inflated_chunks()] == [(count, most)]
    with pytest.raises(MalformedError):
        list(holding(count, most + 1).inflated_chunks())
