"""`auditseal streams`: whether events of a stream are missing, and a certificate that says so."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import Annotated

import typer

from auditseal.cli.index_key import IndexKey, KeyFile, read_key
from auditseal.cli.named_key import PassphraseFile
from auditseal.cli.stream_options import SETTLE_SECONDS, Expected, parse_expected
from auditseal.cli.vault_options import Json, TrustFile, VaultUrl, exit_on_failure, read_trust, vault_url
from auditseal_auditor.report_text import printable
from auditseal_daemon.process_end import end_process
from auditseal_daemon.run import DaemonContext, DaemonOptions, run_daemon
from auditseal_schemas.errors import ConfigurationError, VerificationError
from auditseal_schemas.event_time import format_milliseconds
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.note import Note
from auditseal_schemas.trust import Trust
from auditseal_search.free_memory import return_large_blocks
from auditseal_search.range_pool import RangePool
from auditseal_search.stream_certificate import Certificate, Request, StreamList, certificate_name, check_certificate
from auditseal_search.stream_follower import STREAMS, LookRules, StreamFollower, StreamMetrics
from auditseal_search.stream_ledger import COLUMNS, StreamLedger
from auditseal_search.stream_report import StreamReport, json_line
from auditseal_search.stream_state import FAULTS, Judgement, State, StreamState
from auditseal_vault.open import open_reader

app = typer.Typer()


@app.command()
def streams(  # noqa: PLR0913, PLR0917  (one for each option)
    trust: TrustFile,
    vault: VaultUrl = None,
    expect: Expected = None,
    settle: Annotated[
        int, typer.Option(min=0, help="Seconds until a missing number counts as a gap.")
    ] = SETTLE_SECONDS,
    certificate: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a signed certificate, and its list as FILE.jsonl.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Make this certificate again, and compare.")
    ] = None,
    key: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    follow: Annotated[bool, typer.Option("--follow", help="Look again and again, and serve metrics.")] = False,  # noqa: FBT002
    state: Annotated[
        Path | None, typer.Option(file_okay=False, help="Remember here what was read; the next run reads on.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, max=30, help="With --follow: seconds between two looks.")] = 10,
    host: Annotated[str, typer.Option(help="With --follow: where /metrics, /healthz and /readyz are.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --follow: their port; 0 for a free one.")] = 0,
    jobs: Annotated[int | None, typer.Option(min=1, max=256, help="Processes. [default: one for each CPU]")] = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Show whether events are missing from the streams of a vault.

    Each producer numbers its events. A number that is missing among sealed events is a lost event. All blocks are
    verified first. A certificate is a signed note that everyone who has the vault can make again. With --follow it runs
    until SIGTERM, and serves /metrics, /healthz and /readyz.

    Exit codes: 0 no fault was found, the certificate is right, or --follow was stopped; 1 the vault or the state can't
    be read; 2 usage or trust file; 3 a GAP, a DUPLICATE, a SILENT or an UNEXPECTED was found, or the certificate
    differs; 130 Ctrl-C; from 10 on the verdict on the first wrong block, or on the certificate.

    Example: auditseal streams --trust trust.txt --expect billing=600
    """
    with exit_on_failure("streams"):
        return_large_blocks()
        pinned, expected = read_trust(trust), parse_expected(expect or ())
        if (certificate or check) and (state or follow):
            raise ConfigurationError("a certificate is made from the whole vault: leave out --state and --follow")
        opened = partial(_report, pinned, vault_url(vault, pinned), state)
        if follow:
            rules = LookRules(settle * 1000, expected, every * 1000)
            end_process(_follow(opened, rules, DaemonOptions(host=host, port=port)))
        with opened(jobs or os.cpu_count() or 1) as report:
            if check is not None:
                raise typer.Exit(_check(report, pinned, check))
            signer = _signer(certificate, read_key(key, passphrase_file, pinned))
            report.read()
            judgement = Judgement(int(time() * 1000), settle * 1000, expected)
            if certificate is not None and signer is not None:
                _write(report, judgement, certificate, signer)
            else:
                _show(report, judgement, json_line if as_json else _line)
            raise typer.Exit(ExitCode.REJECTED if any(report.counts[one] for one in FAULTS) else ExitCode.OK)


@contextmanager
def _report(pinned: Trust, url: str, state: Path | None, jobs: int) -> Iterator[StreamReport]:
    with (
        _kept_in(state) as folder,
        RangePool(partial(open_reader, url), jobs, columns=COLUMNS) as pool,
        StreamLedger(folder) as ledger,
    ):
        yield StreamReport(pool, pinned, ledger)


@contextmanager
def _kept_in(state: Path | None) -> Iterator[Path]:
    """Yield the folder of a ledger: the one that was named, or one that ends with this process."""
    if state is None:
        with TemporaryDirectory(prefix="auditseal-streams-") as folder:
            yield Path(folder)
    else:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield state


def _follow(
    opened: Callable[[int], AbstractContextManager[StreamReport]], rules: LookRules, options: DaemonOptions
) -> int:
    """Look at the streams until SIGTERM, and return the exit code."""
    verdicts: list[VerificationError] = []

    def body(context: DaemonContext) -> None:
        metrics = StreamMetrics(context.registry)
        try:
            with opened(1) as report:
                StreamFollower(report, rules, metrics, context.health).run(context.stop)
        except VerificationError as error:
            verdicts.append(error)
            raise

    code = run_daemon("auditseal.streams", options, [STREAMS], body)
    return verdicts[0].verdict.exit_code if verdicts else code


def _signer(certificate: Path | None, key: IndexKey | None) -> IndexKey | None:
    if (certificate is None) != (key is None):
        raise ConfigurationError("--certificate FILE needs --key KEY, and --key is for a certificate")
    return key


def _show(report: StreamReport, rules: Judgement, form: Callable[[StreamState], str]) -> None:
    for state in report.states(rules):
        typer.echo(form(state))
    for silent in report.silent:
        line = f"{State.SILENT}  service {silent.service}, latest event: {silent.last_at or 'none'}"
        typer.echo(printable(line), err=True)
    typer.echo(_summary(report), err=True)


def _summary(report: StreamReport) -> str:
    return ", ".join(f"{count} {state}" for state, count in report.counts.items() if count) or "no streams"


def _line(state: StreamState) -> str:
    """Return a stream as one line, with nothing unescaped."""
    facts, words = state.facts, list[str]()
    for one in state.states:
        match one:
            case State.GAP:
                gaps = [f"{gap.first}..{gap.last}" for gap in facts.gaps[:3]]
                words.append(f"GAP {', '.join(gaps)}" + (", ..." if facts.gap_count > len(gaps) else ""))
            case State.DUPLICATE:
                words.append(f"DUPLICATE {', '.join(map(str, facts.clashes[:3]))}")
            case State.UNCLOSED:
                words.append(f"UNCLOSED since {format_milliseconds(facts.last_at)}")
            case _:
                words.append(str(one))
    return printable(f"{'; '.join(words)}  {facts.service}  {facts.stream}  {facts.first}..{facts.last}")


def _write(report: StreamReport, rules: Judgement, path: Path, key: IndexKey) -> None:
    listed = StreamList()
    with Path(f"{path}.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(listed.lines(report, rules))
    made = _made(report, rules, key.public.name, listed)
    path.write_bytes(made.sign(key.signer).format())
    typer.echo(f"{path}: {_summary(report)}")


def _made(report: StreamReport, rules: Judgement, name: str, listed: StreamList) -> Certificate:
    return Certificate(name, rules, report.heads, report.schema_lines, report.counts, listed.count, listed.digest)


def _check(report: StreamReport, pinned: Trust, path: Path) -> ExitCode:
    note = Note.parse(path.read_bytes())
    key = pinned.index_of(certificate_name(note))
    note.check([key])
    request = Request.parse(note.text)
    report.read(request.sizes)
    listed = StreamList()
    for _ in listed.lines(report, request.rules):
        pass
    difference = check_certificate(note, key, _made(report, request.rules, key.name, listed))
    if difference is None:
        typer.echo(f"{path}: the vault makes the same certificate: {_summary(report)}")
        return ExitCode.OK
    typer.echo(printable(f"{path} differs: {difference}"), err=True)
    return ExitCode.REJECTED
