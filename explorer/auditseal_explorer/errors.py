"""The errors of the explorer.

AuditsealError
├── ConfigurationError   (auditseal_schemas) an address to listen on that the explorer refuses
├── QueryError           (auditseal_search) a filter with a mistake: status 400
├── AddressError         a part of an address can't be understood: status 400
├── BusyError            too much is under way: status 503
├── LateError            an answer was not ready in time: status 503
└── UnrecordedError      a look was not recorded, so it is not answered: status 503
"""

import logging

from auditseal_schemas.errors import AuditsealError
from auditseal_search.errors import BrokenIndexError, IndexFileError

_log = logging.getLogger(__name__)
_SEE = "the explorer's operator finds the file and the reason in what the explorer writes to standard error"


class AddressError(AuditsealError):
    """A part of an address can't be understood. The answer is a page with status 400."""


class BusyError(AuditsealError):
    """Too much is under way at once. The answer is a page with status 503 that tries again."""


class LateError(AuditsealError):
    """An answer was not ready in time. The answer is a page with status 503 that tries again.

    Args:
        seconds: How long it had.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"the answer was not ready within {seconds:.0f} s: the machine or the store is slow, or many ask at once."
            " Try again, since counts that were made are kept, or narrow the filter, such as by time >= -2h"
        )


class UnrecordedError(AuditsealError):
    """A look could not be recorded, and the explorer was started with `--strict`. The answer has status 503."""


def shown_problem(error: Exception) -> str:
    """Return what a page says of an error. Where an index is kept is for the operator: it is logged, and not shown."""
    match error:
        case IndexFileError():
            problem = f"a file of the index can't be read: {_SEE}"
        case BrokenIndexError():
            problem = f"the index is damaged, or of another log or version, and has to be built again: {_SEE}"
        case _:
            return str(error)
    _log.warning("a page does not show where the index is: %s", error)
    return problem
