"""Two signed notes that prove a fork to third parties, found among versions and written as files.

A fork is two histories of one log, both signed by its own keys. Any C2SP note tool checks the files with the log's
verifier key.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from auditseal_auditor.errors import ProofError
from auditseal_auditor.findings import Finding
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import UnavailableError, VerificationError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_vault.errors import NotStoredError
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader


def forked_notes(
    origin: Origin, height: int, keys: Sequence[VerifierKey], notes: Sequence[Note]
) -> Iterator[tuple[str, str]]:
    """Yield the first note that is signed for a height, with each other one that is signed for another root.

    Notes of another log or size, and notes that not all keys signed, prove nothing and are passed over.
    """
    signed: dict[bytes, str] = {}
    for note in notes:
        try:
            checkpoint = Checkpoint.parse(note.text)
            note.check(keys)
        except VerificationError:
            continue
        if (checkpoint.origin, checkpoint.size) == (origin, height + 1):
            signed.setdefault(checkpoint.root, note.format().decode())
    first, *others = signed.values() if signed else [""]
    for other in others:
        yield first, other


def write_fork_proofs(directory: Path, findings: Iterable[Finding], reader: VaultReader) -> list[Path]:
    """Write the proof of each fork, and return the files.

    They are `fork-<origin>-<height>-<hash>-<n>.note`, with the hash of the notes. So a proof never overwrites another
    one, and the same proof written again is the same. Where the second note is of another size, the object that it
    belongs to is written as `….avro`: its frontier contradicts the first note.

    Raises:
        ProofError: A file can't be written.
        UnavailableError: The object can't be read, or is not in the vault any more.
    """
    written: list[Path] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for finding in (finding for finding in findings if finding.evidence):
            for name, data in _files(finding, reader):
                path = directory / name
                path.write_bytes(data)
                written.append(path)
    except OSError as error:
        raise ProofError(f"the evidence can't be written: {error}") from error
    return written


def _files(finding: Finding, reader: VaultReader) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of a proof's files."""
    notes = [note.encode() for note in finding.evidence]
    digest = sha256(b"".join(notes)).hexdigest()[:16]
    stem = f"fork-{str(finding.origin).replace('/', '~')}-{finding.height}-{digest}"
    for number, note in enumerate(notes, start=1):
        yield f"{stem}-{number}.note", note
    first, *others = (Checkpoint.parse(Note.parse(note).text) for note in notes)
    for number, other in enumerate(others, start=2):
        if other.size != first.size:
            yield f"{stem}-{number}.avro", _object_of(reader, other)


def _object_of(reader: VaultReader, checkpoint: Checkpoint) -> bytes:
    """Return the object that holds a checkpoint's note: the oldest version, which is the one that was checked."""
    try:
        return LogReader(reader, checkpoint.origin).stored(checkpoint.size - 1).data
    except NotStoredError as error:
        key = checkpoint.origin.block_key(checkpoint.size - 1)
        raise UnavailableError(f"{key}, which proves a fork, is not in the vault any more") from error
