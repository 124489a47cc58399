"""The parts of an audit event: who, on what, how it ended, where it was recorded. All checked when made.

The texts of a part are plain `str`, even where a service gave subclasses of it.
"""

from dataclasses import dataclass
from enum import StrEnum

from auditseal_schemas.errors import EventError
from auditseal_schemas.event_check import all_plain, check_kind, freeze_texts

_NEEDED = ("type", "id")
_OF_ACTOR = ("name", "auth_method", "session_id", "on_behalf_of", "ip", "user_agent")


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
        if not (
            self.type
            and self.id
            and all_plain(
                self.type,
                self.id,
                self.name,
                self.auth_method,
                self.session_id,
                self.on_behalf_of,
                self.ip,
                self.user_agent,
            )
        ):
            freeze_texts("actor", self, _NEEDED, _OF_ACTOR)


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
        if not (self.type and self.id and all_plain(self.type, self.id, self.name, self.parent)):
            freeze_texts("resources[]", self, _NEEDED, ("name", "parent"))


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
        if not all_plain(self.code, self.text):
            freeze_texts("reason", self, (), ("code", "text"))


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
        if not all_plain(self.permission, self.policy):
            freeze_texts("authorization", self, (), ("permission", "policy"))


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
        if not (self.field and all_plain(self.field, self.before, self.after)):
            freeze_texts("changes[]", self, ("field",), ("before", "after"))


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
        if not (
            self.service
            and self.environment
            and all_plain(self.service, self.environment, self.version, self.instance, self.region)
        ):
            freeze_texts("source", self, ("service", "environment"), ("version", "instance", "region"))


@dataclass(frozen=True, slots=True)
class Stream:
    """A producer instance's own counter, 0 for its first event: a dropped event shows as a gap.

    Raises:
        EventError: As for Actor, or the sequence is not a number from 0 to 2**63 - 1.
    """

    id: str
    sequence: int

    def __post_init__(self) -> None:
        if not (self.id and all_plain(self.id)):
            freeze_texts("stream", self, ("id",), ())
        if type(self.sequence) is not int or not 0 <= self.sequence < 1 << 63:
            raise EventError("stream.sequence", "must be a number from 0 to 2**63 - 1")
