"""The errors of the gateway.

AuditsealError
└── RequestError        a request is refused as a whole; it has a status
    └── LoginError      it has no valid credential

EventError
└── SourceClaimError    an event claims another source
"""

from auditseal_schemas.errors import AuditsealError, EventError


class RequestError(AuditsealError):
    """A request is refused as a whole, and nothing of it is recorded.

    Attributes:
        status: The HTTP status.
        retry_after: Seconds after which the client may try again; None if that is of no use.
    """

    def __init__(self, status: int, problem: str, retry_after: int | None = None) -> None:
        super().__init__(problem)
        self.status = status
        self.retry_after = retry_after


class LoginError(RequestError):
    """A request has no valid credential.

    Attributes:
        method: `token`, `oidc`, `certificate` or `none`.
    """

    def __init__(self, method: str, problem: str) -> None:
        super().__init__(401, problem)
        self.method = method


class SourceClaimError(EventError):
    """An event claims a source that is not its client's."""
