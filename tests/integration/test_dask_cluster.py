"""`verify` and `index build` on a real Dask cluster: the results of this machine, whatever becomes of a worker."""

import json
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

import pytest
from distributed import Client

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.request import Request
from auditseal_auditor.verification import Verification
from auditseal_schemas.header import Header
from auditseal_schemas.trust import Trust
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_store import open_index
from auditseal_search.range_pool import RangePool
from auditseal_vault.thread_reader import ReaderAt
from tests.factory.dask_cluster import DaskCluster, dask_cluster
from tests.unit.search.test_search_command import VALUES, Place, seal_values

BLOCKS = seal_values(VALUES, [6] * 67)


@pytest.fixture
def cluster() -> Iterator[DaskCluster]:
    with dask_cluster() as cluster:
        yield cluster


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.put(BLOCKS)
    return place


@pytest.fixture
def executor(cluster: DaskCluster) -> Iterator[Executor]:
    with Client(cluster.address, timeout=30) as client:
        client.wait_for_workers(2, timeout=60)
        yield client.get_executor()


def found_in(report: dict[str, object]) -> dict[str, object]:
    """A report but for the time that it took."""
    return {name: value for name, value in report.items() if name != "seconds"}


def test_a_killed_worker_changes_nothing_of_a_build(place: Place, cluster: DaskCluster, executor: Executor) -> None:
    assert place.build().exit_code == 0
    wanted, done = place.files(), list[int]()

    def on_block(header: Header) -> None:
        done.append(header.height)
        if header.height == 3:
            cluster.workers[0].kill()
            cluster.workers[0].wait()

    (pinned,) = Trust.parse(place.trust.read_bytes()).logs
    place.index = place.index.with_name("from-cluster")
    with RangePool(ReaderAt(place.vault.as_uri()), 2, executor) as pool:
        built = IndexBuilder(open_index(str(place.index)), pool, on_block).build(pinned)
    assert (built.fault, built.size, done) == (None, len(BLOCKS), list(range(len(BLOCKS))))
    assert cluster.workers[0].poll() is not None
    assert place.files() == wanted


def test_a_killed_worker_changes_nothing_of_a_verification(
    place: Place, cluster: DaskCluster, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditseal_auditor.check_pool._BATCH_KEYS", 2)
    path = place.vault / BLOCKS[0].header.origin.block_key(40)
    path.write_bytes(path.read_bytes()[:-40] + b"\0" * 40)
    trust = Trust.parse(place.trust.read_bytes())
    at = ReaderAt(place.vault.as_uri())
    with CheckPool(at, 1) as pool:
        wanted = Verification(Request(trust), pool).run()
    killed = False

    def on_progress(*_: object) -> None:
        nonlocal killed
        if not killed:
            cluster.workers[0].kill()
            cluster.workers[0].wait()
            killed = True

    with CheckPool(at, 2, executor) as pool:
        found = Verification(Request(trust), pool, on_progress).run()
    assert killed
    assert wanted.exit_code >= 10
    assert found_in(found.to_json()) == found_in(wanted.to_json())


def test_the_commands_take_its_address(place: Place, cluster: DaskCluster, executor: Executor) -> None:
    at_home = place.run("verify", "--json", index=False)
    away = place.run("verify", "--json", "--dask", cluster.address, index=False)
    assert (away.exit_code, found_in(json.loads(away.stdout))) == (0, found_in(json.loads(at_home.stdout)))
    built = place.run("index", "build", "--dask", cluster.address, "--json")
    assert built.exit_code == 0, built.output
    assert json.loads(built.stdout)["logs"][0]["rows"] == len(VALUES)
    refused = place.run("index", "build", "--dask", cluster.address, "--jobs", "2")
    assert (refused.exit_code, "leave one of them out" in refused.output) == (2, True)


def test_a_cluster_that_is_away_is_a_failure(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditseal.cli.cluster._CONNECT_SECONDS", 1)
    done = place.run("index", "build", "--dask", "tcp://127.0.0.1:1")
    assert done.exit_code == 1
    assert "can't be reached" in done.output
