"""A target: a parser, what it may raise, inputs to begin with, and a way of changing them that knows their layers."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.fuzz.edit import Edit

Mutate = Callable[[bytes, Random, Edit], bytes]


@dataclass(frozen=True)
class Target:
    """One parser that meets untrusted bytes.

    Attributes:
        name: What `make fuzz TARGET=` calls it.
        read: Parses the bytes, and asserts that the value has these bytes as its one spelling.
        refusals: The documented errors; anything else that `read` raises is a finding.
        seeds: Makes valid inputs.
        mutate: Changes an input.
        longest: Bytes of the longest input that is tried.
        modules: The modules that parse: what is reported of is how much of them is reached.
    """

    name: str
    read: Callable[[bytes], None]
    refusals: tuple[type[Exception], ...]
    seeds: Callable[[], tuple[bytes, ...]]
    mutate: Mutate
    longest: int
    modules: tuple[str, ...]
