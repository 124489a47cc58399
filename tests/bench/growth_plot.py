"""The plot of growth: what an operation costs against the size of what is behind it, both axes logarithmic, as SVG.

It is text made of the figures alone, so that the same figures give the same bytes. Colours are those of the reader's
scheme, light or dark.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]
"""Sizes and seconds, the smallest size first."""
_WIDTH, _HEIGHT = 760, 420
_LEFT, _TOP, _RIGHT, _BOTTOM = 70, 20, 270, 50
_COLOURS = ("#2a78c2", "#c2452a", "#2a8c4a", "#8a4fc2", "#a3741a", "#c22a83")
_STYLE = """<style>
text { font: 12px sans-serif; fill: #222 } .axis { stroke: #888; stroke-width: 1 } .grid { stroke: #8884 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } }
</style>"""


def exponent(points: Points) -> float:
    """Return the slope of the straight line through the logarithms (least squares): 0 is flat, 1 is linear.

    It is not a number where there is one size only.
    """
    if len(points) < 2:
        return math.nan
    logs = [(math.log(size), math.log(seconds)) for size, seconds in points]
    mean_x, mean_y = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    rise = sum((x - mean_x) * (y - mean_y) for x, y in logs)
    run = sum((x - mean_x) ** 2 for x, _ in logs)
    return float(rise / run)


def plot(series: Mapping[str, Points], x_title: str) -> str:
    """Return the SVG of all series, each with its name and its exponent next to it; `x_title` says what grows."""
    sizes = [size for points in series.values() for size, _ in points]
    seconds = [cost for points in series.values() for _, cost in points]
    x_axis, y_axis = _decades(sizes), _decades(seconds)
    place = _Place(x_axis, y_axis)
    lines = (line for number, each in enumerate(series.items()) for line in _line(number, each, place))
    body = [*place.grid(x_title), *lines]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
    return "\n".join([head, "<title>Cost against size, both logarithmic</title>", _STYLE, *body, "</svg>\n"])


def _decades(values: Sequence[float]) -> range:
    return range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)


class _Place:
    """Where a size and a cost are in the picture."""

    def __init__(self, sizes: range, costs: range) -> None:
        self._sizes, self._costs = sizes, costs

    def x(self, size: float) -> float:
        share = (math.log10(size) - self._sizes[0]) / (len(self._sizes) - 1)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, cost: float) -> float:
        share = (math.log10(cost) - self._costs[0]) / (len(self._costs) - 1)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)

    def grid(self, x_title: str) -> list[str]:
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        lines = [f'<path class="axis" fill="none" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>']
        for power in self._sizes:
            x = self.x(10**power)
            lines.append(f'<path class="grid" d="M{x} {_TOP}V{bottom}"/>')
            lines.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{10**power:,}</text>')
        for power in self._costs:
            y = self.y(10.0**power)
            lines.append(f'<path class="grid" d="M{_LEFT} {y}H{right}"/>')
            lines.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{_seconds(power)}</text>')
        lines.append(f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 10}" text-anchor="middle">{x_title}</text>')
        return lines


def _seconds(power: int) -> str:
    for unit, exponent_of_unit in (("s", 0), ("ms", -3), ("µs", -6)):
        if power >= exponent_of_unit:
            return f"{10 ** (power - exponent_of_unit):,} {unit}"
    return f"1e{power} s"


def _line(number: int, named: tuple[str, Points], place: _Place) -> list[str]:
    name, points = named
    colour, at = _COLOURS[number % len(_COLOURS)], [(place.x(size), place.y(cost)) for size, cost in points]
    path = " ".join(f"{x},{y}" for x, y in at)
    dots = [f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' for x, y in at]
    legend_x, legend_y = _WIDTH - _RIGHT + 20, _TOP + 14 + number * 24
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *dots,
        f'<circle cx="{legend_x}" cy="{legend_y - 4}" r="4" fill="{colour}"/>',
        f'<text x="{legend_x + 10}" y="{legend_y}">{escape(name)}: n^{exponent(points):.2f}</text>',
    ]
