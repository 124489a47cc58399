"""Forks between two memories of one log."""

from auditseal_auditor.state.heads import Head, forks_between
from tests.factory.blocks import resigned
from tests.factory.keys import OTHER_SIGNER
from tests.factory.vaults import ORIGINS, make_vault

LOG = ORIGINS[0]


def test_two_heads_are_a_fork_where_size_and_only_root_differ() -> None:
    _, logs = make_vault()
    head, other = Head.of(logs[0][1].note), Head.of(resigned(logs[0][1], sealer="other").note)
    again = Head.of(resigned(logs[0][1], signers=(OTHER_SIGNER,)).note)
    assert [forks_between({LOG: head}, {LOG: one}) for one in (head, again, Head.of(logs[0][2].note))] == [[], [], []]
    (fork,) = forks_between({LOG: head}, {LOG: other})
    assert (fork.height, fork.object) == (1, LOG.block_key(1))
    assert "verified 2 other blocks" in fork.detail
    assert forks_between({LOG: head}, {ORIGINS[1]: other}) == []
