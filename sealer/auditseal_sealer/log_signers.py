"""The signers of all logs: those that sign before a change of keys, and those that sign after it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from auditseal_schemas.key import Signer


@dataclass(frozen=True, slots=True)
class LogSigners:
    """The signers that a sealer has. Each signs for every log, under the log's own key name.

    Attributes:
        first: Signs each block.
        second: Signs each block, too, in the logs that have two keys; None where they have one.
        next_first: Follows `first` from the block on that an announcement names; None if that key stays.
        next_second: Follows `second` likewise, or adds a second key; None if that key stays.
    """

    first: Signer
    second: Signer | None = None
    next_first: Signer | None = None
    next_second: Signer | None = None

    @property
    def current(self) -> tuple[Signer, ...]:
        """The signers that a new log begins with."""
        return (self.first, self.second) if self.second else (self.first,)

    @property
    def following(self) -> tuple[Signer, ...]:
        """The signers after a change of keys, none where no key changes."""
        if not self.next_first and not self.next_second:
            return ()
        first, second = self.next_first or self.first, self.next_second or self.second
        return (first, second) if second else (first,)

    def each(self, change: Callable[[Signer], Signer]) -> Self:
        """Return the signers with each one replaced by what `change` makes of it."""
        others = (self.second, self.next_first, self.next_second)
        return type(self)(change(self.first), *(signer and change(signer) for signer in others))
