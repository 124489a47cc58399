"""The head of the run that a later run continues, as the vault has it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.header import Predecessor
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.link_checks import following_keys
from auditseal_schemas.origin import Origin
from auditseal_schemas.verification import CHECKPOINT, verify
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader, is_signed, parse_in_place


def find_earlier_head(vault: VaultReader, origin: Origin, named: Predecessor | None) -> Predecessor | None:
    """Return the last head of the last run before `origin` of which the vault has blocks, None without any.

    That run needn't be the one just before: the vault has nothing of a run during which nothing was sealed in the
    partition. An object that isn't a block of the log is ignored: someone else stored it, and an auditor ignores it
    too. In the run that `named` names, an object that the named keys didn't sign is such an object. In other runs no
    signature is checked, since nothing says what their keys are.

    Args:
        vault: The vault.
        origin: The log that begins.
        named: The head that it is configured to continue from, with the keys that signed it; None without one.

    Raises:
        UnavailableError: The vault is unreachable.
        HaltError: SQUATTED; a key on the way holds a delete marker and no version, or an object without content.
    """
    for run in reversed(range(origin.run)):
        earlier = replace(origin, run=run)
        if named and named.origin == str(earlier):
            keys = tuple(VerifierKey.parse(key) for key in named.keys)
            if head := _signed_head(_blocks_downwards(vault, earlier), keys):
                return named if _is_head(named, head) else _head(head, ())
        elif head := next(_blocks_downwards(vault, earlier), None):
            return _head(head, ())
    return None


def _blocks_downwards(vault: VaultReader, origin: Origin) -> Iterator[Block]:
    """Yield the blocks that the vault has of a log and whose checkpoint fits them, from the highest one on."""
    log, below = LogReader(vault, origin), MAX_HEIGHT + 1
    while stored := log.head(below):
        below = stored.height
        try:
            block = parse_in_place(stored, origin)
            verify(block, CHECKPOINT)
        except VerificationError:
            continue
        yield block


def _signed_head(blocks: Iterable[Block], keys: tuple[VerifierKey, ...]) -> Block | None:
    """Return the highest block that the keys signed, or a later one that is signed by the keys which it names as next.

    So a head that is named with keys which were valid earlier is not the last one, and the difference shows.
    """
    above = list[Block]()
    for block in blocks:
        if not is_signed(block, keys):
            above.append(block)
            continue
        try:
            following = following_keys(block.header, keys)
        except VerificationError:
            return block
        return next((later for later in above if is_signed(later, following)), block)
    return None


def _is_head(named: Predecessor, block: Block) -> bool:
    return (named.size, named.root) == (block.header.height + 1, block.next_frontier.root)


def _head(block: Block, keys: tuple[str, ...]) -> Predecessor:
    return Predecessor(str(block.header.origin), block.header.height + 1, block.next_frontier.root, keys)
