"""Makes answers while a build adds to the index.

A build merges small files into larger ones and removes them. So an answer that finds a file gone gathers its rows
again, from the manifest of then.
"""

from collections.abc import Callable
from typing import TypeVar

from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_search.gathered import Gathered

MERGES = 20
"""Times that an index may be built on while one answer is made, after which it is given up."""
_Answer = TypeVar("_Answer")
_Source = TypeVar("_Source")


def answer_from(gather: Callable[[], Gathered], make: Callable[[Gathered], _Answer]) -> _Answer:
    """Return what is made of gathered rows; if a build merges files meanwhile, of those gathered afterwards.

    Args:
        gather: Gathers the rows.
        make: Makes the answer. It is called again, so it shows nothing before it has read all rows that it needs.

    Raises:
        UnavailableError: A file of the index can't be read, and the manifest still names the same files. Others as
            `gather` and `make`.
    """
    return make_again(gather, make, lambda found: found.files, UnavailableError)


def make_again(
    read: Callable[[], _Source],
    make: Callable[[_Source], _Answer],
    version_of: Callable[[_Source], object],
    failure: type[AuditsealError],
) -> _Answer:
    """Return what is made of a part of an index; if that fails and the index is another by then, of that one.

    Args:
        read: Reads what the answer is made of.
        make: Makes the answer. It may be called again.
        version_of: Returns what differs once a build has changed what was read; empty if no build can change it.
        failure: The errors by which a replaced file shows.

    Raises:
        AuditsealError: A failure, and the index is the same. Others as `read` and `make`.
    """
    found = read()
    for _ in range(MERGES):
        try:
            return make(found)
        except failure:
            if not version_of(found):
                raise
            before, found = found, read()
            if version_of(found) == version_of(before):
                raise
    return make(found)
