"""The outcome of a run, kept: the heads in the state file, and the proofs of forks as files."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from auditseal_auditor.fork_proof import write_fork_proofs
from auditseal_auditor.report import Report
from auditseal_auditor.state.heads import Head
from auditseal_auditor.state.state_file import remember_heads
from auditseal_schemas.errors import AuditsealError
from auditseal_schemas.origin import Origin
from auditseal_vault.interface import VaultReader

_KEEP_THE_PROOF = "a fork was found: run again with --evidence DIR to keep the proof for third parties"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's report after its outcome was kept, and the proofs of forks that were written."""

    report: Report
    proofs: tuple[Path, ...]


def keep_outcome(
    report: Report, heads: Mapping[Origin, Head], state: Path | None, evidence: Path | None, reader: VaultReader
) -> Outcome:
    """Write memory and evidence. A failure to write is part of the report, which is shown all the same.

    Args:
        report: The report of the run.
        heads: The heads that were remembered before it.
        state: The state file; None for none.
        evidence: The folder for the proofs of forks; None for none.
        reader: The vault, for the objects that belong to a proof.
    """
    failures: list[str] = []
    proofs: list[Path] = []
    if state:
        with _noted(failures, "the state file"):
            report = report.with_findings(remember_heads(state, report.heads_after(heads)))
    if evidence:
        with _noted(failures, "the evidence"):
            proofs = write_fork_proofs(evidence, report.kept_findings, reader)
    elif any(finding.evidence for finding in report.kept_findings):
        report = replace(report, notices=(*report.notices, _KEEP_THE_PROOF))
    return Outcome(replace(report, failures=(*report.failures, *failures)), tuple(proofs))


@contextmanager
def _noted(failures: list[str], what: str) -> Iterator[None]:
    """Note why something can't be written (an interrupt is one reason), and continue."""
    try:
        yield
    except AuditsealError as error:
        failures.append(str(error))
    except KeyboardInterrupt:
        failures.append(f"interrupted: {what} was not written")
