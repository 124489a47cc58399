"""`auditseal evidence`: packs the events of a case with their proofs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.querying import answer_from_rows, read_query
from auditseal.cli.vault_options import TrustFile, VaultUrl, exit_on_failure, read_trust, vault_url
from auditseal_auditor.report_text import printable
from auditseal_evidence.answer import case_of, places_of
from auditseal_evidence.case import Case
from auditseal_evidence.pack import PackMaker
from auditseal_evidence.timestamp import timestamper
from auditseal_schemas.errors import ConfigurationError
from auditseal_search.answer import Account
from auditseal_search.gathered import Gathered
from auditseal_search.query import has_absolute_times
from auditseal_vault.open import open_reader

app = typer.Typer()


@app.command()
def evidence(  # noqa: PLR0917  (one for each option)
    trust: TrustFile,
    query: Annotated[str, typer.Argument(help="A filter, as for `auditseal search`; times are absolute.")],
    case: Annotated[str, typer.Option(help="The name of the case.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="A new file, such as case.zip; the page is case.html.")
    ],
    vault: VaultUrl = None,
    index: Annotated[str | None, typer.Option("--index", help="The index. [default: none, read the vault]")] = None,
    timestamp: Annotated[str | None, typer.Option(help="The address of an RFC 3161 timestamp authority.")] = None,
    timestamp_ca: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="PEM with the authority's root certificates.")
    ] = None,
) -> None:
    """Pack the events of a case with their proofs.

    It is for people without any of our systems. The zip has each event, the hashes and signatures that prove it, the
    trust file, and a short program that verifies all of it. The page next to it shows the events. No other event gets
    into either.

    Exit codes: 0 complete; 1 a source or the output can't be used; 2 usage, filter or trust file; 4 PARTIAL: the pack
    says what it doesn't cover; from 10 on the verdict on a block that doesn't hold.

    Example: auditseal evidence --trust trust.txt --case 17 -o 17.zip 'ip = ::1'
    """
    with exit_on_failure("evidence"):
        page = output.with_suffix(".html")
        _check_new(output, page)
        condition = read_query("evidence", query)
        if not has_absolute_times(query):
            raise ConfigurationError("a case needs absolute times, such as 2026-03-01: -2h and now change every second")
        if (timestamp is None) != (timestamp_ca is None):
            raise ConfigurationError("--timestamp and --timestamp-ca belong together")
        stamp = timestamper(timestamp, timestamp_ca) if timestamp and timestamp_ca else None
        maker = PackMaker(open_reader(vault_url(vault, read_trust(trust))), trust.read_bytes(), stamp)

        def make(found: Gathered) -> tuple[Case, Account]:
            with found.searcher() as searcher, _written(output, page) as (new_pack, new_page):
                filed = case_of(case, query, found.account, searcher.count())
                maker.make(filed, places_of(searcher), new_pack, new_page)
            return filed, found.account

        filed, account = answer_from_rows(make, condition, trust, vault, index)
    typer.echo(f"{output} and {page}: {filed.events:,} events", err=True)
    for line in account.lines():
        typer.echo(printable(line), err=True)
    raise typer.Exit(account.exit_code)


def _check_new(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise ConfigurationError(f"{path} exists: name another file, or remove it first")
    if len(set(paths)) < len(paths):
        raise ConfigurationError(f"{paths[0]} is the name of the page: name the pack case.zip")


@contextmanager
def _written(*paths: Path) -> Iterator[Sequence[Path]]:
    """Give files to write, which get their names when all of them are whole."""
    parts = [path.with_name(f".{path.name}.part") for path in paths]
    try:
        yield parts
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
