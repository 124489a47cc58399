"""The plots of growth, and that the docs have those of the last figures."""

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.bench import growth, growth_partitions
from tests.bench.growth_plot import exponent, plot

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "performance.md"
GROUPS = sorted(growth.PLOTS)


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_is_the_slope_of_the_logarithms(slope: float) -> None:
    points = [(size, 3e-6 * size**slope) for size in (1e3, 1e5, 1e6)]
    assert exponent(points) == pytest.approx(slope)
    assert math.isnan(exponent(points[:1]))


@pytest.mark.parametrize("group", GROUPS)
def test_the_docs_have_the_plot_of_the_last_figures(group: str) -> None:
    kept = Path(__file__).parents[2] / growth.PLOTS[group]
    assert kept.read_text() == plot(growth.load()[group], group)


@pytest.mark.parametrize("group", GROUPS)
def test_the_plot_has_a_point_for_each_figure_and_an_exponent_for_each_line(group: str) -> None:
    series = growth.load()[group]
    root = ET.fromstring(plot(series, group))
    circles = [element for element in root.iter() if element.tag.endswith("circle")]
    assert len(circles) == sum(map(len, series.values())) + len(series)
    texts = {element.text for element in root.iter() if element.tag.endswith("text")}
    assert {group, *(f"{name}: n^{exponent(points):.2f}" for name, points in series.items())} <= texts


def test_everything_was_measured_at_three_sizes_or_more() -> None:
    groups = growth.load()
    assert set(groups["blocks"]) == {*growth.STEPS, growth.LISTING, *growth.PASSES}
    assert set(groups["partitions"]) == set(growth_partitions.MOST_EXPONENT)
    assert all(len(points) >= 3 for series in groups.values() for points in series.values())


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_grew_faster_than_it_must(group: str) -> None:
    assert growth.too_steep(growth.load()[group]) == []


def test_what_grows_too_fast_is_named() -> None:
    (line,) = growth.too_steep({"prove one event": ((1_000, 0.001), (1_000_000, 1.0))})
    assert line == "prove one event grows with n^1.00, at most n^0.2 is expected"


@pytest.mark.parametrize("group", GROUPS)
def test_the_page_has_the_table_of_the_last_figures(group: str) -> None:
    assert "\n".join(growth.table(growth.load()[group])) in PAGE.read_text()


def test_figures_are_written_in_units_that_fit() -> None:
    costs = {1: 71.26, 10: 0.1234, 100: 0.00045049, 1000: 0.0000004}
    *_, row = growth.table({"wait": tuple(costs.items())})
    assert row.startswith("| wait | 71.3 s | 123 ms | 450 µs | 0.4 µs | -")


def test_a_figure_that_is_measured_again_replaces_the_earlier_one() -> None:
    before: growth.Series = {"a": ((1, 1.0), (3, 3.0)), "b": ((1, 1.0),)}
    assert growth.merge(before, {"a": ((3, 4.0), (2, 2.0))}) == {
        "a": ((1, 1.0), (2, 2.0), (3, 4.0)),
        "b": ((1, 1.0),),
    }


def test_all_is_measured_on_small_vaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "_ROUND", 2)
    monkeypatch.setattr(growth_partitions, "_BLOCKS", 3)
    for size, run, names in (
        (8, growth.measure_steps, {*growth.STEPS, growth.LISTING}),
        (4, growth.measure_passes, {*growth.PASSES}),
        (2, growth_partitions.measure_passes, {"verify a block", "index a block"}),
    ):
        series = growth.measure_at(size, run)
        assert set(series) == names
        assert all(points[0][0] == size and points[0][1] > 0 for points in series.values())
