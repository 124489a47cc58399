"""What must hold before an archiver is ready, and where it says so."""

from typing import Protocol

PARTITIONS, STORE, DRILL = CONDITIONS = ("partitions", "store", "drill")


class Conditions(Protocol):
    """Where the archiver says whether it is ready, from any of its threads."""

    def hold(self, condition: str) -> None:
        """Say that a condition holds."""
        ...

    def miss(self, condition: str, why: str) -> None:
        """Say that a condition doesn't hold, and why."""
        ...
