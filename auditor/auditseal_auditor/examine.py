"""One object, examined alone: all that can be checked of a block without the blocks around it.

The part of verification that costs time. It runs in any process and returns little: the block's head, without records.
"""

from dataclasses import dataclass, replace

from auditseal_auditor.damage import damaged_record
from auditseal_auditor.finding import Fault
from auditseal_schemas.block import Block
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.note import Note
from auditseal_schemas.recheck import check_records
from auditseal_schemas.verdict import Verdict
from auditseal_vault.interface import Retention, VaultReader

_MOST_RIVALS = 32


@dataclass(frozen=True, slots=True)
class Task:
    """What to examine.

    Attributes:
        key: The object.
        version_ids: Its versions, the oldest first; that one is examined, of the others the notes are read.
        quick: Leave the records unhashed.
    """

    key: str
    version_ids: tuple[str, ...]
    quick: bool


@dataclass(frozen=True, slots=True)
class Examined:
    """What an object turned out to be.

    Attributes:
        size: Its bytes.
        head: The block without locators and data blocks; None where the object is no block.
        fault: Why it is not a block; or, where it is one, the first fault of its content (docs/reference/format.md,
            steps 7 to 14).
        retention: The oldest version's lock.
        rivals: The notes of other versions that say anything else than this block's.
    """

    size: int
    head: Block | None
    fault: Fault | None
    retention: Retention | None
    rivals: tuple[Note, ...]


def examine(reader: VaultReader, task: Task) -> Examined:
    """Read and check one object.

    Raises:
        UnavailableError: The store can't be read.
    """
    oldest, *others = task.version_ids
    data = reader.read(task.key, oldest)
    retention = reader.retention(task.key, oldest) if reader.enforces_worm else None
    rivals = _rivals(reader, task.key, others)
    try:
        block = Block.parse(data)
    except MalformedError as error:
        return Examined(len(data), None, Fault.of(error), retention, rivals)
    found = _content_fault(block, quick=task.quick)
    fault = Fault.of(found) if found else None
    return Examined(len(data), replace(block, locators=b"", chunks=()), fault, retention, rivals)


def _content_fault(block: Block, *, quick: bool) -> VerificationError | None:
    """Return the first fault of steps 7, 8 and 10 to 14; a record that suffered is named rather than `payload`."""
    try:
        block.check_stored()
        if not quick:
            check_records(block)
    except VerificationError as error:
        altered = (error.verdict, error.field) == (Verdict.BAD_ROOT, "payload")
        return (damaged_record(block) if altered and not quick else None) or error
    return None


def _rivals(reader: VaultReader, key: str, version_ids: list[str]) -> tuple[Note, ...]:
    """Return the different notes of the other versions of a key; what is no block has none."""
    notes: dict[str, Note] = {}
    for version_id in version_ids:
        try:
            note = Block.parse(reader.read(key, version_id)).note
        except MalformedError:
            continue
        if len(notes) < _MOST_RIVALS:
            notes.setdefault(note.text, note)
    return tuple(notes.values())
