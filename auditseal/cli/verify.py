"""`auditseal verify`: a vault verified from its storage and a trust file alone."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from math import isfinite
from pathlib import Path
from time import time
from typing import Annotated

import typer

from auditseal.cli.cluster import Dask, Jobs, workers
from auditseal.cli.progress import progress_bar
from auditseal.cli.vault_options import (
    Json,
    TrustFile,
    VaultUrl,
    exit_on_failure,
    parse_origin,
    read_trust,
    tell,
    vault_url,
)
from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.copy_comparison import compared_with, copy_notices, of_the_copy
from auditseal_auditor.findings import Counts
from auditseal_auditor.log_run import OnProgress
from auditseal_auditor.outcome import keep_outcome
from auditseal_auditor.report import Report
from auditseal_auditor.report_text import detail_lines, summary_line
from auditseal_auditor.request import Request
from auditseal_auditor.state.heads import Head
from auditseal_auditor.state.state_file import begin_heads, read_heads
from auditseal_auditor.verification import Verification
from auditseal_schemas.errors import AuditsealError, ConfigurationError
from auditseal_schemas.origin import Origin
from auditseal_vault.head import head_height
from auditseal_vault.interface import VaultReader
from auditseal_vault.thread_reader import ReaderAt

app = typer.Typer()
_HOUR = 3_600_000_000
_DAY = 24 * _HOUR


@app.command()
def verify(  # noqa: PLR0913, PLR0917  (one for each option)
    trust: TrustFile,
    vault: VaultUrl = None,
    quick: Annotated[bool, typer.Option("--quick", help="Check all stored bytes, but hash no record.")] = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002
    jobs: Jobs = None,
    dask: Dask = None,
    state: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Compare with the heads in this file; update it.")
    ] = None,
    state_new: Annotated[bool, typer.Option("--state-new", help="Begin the state file: the first run.")] = False,  # noqa: FBT002
    continued: Annotated[  # noqa: FBT002
        bool, typer.Option("--continue", help="Read no blocks below the remembered heads.")
    ] = False,
    scrub: Annotated[
        float | None, typer.Option(min=0, help="With --continue: check the older blocks again within so many days.")
    ] = None,
    expect: Annotated[list[str] | None, typer.Option(help="A log that must exist; may be repeated.")] = None,
    max_age: Annotated[float | None, typer.Option(min=0, help="Most hours since a log's last block.")] = None,
    evidence: Annotated[Path | None, typer.Option(file_okay=False, help="The folder for the proof of a fork.")] = None,
    copy: Annotated[
        str | None, typer.Option("--copy", help="The vault of a copy: it is verified too, and compared with.")
    ] = None,
    textfile: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write metrics for node_exporter's textfile collector.")
    ] = None,
    record: Annotated[  # noqa: FBT002
        bool, typer.Option("--record", help="Record each log's result as an audit event.")
    ] = False,
) -> None:
    """Verify a vault from its storage and a trust file alone.

    Exit codes: 0 everything holds; 1 the store can't be read, or another failure of the tool; 2 usage, trust or state
    file; 10 MALFORMED, 11 SQUATTED, 12 BAD_STORAGE, 13 STALE, 14 TRUNCATED, 15 MISSING_LOG, 16 BROKEN_CHAIN, 17
    BAD_RECORD, 18 BAD_ROOT, 19 BAD_KEY, 20 BAD_SIGNATURE, 21 FORK: the worst of all findings wins.

    Example: auditseal verify --trust trust.txt --vault file:///mnt/vault
    """
    with exit_on_failure("verify"):
        now = int(time() * 1_000_000)
        pinned, heads = read_trust(trust), _recall(state, is_new=state_new)
        url, save_events = vault_url(vault, pinned), _recorder() if record else None
        request = Request(
            pinned,
            quick=quick,
            heads=heads,
            now=now,
            continued=continued,
            scrub_period=_scrub_period(scrub, state, continued=continued),
            memory=f"state {state}" if state else "",
            expected=tuple(map(parse_origin, expect or ())),
            oldest=None if max_age is None else _oldest(max_age, now),
            notices=(f"the trust file pins another vault, {pinned.vault}",) if pinned.vault not in (None, url) else (),
        )
        with workers(jobs, dask) as (count, cluster):
            of_copy = _verify_copy(copy, request, count, cluster)
            request = compared_with(request, of_copy) if of_copy else request
            with (
                CheckPool(ReaderAt(url), count, cluster) as pool,
                _progress(pool.reader, continued=continued) as on_progress,
            ):
                report = Verification(request, pool, on_progress).run()
        if of_copy:
            report = replace(report, notices=(*report.notices, *copy_notices(report, of_copy)))
        outcome = keep_outcome(report, heads, state, evidence, pool.reader)
        report = outcome.report
        if textfile:
            report = _with_failure(report, partial(_write_textfile, textfile, report, now))
        if save_events:
            report = _with_failure(report, partial(save_events, filter(None, (report, of_copy))))
        with _answered_by_exit_code(report):
            _show(report, outcome.proofs, of_copy, as_json=as_json)
            for failure in report.failures:
                tell("verify", failure)
    raise typer.Exit(max(report.exit_code, of_copy.exit_code if of_copy else 0))


def _verify_copy(url: str | None, request: Request, jobs: int, cluster: Executor | None) -> Report | None:
    """Verify a copy from its beginning, against nothing that is remembered; None without a copy."""
    if url is None:
        return None
    if request.continued:
        raise ConfigurationError("--copy verifies both vaults from their beginning: leave --continue out")
    with CheckPool(ReaderAt(url), jobs, cluster) as pool, _progress(pool.reader, continued=False) as on_progress:
        return Verification(of_the_copy(request), pool, on_progress).run()


def _scrub_period(days: float | None, state: Path | None, *, continued: bool) -> int | None:
    """Return how long a pass over the older blocks may take, in µs; None if no such pass is wanted."""
    if continued and state is None:
        raise ConfigurationError("--continue needs --state FILE, whose heads it continues from")
    if days is None:
        return None
    if not continued:
        raise ConfigurationError("--scrub needs --continue: without it every block is checked anyway")
    if not isfinite(days * _DAY):
        raise ConfigurationError(f"--scrub {days}: say a number of days")
    return int(days * _DAY)


def _oldest(hours: float, now: int) -> int:
    """Return the time that many hours ago, in µs since the epoch."""
    if not isfinite(hours * _HOUR):
        raise ConfigurationError(f"--max-age {hours}: give a number of hours, or omit it to allow any age")
    return now - int(hours * _HOUR)


def _recall(state: Path | None, *, is_new: bool) -> Mapping[Origin, Head]:
    if state is None:
        if is_new:
            raise ConfigurationError("--state-new is for a first run: it needs --state FILE, and no such file yet")
        return {}
    return begin_heads(state) if is_new else read_heads(state)


def _recorder() -> Callable[[Iterable[Report]], None]:
    """Return the function that records results as audit events; it is made before a run, since settings may be wrong.

    Raises:
        ConfigurationError: As `recording_config`.
    """
    from auditseal.cli.verify_record import record_results, recording_config  # noqa: PLC0415  (Kafka's client: 0.1 s)

    return partial(record_results, recording_config())


def _write_textfile(path: Path, report: Report, now: int) -> None:
    from auditseal_watch.textfile import write_textfile  # noqa: PLC0415  (Prometheus' client takes 0.05 s to load)

    write_textfile(path, report, now / 1e6)


def _with_failure(report: Report, pass_on: Callable[[], None]) -> Report:
    """Pass on the results, and return the report with the failure to do so, so that it is shown all the same."""
    try:
        pass_on()
    except AuditsealError as error:
        return replace(report, failures=(*report.failures, str(error)))
    return report


@contextmanager
def _answered_by_exit_code(report: Report) -> Iterator[None]:
    """Keep the answer's exit code if the reader of the output closes it: a finding must not look like a failure."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered goes nowhere
        raise typer.Exit(report.exit_code) from None


def _show(report: Report, proofs: Sequence[Path], of_copy: Report | None, *, as_json: bool) -> None:
    if as_json:
        more = {"evidence": [str(path) for path in proofs], "copy": of_copy.to_json() if of_copy else None}
        typer.echo(json.dumps(report.to_json() | more))
        return
    typer.secho(summary_line(report), fg="green" if report.exit_code == 0 else "red", bold=True)
    for line in detail_lines(report):
        typer.echo(line)
    for path in proofs:
        typer.echo(f"evidence: {path}")
    if of_copy:
        typer.secho(f"copy: {summary_line(of_copy)}", fg="green" if of_copy.exit_code == 0 else "red", bold=True)
        for line in detail_lines(of_copy):
            typer.echo(f"  {line}")


@contextmanager
def _progress(reader: VaultReader, *, continued: bool) -> Iterator[OnProgress]:
    """Yield the function that shows the check's progress; the number of all blocks is that of the head now."""
    shows_all = sys.stderr.isatty() and not continued

    @cache
    def size(origin: Origin) -> int | None:
        try:
            head = head_height(reader, origin) if shows_all else None
        except AuditsealError:
            return None  # the check itself says why
        return None if head is None else head + 1

    with progress_bar("blocks") as advance:

        def on_progress(origin: Origin, counts: Counts) -> None:
            advance(str(origin), counts.blocks, size(origin))

        yield on_progress
