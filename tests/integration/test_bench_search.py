"""`make bench-search`, a short slice: its figures that don't depend on the machine hold, and none is left out."""

from pathlib import Path

from auditseal_local.minio import MinioNode
from tests.bench.bench_search import TARGETS, measure


def test_the_figures_that_hold_on_any_machine(minio: MinioNode, tmp_path: Path) -> None:
    figures = measure(minio, tmp_path / "bench", 2_000)
    assert {(measurement, name) for measurement, name, _, _ in TARGETS} == {
        (measurement, name) for measurement, names in figures.items() for name in names
    }
    assert figures["pages"]["hits"] == 2_000
    assert figures["pages"]["lost_or_twice"] == 0
    assert figures["store"]["requests"] < 61
    assert figures["scan"]["blocks_beyond"] == 0
