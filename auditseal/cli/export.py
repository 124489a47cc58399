"""`auditseal export`: writes all events that match, for other tools."""

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer

from auditseal.cli.data_output import data_output
from auditseal.cli.progress import progress_bar
from auditseal.cli.querying import read_query, stream_rows
from auditseal.cli.vault_options import TrustFile, VaultUrl, exit_on_failure
from auditseal_auditor.report_text import printable
from auditseal_schemas.errors import ConfigurationError
from auditseal_search.export import Format, open_output, send_rows, write_rows
from auditseal_search.row_stream import RowStream

app = typer.Typer()


@app.command()
def export(  # noqa: PLR0917  (one for each option)
    trust: TrustFile,
    query: Annotated[str, typer.Argument(help="A filter, as for `auditseal search`.")] = "",
    kind: Annotated[Format, typer.Option("--format", help="How rows are written.")] = Format.JSONL,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A new file. [default: stdout]")] = None,
    syslog: Annotated[str | None, typer.Option(help="Send CEF to tcp://host:port or tls://host:port.")] = None,
    vault: VaultUrl = None,
    index: Annotated[str | None, typer.Option("--index", help="The index. [default: none, read the vault]")] = None,
) -> None:
    """Write all events that match, for other tools.

    Nothing is capped, and memory stays flat.

    Each row carries its log, block, place and offset, by which `auditseal prove` proves it. The grade of the answer
    goes to standard error.

    Exit codes: 0 complete; 1 a source or the output can't be used; 2 usage, filter or trust file; 4 PARTIAL; from 10 on
    the verdict on the first wrong block.

    Example: auditseal export --trust trust.txt --index ./index 'tenant = acorn'
    """
    with exit_on_failure("export"):
        if syslog and (output or kind is not Format.JSONL):
            raise ConfigurationError("--syslog sends CEF to a server: leave --output and --format out")
        if kind is Format.PARQUET and not output and sys.stdout.isatty():
            raise ConfigurationError("Parquet is not for a terminal: name a file with --output")
        with stream_rows(read_query("export", query), trust, vault, index) as rows:
            batches = chain(_indexed(rows), rows.read())
            if syslog:
                count = send_rows(batches, syslog)
            elif output:
                with open_output(output) as file:
                    count = write_rows(batches, kind, file)
            else:
                count = write_rows(batches, kind, data_output())
        account = rows.account
    typer.echo(f"{count:,} events written", err=True)
    for line in account.lines():
        typer.echo(printable(line), err=True)
    raise typer.Exit(account.exit_code)


def _indexed(rows: RowStream) -> Iterator[pa.RecordBatch]:
    """Yield the rows of the index, whose progress is shown while they are taken."""
    with progress_bar("events") as advance:
        total = rows.count_indexed() if sys.stderr.isatty() else None
        done = 0
        for batch in rows.indexed():
            yield batch
            done += batch.num_rows
            advance("exported", done, total)
