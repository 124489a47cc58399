"""The errors of the explorer.

AuditsealError
├── ConfigurationError   (auditseal_schemas) an address to listen on that the explorer refuses
├── QueryError           (auditseal_search) a filter with a mistake: status 400
├── AddressError         a part of an address can't be understood: status 400
├── BusyError            too much is under way: status 503
├── LateError            an answer was not ready in time: status 503
└── UnrecordedError      a look was not recorded, so it is not answered: status 503
"""

from auditseal_schemas.errors import AuditsealError


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
