"""One object, checked alone: every check of a block that doesn't need the blocks around it.

This is the part of verification that costs time. It runs in any process, and its result is small: the block's head,
without records.
"""

import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby

from auditseal_auditor.findings import Fault
from auditseal_auditor.listing import ListedKey
from auditseal_schemas.block import LOCATOR_SIZE, Block
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.note import Note
from auditseal_schemas.record import next_link, scan_record
from auditseal_schemas.verdict import Verdict
from auditseal_schemas.verification import RECORDS, STORED, verify
from auditseal_vault.encryption import Encryption
from auditseal_vault.errors import RefusedObjectError, UnreadableObjectError
from auditseal_vault.interface import ReadOutcome, Retention, StoredObject, StoredVersion, VaultReader

_MOST_OTHER_NOTES = 32
_INFLATED_AT_ONCE = 64
"""Bytes of a stream that are inflated at once, to find the place where it breaks."""


@dataclass(frozen=True, slots=True)
class ReadObject:
    """The store's answer for a block's key.

    Attributes:
        data: The oldest version's bytes; empty where the store has no content for it, or refuses it.
        retention: The oldest version's lock; None without one, or if the store has no locks.
        other_notes: The different notes of the other versions, the oldest first; at most 32.
        encryption: How the store says that the oldest version is encrypted at rest; None where it says nothing of it.
        unreadable: Why the store has no content for the version that it lists; empty where it has.
        refusal: Why the store refuses this object to the reader; empty where it doesn't.
        legal_hold: Whether the oldest version is under a legal hold; None where the answer doesn't say.
    """

    data: bytes
    retention: Retention | None
    other_notes: tuple[Note, ...]
    encryption: Encryption | None = None
    unreadable: str = ""
    refusal: str = ""
    legal_hold: bool | None = None


@dataclass(frozen=True, slots=True)
class CheckedObject:
    """The result of checking one object alone.

    Attributes:
        size: Its bytes.
        head: The block without locators and data blocks; None where the object is not a valid block.
        fault: Why it is not a valid block; BAD_STORAGE where the store has no content for it. For a valid block, the
            first fault of its content (docs/reference/format.md, section 14, steps 7 to 14).
        retention: The oldest version's lock.
        other_notes: The different notes of the other versions.
        encryption: How the store says that the oldest version is encrypted at rest.
        refusal: Why the store refuses this object to the reader, so that nothing of it was checked; empty elsewhere.
        legal_hold: Whether the oldest version is under a legal hold; None where the answer doesn't say.
    """

    size: int
    head: Block | None
    fault: Fault | None
    retention: Retention | None
    other_notes: tuple[Note, ...]
    encryption: Encryption | None = None
    refusal: str = ""
    legal_hold: bool | None = None


def read_objects(reader: VaultReader, keys: Iterable[ListedKey]) -> Iterator[tuple[ListedKey, ReadObject | None]]:
    """Yield each key with its object, in the order given; None where no block belongs, or none is.

    Read are the oldest version at a block's key, its lock, and the notes of the other versions. Many objects are
    requested at once, as long as no other key comes between them.

    Raises:
        UnavailableError: The store can't be read.
    """
    for has_block, run in groupby(keys, key=lambda listed: listed.block is not None):
        if has_block:
            yield from _read_run(reader, run)
        else:
            for listed in run:
                yield listed, None


def _read_run(reader: VaultReader, keys: Iterator[ListedKey]) -> Iterator[tuple[ListedKey, ReadObject]]:
    requested: deque[ListedKey] = deque()

    def versions() -> Iterator[StoredVersion]:
        for listed in keys:
            if listed.block:
                requested.append(listed)
                yield listed.block

    for outcome in reader.read_many(versions()):
        listed = requested.popleft()
        yield listed, _with_other_notes(reader, listed, outcome)


def _with_other_notes(reader: VaultReader, listed: ListedKey, outcome: ReadOutcome) -> ReadObject:
    """Return an object. The lock of one without content is not looked at (docs/reference/format.md, section 14)."""
    notes = _different_notes(reader, listed.key, listed.version_ids[1:])
    match outcome:
        case UnreadableObjectError():
            return ReadObject(b"", None, notes, unreadable=str(outcome))
        case RefusedObjectError():
            return ReadObject(b"", None, notes, refusal=str(outcome))
        case StoredObject():
            return ReadObject(outcome.data, outcome.retention, notes, outcome.encryption, legal_hold=outcome.legal_hold)


def check_object(read: ReadObject, *, quick: bool) -> CheckedObject:
    """Check the content of one object; with `quick` its records are not hashed again."""
    head, fault = _check_content(read, quick=quick)
    return CheckedObject(
        len(read.data),
        head,
        fault,
        read.retention,
        read.other_notes,
        encryption=read.encryption,
        refusal=read.refusal,
        legal_hold=read.legal_hold,
    )


def _check_content(read: ReadObject, *, quick: bool) -> tuple[Block | None, Fault | None]:
    """Return an object's block without its records, and what is wrong with its content; None for each without one."""
    if read.refusal:
        return None, None
    if read.unreadable:
        return None, Fault(Verdict.BAD_STORAGE, "object", read.unreadable, None)
    try:
        block = Block.parse(read.data)
    except MalformedError as error:
        return None, Fault.of(error)
    found = _content_fault(block, quick=quick)
    return replace(block, locators=b"", chunks=()), Fault.of(found) if found else None


def altered_record(block: Block) -> VerificationError | None:
    """Return the finding that names the first record that isn't the sealed one, None where no record can be named.

    Records are read as far as they inflate and parse. Their links are compared with the locators that the header
    commits to.
    """
    header = block.header
    if sha256(block.locators).digest() != header.locators or len(block.locators) != LOCATOR_SIZE * header.count:
        return None
    link, number = header.first_link, 0
    for record in _readable_records(block):
        link = next_link(link, record)
        if link[:LOCATOR_SIZE] != block.locators[LOCATOR_SIZE * number :][:LOCATOR_SIZE]:
            break
        number += 1
    if number >= header.count:
        return None
    problem = f"record {number} of the block was changed or destroyed: the stored bytes are not those that were signed"
    return VerificationError(Verdict.BAD_RECORD, "record", problem, offset=header.offset_of(number))


def _different_notes(reader: VaultReader, key: str, version_ids: Sequence[str]) -> tuple[Note, ...]:
    """Return the different notes of the other versions of a key.

    A version without a note is passed over: one that is not a valid block, or that can't be read.
    """
    notes: dict[str, Note] = {}
    for version_id in version_ids:
        try:
            note = Block.parse(reader.read(key, version_id)).note
        except (MalformedError, UnreadableObjectError, RefusedObjectError):
            continue
        if len(notes) < _MOST_OTHER_NOTES:
            notes.setdefault(note.text, note)
    return tuple(notes.values())


def _content_fault(block: Block, *, quick: bool) -> VerificationError | None:
    """Return the first fault of steps 7, 8 and 10 to 14; where a record was altered, it is named, not `payload`."""
    try:
        verify(block, STORED if quick else STORED + RECORDS)
    except VerificationError as error:
        is_altered = (error.verdict, error.field) == (Verdict.BAD_ROOT, "payload")
        return (altered_record(block) if is_altered and not quick else None) or error
    return None


def _readable_records(block: Block) -> Iterator[bytes]:
    """Yield the records up to the first that is cut or broken."""
    remaining = block.header.size  # of all data blocks together: each of a thousand could hold as much
    for chunk in block.chunks:
        content = _inflate_prefix(chunk.deflated, remaining)
        remaining -= len(content)
        position = 0
        for _ in range(chunk.count):
            try:
                end = scan_record(content, position).end
            except MalformedError:
                return
            yield content[position:end]
            position = end
        if remaining < 0:
            return


def _inflate_prefix(data: bytes, most: int) -> bytes:
    """Return the content of a stream, up to the break if it is broken, and at most one byte beyond `most`.

    It always uses zlib, a few bytes at a time, so that the place of the break is the same on every machine.
    """
    stream = zlib.decompressobj(wbits=-15)
    parts: list[bytes] = []
    size = 0
    try:
        for start in range(0, len(data), _INFLATED_AT_ONCE):
            parts.append(stream.decompress(data[start : start + _INFLATED_AT_ONCE], most - size + 1))
            size += len(parts[-1])
            if stream.eof or size > most:
                break
    except zlib.error:
        pass
    return b"".join(parts)
