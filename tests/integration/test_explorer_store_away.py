"""The explorer over a real MinIO that goes away in the middle of a page and of an export, and comes back."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import IncompleteRead
from pathlib import Path
from typing import cast
from urllib.request import urlopen

import pyarrow as pa
import pytest

from auditseal_explorer import results
from auditseal_explorer.sources import Sources
from auditseal_local.minio import MinioNode
from auditseal_search import segment_file
from auditseal_search.export import Format, pieces
from auditseal_search.gathered import Gathered
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_store import open_index
from auditseal_search.range_pool import RangePool
from auditseal_vault.open import open_vault
from tests.factory.exploring import Exploring, served
from tests.factory.vaults import MemoryVault
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import BLOCKS, LOG, VALUES


@pytest.fixture
def node(tmp_path: Path) -> Iterator[MinioNode]:
    """A store of its own, which may be stopped."""
    with MinioNode(tmp_path / "minio") as node:
        node.make_bucket("vault")
        node.make_bucket("index")
        yield node


@pytest.fixture
def explorer(node: MinioNode, monkeypatch: pytest.MonkeyPatch) -> Exploring:
    """An explorer whose vault and index are in the store, and which has verified all; the index has several files."""
    for name, value in node.client_environment().items():
        monkeypatch.setenv(name, value)
    vault, index = open_vault(node.vault_url("vault")), open_index(node.vault_url("index"))
    until = datetime.now(UTC) + timedelta(days=1)
    for block in BLOCKS:
        vault.put(LOG.block_key(block.header.height), block.format(), until)
    with pytest.MonkeyPatch.context() as patch, RangePool(lambda: vault, 1) as pool:
        patch.setattr("auditseal_search.manifest.FULL", 150)
        patch.setattr(segment_file, "FULL", 150)
        for _ in BLOCKS:
            IndexBuilder(index, pool).build(TRUST.log_of(LOG))
    assert len([name for name in index.names("") if name.endswith(".parquet")]) > 1
    explorer = Exploring(cast("MemoryVault", vault), TRUST, index)  # which reads as any vault does
    explorer.checker.check()
    return explorer


def test_an_export_is_whole_or_its_reader_notices(
    explorer: Exploring, node: MinioNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopping(batches: Iterable[pa.RecordBatch], kind: Format) -> Iterator[tuple[bytes, int]]:
        for number, piece in enumerate(pieces(batches, kind)):
            yield piece
            if number == 1:  # the header and the first rows were sent
                node.kill()

    with served(explorer) as address:
        with urlopen(f"{address}/export.csv") as answer:
            assert len(answer.read().splitlines()) == len(VALUES) + 1
        monkeypatch.setattr(results, "pieces", stopping)
        with urlopen(f"{address}/export.csv") as answer, pytest.raises(IncompleteRead) as caught:
            answer.read()
    assert 1 < len(caught.value.partial.splitlines()) < len(VALUES)


def test_a_page_says_so_tries_again_and_is_there_again(
    explorer: Exploring, node: MinioNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store goes away after the manifest was read, before the rows are."""
    plain: Callable[..., Gathered] = Sources.gather

    def gather(sources: Sources, *words: object) -> Gathered:
        found = plain(sources, *words)
        node.kill()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Sources, "gather", gather)
        page = explorer.page("/?q=outcome+%3D+DENIED", 503)
    assert "The store can't be read just now" in page.text
    assert "a file of the index can't be read" in page.text
    assert "s3:" not in page.text.replace(explorer.vault.url, "")
    assert [attrs for _, attrs in page.nodes if "data-soon" in attrs]
    for path in (f"/event?origin={LOG}&offset=5", "/export.csv", "/case"):
        answer = explorer.client.get(path)
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
    assert "The log can\u2019t be read: " in explorer.page("/logs").text
    node.start()
    assert "complete" in explorer.page("/?q=outcome+%3D+DENIED").text
    assert explorer.client.get(f"/event?origin={LOG}&offset=5").status_code == 200
