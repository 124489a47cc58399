"""The proof of a fork, as files that anybody can check with the log's verifier key and any C2SP note tool."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from auditseal_auditor.finding import Finding
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_schemas.note import Note
from auditseal_vault.head import oldest_version
from auditseal_vault.interface import VaultReader


def write_evidence(directory: Path, findings: Iterable[Finding], reader: VaultReader) -> list[Path]:
    """Write what proves each fork, and return the files.

    They are `fork-<origin>-<height>-<hash>-<n>.note`, with the notes' own hash: another proof never has the name of one
    that lies there, and the same one written again is the same. Where the second note is of another size, the object
    that it is of lies beside them as `….avro`: its frontier is what contradicts the first note.

    Raises:
        AuditsealError: A file can't be written, or the object not be read.
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
        raise AuditsealError(f"the evidence can't be written: {error}") from error
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
            yield f"{stem}-{number}.avro", _block(reader, other)


def _block(reader: VaultReader, checkpoint: Checkpoint) -> bytes:
    """Return the object whose note a checkpoint is from: the oldest version, which is the one that was judged."""
    key = checkpoint.origin.block_key(checkpoint.size - 1)
    oldest = oldest_version(reader, key)
    if oldest is None:
        raise UnavailableError(f"{key}, which proves a fork, is not in the vault any more")
    return reader.read(key, oldest.version_id)
