"""Makes answers while a build adds to the index.

A build merges small files into larger ones and removes them. So an answer that finds a file gone gathers its rows
again, from the manifest of then.
"""

from collections.abc import Callable
from typing import TypeVar

from auditseal_schemas.errors import UnavailableError
from auditseal_search.gathered import Gathered

MERGES = 20
"""Times that an index may be built on while one answer is made, after which it is given up."""
_Answer = TypeVar("_Answer")


def answer_from(gather: Callable[[], Gathered], make: Callable[[Gathered], _Answer]) -> _Answer:
    """Return what is made of gathered rows; if a build merges files meanwhile, of those gathered afterwards.

    Args:
        gather: Gathers the rows.
        make: Makes the answer. It is called again, so it shows nothing before it has read all rows that it needs.

    Raises:
        UnavailableError: A file of the index can't be read, and the manifest still names the same files. Others as
            `gather` and `make`.
    """
    found = gather()
    for _ in range(MERGES):
        try:
            return make(found)
        except UnavailableError:
            if not found.files:
                raise
            before, found = found, gather()
            if found.files == before.files:
                raise
    return make(found)
