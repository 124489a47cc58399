"""Bars over time: every hit is in one of them, and each is where its time is."""

from datetime import UTC, datetime

import pytest

from auditseal_explorer.timeline import HEIGHT, WIDTH, draw, unit_for

HOUR = 3_600_000


def ms(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]  # year, month, day, …


@pytest.mark.parametrize(
    ("hours", "unit"),
    [(0, "second"), (1, "minute"), (2.1, "hour"), (24 * 5, "hour"), (24 * 100, "day"), (9999, "month")],
)
def test_the_unit_makes_few_bars(hours: float, unit: str) -> None:
    assert unit_for(0, int(hours * HOUR)) == unit


def test_bars_are_where_their_times_are() -> None:
    drawn = draw("hour", [(ms(2026, 1, 1, 0), 10), (ms(2026, 1, 1, 3), 5), (ms(2026, 1, 1, 9), 1)], 4)
    assert drawn.without_time == 4
    assert [(bar.begin, bar.end, bar.count) for bar in drawn.bars] == [
        ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", 10),
        ("2026-01-01T03:00:00Z", "2026-01-01T04:00:00Z", 5),
        ("2026-01-01T09:00:00Z", "2026-01-01T10:00:00Z", 1),
    ]
    assert [bar.x for bar in drawn.bars] == [0, 3 * WIDTH / 10, 9 * WIDTH / 10]
    assert [bar.height for bar in drawn.bars] == [HEIGHT, HEIGHT / 2, HEIGHT / 10]
    assert all(bar.x + bar.width <= WIDTH for bar in drawn.bars)


def test_months_have_their_own_lengths() -> None:
    drawn = draw("month", [(ms(2025, 12, 1), 1), (ms(2026, 2, 1), 1)])
    assert [(bar.begin, bar.end) for bar in drawn.bars] == [
        ("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
    ]
    assert drawn.bars[1].x == round(2 * WIDTH / 3, 2)


def test_without_a_hit_there_is_no_bar() -> None:
    assert draw("day", []).bars == ()
    assert draw("day", [], 3).without_time == 3
