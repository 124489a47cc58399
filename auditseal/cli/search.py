"""`auditseal search`: finds events in sealed logs, and says how complete the answer is."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from auditseal.cli.data_output import data_output
from auditseal.cli.hit_proof import HitProof
from auditseal.cli.querying import answer_from_rows, read_query
from auditseal.cli.vault_options import Json, TrustFile, VaultUrl, exit_on_failure, read_trust
from auditseal_auditor.report_text import printable
from auditseal_schemas.errors import ConfigurationError, quoted
from auditseal_schemas.registry_schema import unknown_schema
from auditseal_schemas.trust import Trust
from auditseal_search.answer import Account
from auditseal_search.columns import ROW
from auditseal_search.csv_cells import safe_cell
from auditseal_search.gathered import Gathered
from auditseal_search.hit_order import Cursor
from auditseal_search.query_fields import FIELDS
from auditseal_search.row_json import row_to_json
from auditseal_search.row_times import rfc3339

app = typer.Typer()

_COLUMNS = ("timestamp", "actor_id", "action", "resources", "outcome", "service", "origin", "height", "index")
_BAR = 40  # characters of the longest bar of a histogram


class Per(StrEnum):
    """The width of a histogram's bars."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@app.command()
def search(  # noqa: PLR0913, PLR0917  (one for each option)
    trust: TrustFile,
    query: Annotated[str, typer.Argument(help="A filter, such as 'actor = u-1842 and time >= 2026-03-01'.")] = "",
    vault: VaultUrl = None,
    index: Annotated[str | None, typer.Option("--index", help="The index. [default: none, read the vault]")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Hits to show.")] = 50,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="The newest comes first otherwise.")] = False,  # noqa: FBT002
    after: Annotated[
        str | None, typer.Option(help="Continue after this cursor, which the answer before printed.")
    ] = None,
    columns: Annotated[str | None, typer.Option(help="Columns of the index, by commas; `all` for all of them.")] = None,
    count_by: Annotated[str | None, typer.Option("--count-by", help="Count the hits by a field.")] = None,
    per: Annotated[Per | None, typer.Option(help="Draw the hits over time.")] = None,
    prove: Annotated[bool, typer.Option("--prove", help="Prove that these are all hits; needs -o.")] = False,  # noqa: FBT002
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file of the proof.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Find events in sealed logs; answers say how complete they are.

    A filter compares fields: = != < <= > >=, ~ for a pattern with * and ?, : for a text within, in (a, b), exists. Join
    comparisons by and, or, not and parentheses. Times are 2026-03-01, 2026-03-01T12:00:00Z, now, or -2h. Without an
    index the times that blocks signed decide which blocks are read. With --prove and a signed index, the file -o proves
    that the hits of a filter of equal comparisons are all; `auditseal check-proof` checks it.

    Exit codes: 0 complete; 1 the index or the vault can't be read; 2 usage, filter or trust file; 4 PARTIAL: the answer
    names the heights that it doesn't cover; from 10 on the verdict on the first wrong block.

    Example: auditseal search --trust trust.txt --index ./index 'actor = u-1842'
    """
    with exit_on_failure("search"):
        shown = _chosen(columns)
        _check_field(count_by)
        cursor = _cursor(after)
        condition = read_query("search", query)
        proof = HitProof.wanted(condition, index, output) if prove else None

        def show(found: Gathered) -> Account:
            account = found.account
            with found.searcher() as searcher:
                if count_by:
                    _show_counts(searcher.counts_by(count_by, limit), account, as_json=as_json)
                elif per:
                    _show_histogram(searcher.histogram(per.value), per, account, as_json=as_json)
                else:
                    hits = list(searcher.hits(oldest_first=oldest_first, limit=limit, after=cursor))
                    total = searcher.count()
                    notes = _unknown_schemas(hits, read_trust(trust))
                    _show_hits(hits, total, shown, account, notes, as_json=as_json, as_csv=as_csv)
            return account

        account = answer_from_rows(show, condition, trust, vault, index)
        if proof:
            proof.write(trust, vault)
    raise typer.Exit(account.exit_code)


def _chosen(columns: str | None) -> tuple[str, ...]:
    if columns is None:
        return _COLUMNS
    known = ("origin", *ROW.names)
    chosen = known if columns == "all" else tuple(name.strip() for name in columns.split(","))
    for name in chosen:
        if name not in known:
            raise ConfigurationError(f"--columns: there is no column {quoted(name)}; there are {', '.join(known)}")
    return chosen


def _check_field(name: str | None) -> None:
    if name is not None and name not in FIELDS:
        raise ConfigurationError(f"--count-by: there is no field {quoted(name)}; there are {', '.join(sorted(FIELDS))}")


def _cursor(text: str | None) -> Cursor | None:
    try:
        return Cursor.parse(text) if text else None
    except ValueError as error:
        raise ConfigurationError(f"--after: {quoted(text or '')} is not a cursor that an answer printed") from error


def _show_hits(
    hits: Sequence[dict[str, Any]],
    total: int,
    columns: Sequence[str],
    account: Account,
    notes: Sequence[str],
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    following = str(Cursor.of(hits[-1])) if hits and len(hits) < total else None
    if as_json:
        answer = {"hits": list(map(row_to_json, hits)), "total": total, "next": following, "answer": account.to_json()}
        typer.echo(json.dumps({**answer, "unknown_schemas": notes}))
        return
    if as_csv:
        _print_csv(hits, columns)
    else:
        _print_table(hits, columns)
    shown = f"{len(hits):,} of {total:,} hits" if len(hits) < total else f"{total:,} hits"
    _tell([shown, *([f"more: --after {following}"] if following else ()), *notes, *account.lines()], to_stderr=as_csv)


def _unknown_schemas(hits: Iterable[dict[str, Any]], trust: Trust) -> list[str]:
    """Say of each schema that hits name and the trust file does not pin what to do."""
    pinned = {(str(log.origin), schema.id) for log in trust.logs for schema in log.schemas}
    named = {(hit["origin"], hit["registry_schema"]) for hit in hits if hit["registry_schema"] and hit["problem"]}
    return [f"a record of {origin}: {unknown_schema(schema_id)}" for origin, schema_id in sorted(named - pinned)]


def _print_table(hits: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for hit in hits:
        table.add_row(*(Text(printable(_cell(hit[name]))) for name in columns))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 400)
    if hits:
        console.print(table)


def _print_csv(hits: Iterable[dict[str, Any]], columns: Sequence[str]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([safe_cell(_cell(hit[name])) for name in columns] for hit in hits)
    data_output().write(text.getvalue().encode("utf-8", "backslashreplace"))
    sys.stdout.flush()


def _cell(value: Any) -> str:
    """Return a value as one cell's text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, list):
        return " ".join(_item(item) for item in value)
    return str(value)


def _item(item: Any) -> str:
    if isinstance(item, dict):
        first, second, *_ = item.values()
        return f"{first}/{second}"
    return "=".join(map(str, item))


def _show_counts(counts: Sequence[tuple[Any, int]], account: Account, *, as_json: bool) -> None:
    if as_json:
        rows = [{"value": value, "count": number} for value, number in counts]
        typer.echo(json.dumps({"counts": rows, "answer": account.to_json()}, default=str))
        return
    for value, number in counts:
        typer.echo(printable(f"{number:>12,}  {'(none)' if value is None else _cell(value)}"))
    _tell(account.lines())


def _show_histogram(bars: Sequence[tuple[int | None, int]], per: Per, account: Account, *, as_json: bool) -> None:
    if as_json:
        rows = [{"start": None if start is None else _time(start), "count": number} for start, number in bars]
        typer.echo(json.dumps({"per": per.value, "histogram": rows, "answer": account.to_json()}))
        return
    for line in _bar_lines(bars):
        typer.echo(line)
    _tell(account.lines())


def _bar_lines(bars: Sequence[tuple[int | None, int]]) -> Iterator[str]:
    most = max((number for _, number in bars), default=1)
    for start, number in bars:
        at = "(no time)" if start is None else _time(start)
        yield f"{at:<20}  {number:>10,}  {'█' * max(1, round(_BAR * number / most))}"


def _time(milliseconds: int) -> str:
    return rfc3339(datetime.fromtimestamp(milliseconds / 1000, UTC))


def _tell(lines: Iterable[str], *, to_stderr: bool = False) -> None:
    for line in lines:
        typer.echo(printable(line), err=to_stderr)
