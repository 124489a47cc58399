"""A report as text: the result first, then findings, logs and notices. All text of a vault is escaped."""

from base64 import b64encode
from collections.abc import Iterator

from auditseal_auditor.findings import AtRest, Finding
from auditseal_auditor.report import LogReport, Report, Result
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.verdict import Verdict

MEANINGS = {
    Verdict.MALFORMED: "the object here is not a valid block: it was damaged, or never was one",
    Verdict.SQUATTED: "an object that is not a valid block takes the place of the next block",
    Verdict.BAD_STORAGE: "the store does not keep this object as it must",
    Verdict.STALE: "nothing was sealed for longer than is allowed",
    Verdict.TRUNCATED: "the end of the log was cut off",
    Verdict.MISSING_LOG: "a log is missing",
    Verdict.BROKEN_CHAIN: "this block does not continue the one before",
    Verdict.BAD_RECORD: "a record is not the one that was sealed",
    Verdict.BAD_ROOT: "the content is not what the log signed",
    Verdict.BAD_KEY: "a key that this log announces is not valid",
    Verdict.BAD_SIGNATURE: "this block is not signed by the log's key",
    Verdict.FORK: "the log has two histories, and both are signed",
}
_UNANCHORED = "; without remembered heads (--state) a tail that was cut off is not noticed"
_CLAIMS = {
    Result.OK: "every record, block, link and signature was checked",
    Result.QUICK_OK: "every stored byte, block link and signature was checked; records were not hashed again",
    Result.CHAIN_OK: "checked from the pinned start on, not before",
    Result.QUICK_CHAIN_OK: "checked from the pinned start on, not before; records were not hashed again",
    Result.CONTINUED_OK: "every byte from the remembered heads on was checked; older blocks were not read again",
    Result.QUICK_CONTINUED_OK: (
        "checked from the remembered heads on; older blocks were not read again; records were not hashed again"
    ),
}
_LEAST_FIRST = (
    Result.QUICK_CONTINUED_OK,
    Result.CONTINUED_OK,
    Result.QUICK_CHAIN_OK,
    Result.CHAIN_OK,
    Result.QUICK_OK,
    Result.OK,
)


def printable(text: str) -> str:
    """Return the text for a terminal or a log file, with every character that isn't plainly visible as an escape.

    Control characters, terminal sequences, line breaks, marks that change the direction of writing and lone surrogates
    are all not printable in Unicode's classes.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def describe(finding: Finding) -> str:
    """Return a finding as one line: the verdict, the place, its meaning, and the details."""
    place = [f"log {finding.origin}"]
    if finding.height is not None:
        place.append(f"block {finding.height}")
    if finding.offset is not None:
        place.append(f"record at offset {finding.offset}")
    place.append(f"field {finding.field}")
    what = MEANINGS[finding.verdict]
    if finding.verdict is Verdict.BAD_RECORD and finding.offset is not None:
        what = "this record was changed after it was sealed, or is not the one that was sealed"
    version = f", version {finding.version_id}" if finding.version_id else ""
    where = f" [{finding.object}{version}]" if finding.object else ""
    return printable(f"{finding.verdict}: {', '.join(place)}: {what}: {finding.detail}{where}")


def summary_line(report: Report) -> str:
    """Return the result in one line."""
    blocks, records = (sum(getattr(log.counts, name) for log in report.logs) for name in ("blocks", "records"))
    seen = f"{_number(len(report.logs), 'log')}, {_number(blocks, 'block')}, {_number(records, 'record')}"
    pace = f"{report.seconds:.1f} s"
    if report.finding_count:
        return f"FAILED: {_number(report.finding_count, 'finding')}, the worst is {report.worst}; {seen}; {pace}"
    if report.errors:
        return f"UNKNOWN: the vault could not be read to the end; {seen}; {pace}"
    results = {log.result for log in report.logs}
    claim = next(result for result in _LEAST_FIRST if result in results)
    return f"{claim}: {_CLAIMS[claim]}; {seen}; {pace}"


def detail_lines(report: Report) -> Iterator[str]:
    """Yield the lines below the result: findings, errors, logs, notices, the vault and the anchor."""
    for finding in report.kept_findings:
        yield describe(finding)
    omitted = report.finding_count - len(report.kept_findings)
    if omitted:
        yield f"and {_number(omitted, 'finding')} more, of the same logs"
    for error in report.errors:
        yield printable(f"error: {error}")
    for log in report.logs:
        yield _log_line(log)
        for notice in log.notices:
            yield printable(f"  note: {notice}")
    for notice in report.notices:
        yield printable(f"note: {notice}")
    yield printable(f"vault: {report.vault}")
    yield printable(f"anchor: {report.anchor}{_UNANCHORED if report.anchor == 'none' else ''}")


def _log_line(log: LogReport) -> str:
    counts = log.counts
    line = f"{log.result} {log.origin}: {_number(counts.blocks, 'block')}, {_number(counts.records, 'record')}"
    if counts.first and counts.last and counts.first.first_offset <= counts.last.last_offset:
        line += f", offsets {counts.first.first_offset} to {counts.last.last_offset}"
    if log.head:
        checkpoint = Checkpoint.parse(log.head.text)
        line += f", head {checkpoint.size} {b64encode(checkpoint.root).decode()}"
    if counts.gaps:
        line += f"; no record at {_number(counts.gap_offsets, 'offset')} in {_number(counts.gaps, 'gap')}, as sealed"
    if counts.at_rest:
        shares = (f"{kind} {counts.at_rest[kind]:,}" for kind in AtRest if counts.at_rest[kind])
        line += f"; encrypted at rest, as the store says: {', '.join(shares)}"
    if counts.held:
        line += f"; {_number(counts.held, 'block')} under legal hold"
    return line


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
