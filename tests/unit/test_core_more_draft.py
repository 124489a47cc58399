"""A clock before 1970, and the limit that blocks have where nothing is configured."""

from auditseal_schemas.block import Block
from auditseal_schemas.draft import BlockLimits
from tests.core_samples import messages, sealed


def test_a_clock_before_1970_seals_at_0() -> None:
    assert Block.parse(sealed(messages([0]), now=-5).format()).header.sealed_at == 0


def test_a_block_closes_at_8_mib_by_default() -> None:
    assert BlockLimits().bytes == 8_388_608
