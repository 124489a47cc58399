"""Who looks, and which tenants' events they may see."""

from dataclasses import dataclass
from getpass import getuser

from starlette.requests import Request

from auditseal_schemas.event_parts import Actor
from auditseal_search.query import All, AnyOf, Comparison, Condition
from auditseal_search.query_fields import FIELDS


@dataclass(frozen=True, slots=True)
class Auditor:
    """A person who looks at events.

    Attributes:
        name: The name that the login established.
        login: How: `local`, `oidc`, `client_certificate` or `proxy`.
        tenants: The tenants whose events they may see; None for all events, and all records that are not events.
    """

    name: str
    login: str
    tenants: frozenset[str] | None = None

    @property
    def actor(self) -> Actor:
        """The auditor as the actor of an event."""
        return Actor("auditor", self.name, auth_method=self.login)

    def may_see(self, tenant: str | None) -> bool:
        """Return whether they may see an event of a tenant; None is an event, or a record, without one."""
        return self.tenants is None or tenant in self.tenants

    def within(self, condition: Condition) -> Condition:
        """Return the condition for those of its rows that they may see."""
        if self.tenants is None:
            return condition
        own = (Comparison(FIELDS["tenant"], "=", (tenant,)) for tenant in sorted(self.tenants))
        return All((condition, AnyOf(tuple(own))))


def local_auditor() -> Auditor:
    """Return the user of this machine who started the explorer: everyone who reaches its port counts as them."""
    return Auditor(getuser(), "local")


def auditor_of(request: Request) -> Auditor:
    """Return who asks: the one whom admission let in."""
    found: Auditor = request.state.auditor
    return found


def is_program(request: Request) -> bool:
    """Return whether a program looks, by the API, and not a browser."""
    return request.url.path.startswith("/api/")


def is_admitted(request: Request) -> bool:
    """Return whether admission let anyone in: it passes static files and the pages of a login on without a name."""
    return hasattr(request.state, "auditor")
