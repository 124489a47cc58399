"""The parts of an audit event: who, on what, how it ended, where it was recorded. All checked when made."""

from dataclasses import dataclass
from enum import StrEnum

from auditseal_schemas.errors import EventError
from auditseal_schemas.event_check import check_kind, check_optional_texts, check_texts


class Category(StrEnum):
    """The kind of action that an event records."""

    ACCESS = "ACCESS"
    AUTHENTICATION = "AUTHENTICATION"
    CONFIGURATION = "CONFIGURATION"
    DEPLOYMENT = "DEPLOYMENT"
    DATA = "DATA"
    PERMISSION = "PERMISSION"
    ERROR = "ERROR"
    OTHER = "OTHER"


class Outcome(StrEnum):
    """How an action ended; DENIED is a refusal by policy, FAILURE anything else that went wrong."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DENIED = "DENIED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted. `id` is unique within `type` and the event's tenant.

    `session_id` names a session and never is its secret; `on_behalf_of` is the id of the person or service for whom the
    actor acts; `ip` and `user_agent` are as received, not checked: evidence is not refused for being odd.

    Raises:
        EventError: A text is missing, too long or not encodable.
    """

    type: str
    id: str
    name: str | None = None
    auth_method: str | None = None
    session_id: str | None = None
    on_behalf_of: str | None = None
    ip: str | None = None
    user_agent: str | None = None

    def __post_init__(self) -> None:
        check_texts("actor", type=self.type, id=self.id)
        check_optional_texts(
            "actor",
            name=self.name,
            auth_method=self.auth_method,
            session_id=self.session_id,
            on_behalf_of=self.on_behalf_of,
            ip=self.ip,
            user_agent=self.user_agent,
        )


@dataclass(frozen=True, slots=True)
class Resource:
    """An object of the action.

    `id` is unique within `type` and the event's tenant. `parent` is the id of the object that contains it.

    Raises:
        EventError: As for Actor.
    """

    type: str
    id: str
    name: str | None = None
    parent: str | None = None

    def __post_init__(self) -> None:
        check_texts("resources[]", type=self.type, id=self.id)
        if self.name is not None or self.parent is not None:
            check_optional_texts("resources[]", name=self.name, parent=self.parent)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the outcome is what it is: a stable code, a text for people, or both.

    Raises:
        EventError: As for Actor, or there is neither.
    """

    code: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        if self.code is None and self.text is None:
            raise EventError("reason", "needs a code or a text; leave it out where there is none")
        check_optional_texts("reason", code=self.code, text=self.text)


@dataclass(frozen=True, slots=True)
class Authorization:
    """The decision that let the action happen, or not: the permission asked for, the policy that decided.

    Raises:
        EventError: As for Actor.
    """

    granted: bool
    permission: str | None = None
    policy: str | None = None

    def __post_init__(self) -> None:
        check_kind("authorization.granted", self.granted, bool)
        check_optional_texts("authorization", permission=self.permission, policy=self.policy)


@dataclass(frozen=True, slots=True)
class Change:
    """One changed field; `before` is None where there was no value, `after` where there is none any more.

    Raises:
        EventError: As for Actor.
    """

    field: str
    before: str | None = None
    after: str | None = None

    def __post_init__(self) -> None:
        check_texts("changes[]", field=self.field)
        check_optional_texts("changes[]", before=self.before, after=self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which process recorded the event: stamped by the producer, the same in all events of one.

    Raises:
        EventError: As for Actor.
    """

    service: str
    version: str | None = None
    instance: str | None = None
    environment: str
    region: str | None = None

    def __post_init__(self) -> None:
        check_texts("source", service=self.service, environment=self.environment)
        check_optional_texts("source", version=self.version, instance=self.instance, region=self.region)


@dataclass(frozen=True, slots=True)
class Stream:
    """A producer instance's own counter, 0 for its first event: a dropped event shows as a gap.

    Raises:
        EventError: As for Actor, or the sequence is not a number from 0 to 2**63 - 1.
    """

    id: str
    sequence: int

    def __post_init__(self) -> None:
        check_texts("stream", id=self.id)
        if type(self.sequence) is not int or not 0 <= self.sequence < 1 << 63:
            raise EventError("stream.sequence", "must be a number from 0 to 2**63 - 1")
