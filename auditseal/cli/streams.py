"""`auditseal streams`: whether events of a stream are missing, and a certificate that says so."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import Annotated

import typer

from auditseal.cli.index_key import IndexKey, KeyFile, PassphraseFile, read_key
from auditseal.cli.vault_options import Json, TrustFile, VaultUrl, exit_on_failure, read_trust, vault_url
from auditseal_auditor.report_text import printable
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.event_time import format_milliseconds
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.note import Note
from auditseal_schemas.trust import Trust
from auditseal_search.range_pool import RangePool
from auditseal_search.stream_certificate import Certificate, Request, StreamList, certificate_name, check_certificate
from auditseal_search.stream_ledger import StreamLedger
from auditseal_search.stream_report import StreamReport, state_to_json
from auditseal_search.stream_state import FAULTS, Judgement, State, StreamState
from auditseal_vault.open import open_reader

app = typer.Typer()
_SETTLE = 1_800


@app.command()
def streams(  # noqa: PLR0913, PLR0917  (one for each option)
    trust: TrustFile,
    vault: VaultUrl = None,
    expect: Annotated[
        list[str] | None, typer.Option(help="SERVICE=SECONDS: its longest silence; may be repeated.")
    ] = None,
    settle: Annotated[int, typer.Option(min=0, help="Seconds until a missing number counts as a gap.")] = _SETTLE,
    certificate: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a signed certificate, and its list as FILE.jsonl.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Make this certificate again, and compare.")
    ] = None,
    key: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    jobs: Annotated[int | None, typer.Option(min=1, max=256, help="Processes. [default: one for each CPU]")] = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Show whether events are missing from the streams of a vault.

    Each producer numbers its events. A number that is missing among sealed events is a lost event. All blocks are
    verified first. A certificate is a signed note that everyone who has the vault can make again.

    Exit codes: 0 no fault was found, or the certificate is right; 1 the vault can't be read; 2 usage or trust file; 3 a
    GAP, a DUPLICATE, a SILENT or an UNEXPECTED was found, or the certificate differs; 130 Ctrl-C; from 10 on the
    verdict on the first wrong block, or on the certificate.

    Example: auditseal streams --trust trust.txt --expect billing=600
    """
    with exit_on_failure("streams"):
        pinned = read_trust(trust)
        with _report(pinned, vault_url(vault, pinned), jobs) as report:
            if check is not None:
                raise typer.Exit(_check(report, pinned, check))
            signer = _signer(certificate, read_key(key, passphrase_file, pinned))
            report.read()
            rules = Judgement(int(time() * 1000), settle * 1000, _expected(expect or ()))
            if certificate is not None and signer is not None:
                _write(report, rules, certificate, signer)
            else:
                _show(report, rules, state_to_json if as_json else _line)
            raise typer.Exit(ExitCode.REJECTED if any(report.counts[state] for state in FAULTS) else ExitCode.OK)


@contextmanager
def _report(pinned: Trust, url: str, jobs: int | None) -> Iterator[StreamReport]:
    with (
        TemporaryDirectory(prefix="auditseal-streams-") as folder,
        RangePool(partial(open_reader, url), jobs or os.cpu_count() or 1) as pool,
        StreamLedger(Path(folder)) as ledger,
    ):
        yield StreamReport(pool, pinned, ledger)


def _expected(entries: Iterable[str]) -> dict[str, int]:
    found = {}
    for entry in entries:
        service, _, seconds = entry.rpartition("=")
        if not service or not seconds.isascii() or not seconds.isdecimal() or not int(seconds):
            raise ConfigurationError(f"--expect {entry}: write SERVICE=SECONDS, such as billing=600")
        found[service] = int(seconds) * 1000
    return found


def _signer(certificate: Path | None, key: IndexKey | None) -> IndexKey | None:
    if (certificate is None) != (key is None):
        raise ConfigurationError("--certificate FILE needs --key KEY, and --key is for a certificate")
    return key


def _show(report: StreamReport, rules: Judgement, form: Callable[[StreamState], str]) -> None:
    for state in report.states(rules):
        typer.echo(form(state))
    for silent in report.silent:
        heard = "none" if silent.heard is None else format_milliseconds(silent.heard)
        typer.echo(printable(f"{State.SILENT}  service {silent.service}, latest event: {heard}"), err=True)
    typer.echo(_summary(report), err=True)


def _summary(report: StreamReport) -> str:
    return ", ".join(f"{count} {state}" for state, count in report.counts.items() if count) or "no streams"


def _line(state: StreamState) -> str:
    """Return a stream as one line, with nothing unescaped."""
    facts, words = state.facts, list[str]()
    for one in state.states:
        match one:
            case State.GAP:
                gaps = [f"{gap.first}..{gap.last}" for gap in state.gaps[:3]]
                words.append(f"GAP {', '.join(gaps)}" + (", ..." if len(state.gaps) > len(gaps) else ""))
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
    return Certificate(name, rules, report.heads, report.counts, listed.count, listed.digest)


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
