"""The legal holds of one log: how many the store shows, and whether it keeps those that people signed."""

from collections.abc import Iterator, Mapping

from auditseal_auditor.findings import Fault
from auditseal_auditor.listing import ListedKey
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.hold_case import SignedHold
from auditseal_schemas.verdict import Verdict
from auditseal_vault.interface import VaultReader


class HoldCheck:
    """Takes the blocks of a log one after the other, with what the answer to each read showed.

    An answer that shows nothing leaves two possibilities: no hold was ever set, or this reader may not see holds. Only
    then `finish` asks: for the blocks that must be held, or else for one block.

    Attributes:
        held: Blocks that the store shows under a hold; None where this reader may not see holds.
        renamed: Blocks that must be held, of which no version has the signed id. In a copy of the vault all are so:
            the oldest version must be held there.

    Args:
        required: The holds that people signed, by height.
    """

    def __init__(self, required: Mapping[int, SignedHold]) -> None:
        self.held: int | None = 0
        self.renamed = 0
        self._required = required
        self._is_shown = False
        self._last: ListedKey | None = None
        self._unshown: list[tuple[ListedKey, SignedHold]] = []

    def add(self, listed: ListedKey, *, shown: bool | None) -> Fault | None:
        """Take a block; return the fault if it must be held and is not."""
        self._last = listed
        if shown is not None:
            self._count(shown=shown)
        required = None if listed.height is None else self._required.get(listed.height)
        if required is None:
            return None
        if required.version_id in listed.version_ids[1:]:
            problem = f"the case {required.case} holds version {required.version_id}, which is not the oldest one"
            return Fault(Verdict.BAD_STORAGE, "legal_hold", problem, None)
        self.renamed += required.version_id not in listed.version_ids
        if shown is None:
            self._unshown.append((listed, required))
            return None
        return None if shown else _missing(required)

    def absent(self, first: int) -> Iterator[tuple[int, Fault]]:
        """Yield the heights from the first one without an object on whose blocks must be held, with the faults."""
        for height, required in sorted(self._required.items()):
            if height >= first:
                problem = f"the case {required.case} holds this block, and the log in the store ends below it"
                yield height, Fault(Verdict.BAD_STORAGE, "legal_hold", problem, None)

    def finish(self, reader: VaultReader) -> Iterator[tuple[ListedKey, Fault]]:
        """Ask about the blocks whose answers showed nothing; yield those that must be held and are not.

        Raises:
            UnavailableError: The store can't be asked, or this reader may not see the holds that people signed.
        """
        for listed, required in self._unshown:
            shown = self._ask(reader, listed)
            if shown is None:
                problem = f"{len(self._unshown):,} signed holds can't be checked, such as {listed.key} in {reader.url}"
                raise UnavailableError(f"{problem}: give this reader s3:GetObjectLegalHold")
            self._count(shown=shown)
            if not shown:
                yield listed, _missing(required)
        if not self._is_shown and self._last:
            self._ask(reader, self._last)

    def _ask(self, reader: VaultReader, listed: ListedKey) -> bool | None:
        version_id = listed.oldest.version_id if listed.oldest else ""
        shown = reader.legal_hold(listed.key, version_id)
        if shown is None:
            self.held = None
        return shown

    def _count(self, *, shown: bool) -> None:
        self._is_shown = True
        if self.held is not None:
            self.held += shown


def _missing(required: SignedHold) -> Fault:
    problem = f"the case {required.case} holds this block, and the store shows no legal hold on it"
    return Fault(Verdict.BAD_STORAGE, "legal_hold", problem, None)
