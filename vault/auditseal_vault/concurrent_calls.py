"""Calls of a vault's verbs for many items, some of them in flight at once."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_IN_FLIGHT = 16
_BATCH = 1024
"""Items that are called for together: memory stays flat, and an error ends the run soon."""
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


def answers_in_batches(
    ask: Callable[[_Item], _Answer], items: Iterable[_Item]
) -> Iterator[list[tuple[_Item, _Answer]]]:
    """Yield all items with their answers, batch by batch in the order given.

    Args:
        ask: Called with each item, from other threads. Its first error ends the run; calls in flight are finished.
        items: The items, of which one batch is taken at a time.
    """
    rest = iter(items)
    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        while batch := list(islice(rest, _BATCH)):
            yield list(zip(batch, pool.map(ask, batch), strict=True))


def call_for_each(act: Callable[[_Item], object], items: Iterable[_Item]) -> None:
    """Call a function with each item; see `answers_in_batches`."""
    for _ in answers_in_batches(act, items):
        pass
