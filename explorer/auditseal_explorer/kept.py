"""Answers that are kept: one that was made is given again, and is made once however many ask at the same time."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from threading import Lock
from typing import Generic, TypeVar

from auditseal_explorer.deadline import seconds_left
from auditseal_explorer.errors import LateError

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by their keys, for many threads. A key names all that its value depends on.

    Args:
        most: The most bytes of all values together, about; those that were not asked for longest are dropped. A value
            of more than an eighth of that is not kept.
        size: Returns the bytes of a value, about.
    """

    def __init__(self, most: int, size: Callable[[Value], int]) -> None:
        self._most, self._size = most, size
        self._values, self._bytes = OrderedDict[Hashable, tuple[Value, int]](), 0
        self._made = dict[Hashable, Future[Value]]()
        self._lock = Lock()

    def of(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of a key: the one that is kept, or else the one that `make` makes.

        While a thread makes it, others wait for it, and get its error where it fails. The next one tries again. If its
        request is late, one of the others makes the value.

        Raises:
            LateError: Another thread has not made it until the deadline.
        """
        while True:
            with self._lock:
                if key in self._values:
                    self._values.move_to_end(key)
                    return self._values[key][0]
                making = self._made.get(key)
                if making is None:
                    mine = self._made[key] = Future()
                    break
            wait((making,), seconds_left())
            if making.done() and not isinstance(making.exception(), LateError):
                return making.result()
        return self._make(key, mine, make)

    def _make(self, key: Hashable, mine: Future[Value], make: Callable[[], Value]) -> Value:
        try:
            value = make()
            size = self._size(value)
        except BaseException as error:  # handed over whole to those who wait, who would wait forever without it
            with self._lock:
                del self._made[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._made[key]
            self._keep(key, value, size)
        mine.set_result(value)
        return value

    def _keep(self, key: Hashable, value: Value, size: int) -> None:
        """Keep a value that has room, in the place of those that were not asked for longest; the lock is held."""
        if size > self._most // 8:
            return
        self._values[key], self._bytes = (value, size), self._bytes + size
        while self._bytes > self._most:
            self._bytes -= self._values.popitem(last=False)[1][1]
