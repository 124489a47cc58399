"""A line through samples: what a soak says of memory and descriptors."""

from collections.abc import Sequence


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Return the least-squares slope of values over times, per unit of time; 0 where the times don't differ."""
    mean_time, mean_value = sum(times) / len(times), sum(values) / len(values)
    spread = sum((time - mean_time) ** 2 for time in times)
    if not spread:
        return 0.0
    products = ((time - mean_time) * (value - mean_value) for time, value in zip(times, values, strict=True))
    return sum(products) / spread
