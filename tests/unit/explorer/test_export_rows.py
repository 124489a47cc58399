"""An export has every row once while the index is built on, or ends with an error: it is never silently short."""

import asyncio
from collections.abc import Iterator
from http.client import IncompleteRead
from pathlib import Path
from urllib.request import urlopen

import pytest

from auditseal_explorer import results
from auditseal_explorer.auditor import local_auditor
from auditseal_explorer.question import Question
from auditseal_schemas.errors import UnavailableError
from auditseal_search.export import Format
from auditseal_search.searcher import Searcher
from tests.factory.asgi_exchange import exchange, http_scope
from tests.factory.exploring import HOST, Exploring, served
from tests.factory.vaults import put_log
from tests.unit.explorer.test_counting import BLOCKS, NOW, RECORDS_OF_A_BLOCK, build, exploring
from tests.unit.search.test_search_command import LOG

EVERY = RECORDS_OF_A_BLOCK * 9


def exported(explorer: Exploring, text: str = "") -> Iterator[list[int]]:
    """Yield the offsets of each piece of an export, the header's first."""
    answer = results.export(explorer.sources, local_auditor(), Question(text), NOW)
    for piece in answer.lines(Format.CSV):
        lines = piece.decode().splitlines()
        yield [int(line.split(",")[3]) for line in lines if line.startswith(f"{LOG},")]


def test_an_export_goes_on_in_the_files_that_take_the_place_of_others(tmp_path: Path) -> None:
    explorer = exploring(tmp_path, blocks=9)
    pieces = exported(explorer)
    offsets = next(pieces) + next(pieces)
    put_log(explorer.vault, BLOCKS)
    gone = set(tmp_path.rglob("*.parquet"))
    build(tmp_path, explorer.vault)  # the last file, of block 8, is merged into one of blocks 8 and 9
    assert gone - set(tmp_path.rglob("*.parquet"))
    for piece in pieces:
        offsets += piece
    assert offsets == list(range(EVERY))


def test_an_export_whose_file_is_lost_breaks_off(tmp_path: Path) -> None:
    explorer = exploring(tmp_path, blocks=9)
    pieces = exported(explorer)
    assert next(pieces) + next(pieces)
    for path in tmp_path.rglob("*.parquet"):
        path.unlink()
    with pytest.raises(UnavailableError, match="can't be read"):
        list(pieces)


def test_an_export_of_other_rows_than_were_counted_breaks_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = exploring(tmp_path, blocks=9)
    monkeypatch.setattr(Searcher, "count", lambda _: EVERY + 1)
    with pytest.raises(UnavailableError, match=f"{EVERY} events were exported, and {EVERY + 1} match"):
        list(exported(explorer))


def test_a_reader_notices_an_export_that_broke_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = exploring(tmp_path, blocks=9)
    monkeypatch.setattr(Searcher, "count", lambda _: EVERY + 1)
    with served(explorer) as address, urlopen(f"{address}/export.csv") as answer, pytest.raises(IncompleteRead):
        answer.read()


def test_an_export_is_not_sent_by_http_1_0_which_does_not_show_that(tmp_path: Path) -> None:
    scope = http_scope(path="/export.csv", headers=[("host", HOST)]) | {"http_version": "1.0"}
    begin, *parts = asyncio.run(exchange(exploring(tmp_path, blocks=2).app, scope))
    assert begin["status"] == 505
    assert b"Ask by HTTP/1.1" in b"".join(part.get("body", b"") for part in parts)


def test_an_export_has_the_rows_of_the_vault_alone_too(tmp_path: Path) -> None:
    explorer = exploring(tmp_path)
    offsets = [offset for piece in exported(explorer, "offset >= 30") for offset in piece]
    assert offsets == list(range(30, RECORDS_OF_A_BLOCK * 10))
