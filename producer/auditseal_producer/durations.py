"""Durations in seconds, as services state them: checked before anything waits for one."""

import sys
import threading

from auditseal_schemas.errors import ConfigurationError


def problem_of_seconds(name: str, value: object, least: float = 0.0) -> str | None:
    """Return what is wrong with a duration, None where it is a number of at least `least`. `math.inf` is one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return f"{name}: must be a number of seconds, not {type(value).__name__}; math.inf waits without end"
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        return f"{name}: a number of so many digits isn't a number of seconds; math.inf waits without end"
    if not value >= least:  # nor is nan
        return f"{name}: {value} seconds is not {least:g} or more; math.inf waits without end"
    return None


def check_seconds(name: str, value: float) -> float:
    """Return a duration as one that Python's locks take: an endless one as the longest they know.

    Raises:
        ConfigurationError: It isn't a number, or less than 0, or nan.
    """
    if isinstance(value, int) and value > threading.TIMEOUT_MAX:
        return threading.TIMEOUT_MAX  # however many digits it has: here it is merely long
    problem = problem_of_seconds(name, value)
    if problem:
        raise ConfigurationError(problem)
    return float(min(value, threading.TIMEOUT_MAX))
