"""The head of the run that a later run continues, as the vault has it."""

from dataclasses import replace

from auditseal_schemas.errors import VerificationError
from auditseal_schemas.header import Predecessor
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.origin import Origin
from auditseal_schemas.verification import CHECKPOINT, verify
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader, StoredBlock, parse_in_place


def find_earlier_head(vault: VaultReader, origin: Origin) -> Predecessor | None:
    """Return the last head of the last run before `origin` of which the vault has blocks, None without any.

    That run needn't be the one just before: the vault has nothing of a run during which nothing was sealed in the
    partition. An object that isn't a block of the log is ignored: someone else stored it, and an auditor ignores it
    too. No signature is checked, since the run may have had another key.

    Raises:
        UnavailableError: The vault is unreachable.
        HaltError: SQUATTED; a key on the way holds a delete marker and no version, or an object without content.
    """
    for run in reversed(range(origin.run)):
        log, below = LogReader(vault, replace(origin, run=run)), MAX_HEIGHT + 1
        while stored := log.head(below):
            below = stored.height
            if head := _parse_head(log.origin, stored):
                return head
    return None


def _parse_head(origin: Origin, stored: StoredBlock) -> Predecessor | None:
    try:
        block = parse_in_place(stored, origin)
        verify(block, CHECKPOINT)
    except VerificationError:
        return None
    return Predecessor(str(origin), stored.height + 1, block.next_frontier.root)
