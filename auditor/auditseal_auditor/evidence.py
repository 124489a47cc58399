"""The proof of a fork, as files that anybody can check with the log's verifier key and any C2SP note tool."""

from collections.abc import Iterable
from pathlib import Path

from auditseal_auditor.finding import Finding
from auditseal_schemas.errors import AuditsealError


def write_evidence(directory: Path, findings: Iterable[Finding]) -> list[Path]:
    """Write the notes of each finding that has any, and return the files: `fork-<origin>-<height>-<n>.note`.

    Raises:
        AuditsealError: A file can't be written.
    """
    written: list[Path] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for finding in findings:
            stem = f"fork-{str(finding.origin).replace('/', '~')}-{finding.height}"
            for note in finding.evidence:
                path = directory / f"{stem}-{len(written) + 1}.note"
                path.write_text(note, encoding="utf-8", newline="\n")
                written.append(path)
    except OSError as error:
        raise AuditsealError(f"the evidence can't be written: {error}") from error
    return written
