"""A property that is computed at its first use, without a lock.

`functools.cached_property` has one lock for all instances of a class before Python 3.12. A sealer's threads, each with
a block of its own, waited for it one behind the other.
"""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

ValueT = TypeVar("ValueT")


class lazy_property(Generic[ValueT]):  # noqa: N801  (a decorator, as `cached_property` is)
    """Compute a value at its first use and keep it in the instance.

    Two threads that both use it first compute it twice, and one of the two values is kept. So it must depend on nothing
    but the instance, which doesn't change. The instance needs a `__dict__`; it may be frozen.
    """

    def __init__(self, compute: Callable[[Any], ValueT]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> ValueT: ...

    def __get__(self, instance: object | None, owner: type) -> Self | ValueT:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
