"""How long the oldest sealed block has been waiting for the vault."""

from auditseal_sealer.archive_age import ArchiveAge


def test_the_oldest_block_that_waits_for_the_vault_counts() -> None:
    age = ArchiveAge()
    assert age.seconds(100.0) == 0
    age.restart(height=7, since=40_000_000)
    age.sealed(8, 90_000_000)
    age.sealed(9, 95_000_000)
    assert age.seconds(100.0) == 60
    age.archived(6)  # between the vault's block and the head all counts as old as the oldest of it
    assert age.seconds(100.0) == 60
    age.archived(8)
    assert age.seconds(100.0) == 5
    age.archived(9)
    assert age.seconds(100.0) == 0
    age.restart(height=9, since=None)
    assert age.seconds(100.0) == 0
