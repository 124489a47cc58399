"""`auditseal tail`: shows events as they are archived."""

import json
import time
from functools import partial
from typing import Annotated, Any

import typer

from auditseal.cli.querying import read_query
from auditseal.cli.vault_options import TrustFile, VaultUrl, exit_on_failure, read_trust, tell, vault_url
from auditseal_auditor.report_text import printable
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_search.log_tail import LogTail
from auditseal_search.range_pool import RangePool
from auditseal_search.row_json import row_to_json
from auditseal_search.row_times import rfc3339
from auditseal_search.tail import new_hits
from auditseal_vault.open import open_reader

app = typer.Typer()


@app.command()
def tail(  # noqa: PLR0917  (one for each option)
    trust: TrustFile,
    query: Annotated[str, typer.Argument(help="A filter, as for `auditseal search`.")] = "",
    vault: VaultUrl = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue until Ctrl-C.")] = False,  # noqa: FBT002
    from_height: Annotated[
        int | None, typer.Option("--from", min=0, help="The first block. [default: a new one]")
    ] = None,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks at the vault.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,  # noqa: FBT002
) -> None:
    """Show events as they are archived, each block verified first.

    It reads the vault and needs no Kafka. An unreachable store is reported, and the tail continues when it answers.

    Exit codes: 0 all was shown; 1 the vault can't be read; 2 usage, filter or trust file; 130 Ctrl-C; from 10 on the
    verdict on the first wrong block.

    Example: auditseal tail --trust trust.txt --follow 'outcome = DENIED'
    """
    with exit_on_failure("tail"):
        condition, pinned = read_query("tail", query), read_trust(trust)
        start = from_height if from_height is not None or follow else 0
        with RangePool(partial(open_reader, vault_url(vault, pinned)), 1) as pool:
            tails = [(log, LogTail(pool, log, start)) for log in pinned.logs]
            while True:
                for hit in new_hits(tails, condition, _report if follow else _fail):
                    typer.echo(json.dumps(row_to_json(hit)) if as_json else _line(hit))
                if not follow:
                    return
                time.sleep(every)


def _report(origin: Origin, error: UnavailableError) -> None:
    tell("tail", f"{origin}: {error}; trying again")


def _fail(_origin: Origin, error: UnavailableError) -> None:
    raise error


def _line(hit: dict[str, Any]) -> str:
    """Return a hit as one line, with nothing unescaped."""
    at = rfc3339(hit["timestamp"]) if hit["timestamp"] else "-"
    place = f"{hit['origin']} {hit['height']}/{hit['index']}"
    if hit["problem"]:
        return printable(f"{at}  {place}  {hit['problem']}")
    resources = " ".join(f"{one['type']}/{one['id']}" for one in hit["resources"] or ())
    return printable(f"{at}  {hit['outcome']}  {hit['actor_id']}  {hit['action']}  {resources}  {place}")
