"""The plot of growth, and that the docs have the plot of the last figures."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.bench import growth
from tests.bench.growth_plot import exponent, plot

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "performance.md"


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_is_the_slope_of_the_logarithms(slope: float) -> None:
    points = [(size, 3e-6 * size**slope) for size in (1e3, 1e5, 1e6)]
    assert exponent(points) == pytest.approx(slope)


def test_the_docs_have_the_plot_of_the_last_figures() -> None:
    kept = Path(__file__).parents[2] / growth.PLOT
    assert kept.read_text() == plot(growth.load())


def test_the_plot_has_a_point_for_each_figure_and_an_exponent_for_each_line() -> None:
    series = growth.load()
    root = ET.fromstring(plot(series))
    circles = [element for element in root.iter() if element.tag.endswith("circle")]
    assert len(circles) == sum(map(len, series.values())) + len(series)
    texts = {element.text for element in root.iter() if element.tag.endswith("text")}
    assert {f"{name}: n^{exponent(points):.2f}" for name, points in series.items()} <= texts


def test_nothing_grew_faster_than_it_must() -> None:
    assert growth.too_steep(growth.load()) == []


def test_what_grows_too_fast_is_named() -> None:
    (line,) = growth.too_steep({"find the head": ((1_000, 0.001), (1_000_000, 1.0))})
    assert line == "find the head grows with n^1.00, at most n^0.2 is expected"


def test_the_page_names_each_exponent_of_the_last_figures() -> None:
    page = PAGE.read_text()
    for name, points in growth.load().items():
        row = next(line for line in page.splitlines() if line.startswith(f"| {name} |"))
        assert f"| {exponent(points):.2f} |" in row


def test_all_is_measured_on_small_vaults() -> None:
    series = growth.collect((8, 16), (4, 8))
    assert set(series) == {*growth.STEPS, *growth.PASSES}
    assert all(seconds > 0 for points in series.values() for _, seconds in points)
