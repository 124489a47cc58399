"""Rules that keep personal data and secrets out of events: mask, drop or hash, by field and by pattern.

    ProducerConfig(..., redact=[
        Redaction("attributes.iban", Redact.HASH, key=key),
        Redaction("actor.ip", Redact.DROP),
        Redaction("changes.*", Redact.MASK, pattern=r"[0-9]{13,16}"),
    ])

A rule never refuses an event: a field that every event needs is masked where it would be dropped.
"""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_parts import Change, Reason

MASK = "***"
_HASH_BYTES = 16
_TEXTS = ("tenant", "event_type", "status_code", "correlation_id", "trace_id", "span_id")
_LEAST_KEY_BYTES = 16
_MOST_GROWN = 256  # characters
Names = tuple[str, ...]
Rewrite = Callable[[str, str | None], str | None]
"""Returns what becomes of the text of a field; None removes it."""


class Redact(Enum):
    """What a rule does with a text: MASK it, DROP it, or replace it by its HASH with a key."""

    MASK = "mask"
    DROP = "drop"
    HASH = "hash"


@dataclass(frozen=True)
class Redaction:
    """One rule.

    Attributes:
        where: The field, with `*` and `?` as in file names: `actor.ip`, `attributes.card*`, `changes.limit`,
            `resources.id`, `reason.text`, `tenant`.
        how: What is done.
        pattern: A regular expression. Only the parts of a text that it matches are masked or hashed; with DROP, only
            a text that it matches somewhere is dropped. Without it, the whole text.
        key: The secret of HASH, at least 16 bytes. Equal texts get equal hashes, `hmac:` and 32 hexadecimal digits of
            HMAC-SHA-256, so that events of one person can still be told to belong together.

    Raises:
        ConfigurationError: The rule can't be used.
    """

    where: str
    how: Redact
    pattern: str | None = None
    key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.where, str) or not self.where:
            raise ConfigurationError("redact: where must name a field, such as attributes.iban")
        if not isinstance(self.how, Redact):
            raise ConfigurationError(f"redact {self.where}: how must be one of Redact, not {self.how!r}")
        if (self.how is Redact.HASH) != (self.key is not None):
            raise ConfigurationError(f"redact {self.where}: HASH needs a key, and nothing else takes one")
        if self.key is not None and (not isinstance(self.key, bytes) or len(self.key) < _LEAST_KEY_BYTES):
            raise ConfigurationError(f"redact {self.where}: the key must have at least {_LEAST_KEY_BYTES} bytes")
        try:
            _compile(self.pattern)
        except (re.error, TypeError) as error:
            raise ConfigurationError(f"redact {self.where}: its pattern can't be used: {error}: correct it") from error

    def apply(self, name: str, text: str) -> str | None:
        """Return what becomes of a field's text; None where it is dropped."""
        if not fnmatchcase(name, self.where):
            return text
        pattern = _compile(self.pattern)
        if self.how is Redact.DROP:
            return None if pattern is None or pattern.search(text) else text
        if pattern is None:
            return self._replace(text)
        found = pattern.sub(lambda match: self._replace(match[0]), text)
        # Many matches could make a text too long for an event, which would be lost then.
        return found if len(found) <= max(len(text), _MOST_GROWN) else self._replace(text)

    def _replace(self, text: str) -> str:
        if self.key is None:
            return MASK
        return f"hmac:{hmac.digest(self.key, text.encode(), 'sha256')[:_HASH_BYTES].hex()}"


def redact_event(event: AuditEvent, rules: Sequence[Redaction]) -> AuditEvent:
    """Return an event with every rule applied, in order.

    Id, time, source, stream, category and outcome stay as they are, and so do the names of attributes and of changed
    fields.
    """
    if not rules:
        return event

    def rewrite(name: str, text: str | None) -> str | None:
        for rule in rules:
            if text is None:
                break
            text = rule.apply(name, text)
        return text

    changed: dict[str, Any] = {name: rewrite(name, getattr(event, name)) for name in _TEXTS}
    changed |= {
        "action": rewrite("action", event.action) or MASK,
        "actor": _part("actor", event.actor, ("type", "id"), rewrite),
        "resources": [_part("resources", each, ("type", "id"), rewrite) for each in event.resources],
        "reason": _reason(event.reason, rewrite),
        "authorization": event.authorization and _part("authorization", event.authorization, (), rewrite),
        "changes": [_change(each, rewrite) for each in event.changes],
        "attributes": _attributes(event.attributes, rewrite),
    }
    return replace(event, **changed)


def _part(owner: str, part: Any, needed: Names, rewrite: Rewrite) -> Any:
    """Rewrite all texts of a part; those that it needs are masked where they would be dropped or become empty."""
    changed = {}
    for each in fields(part):
        text = getattr(part, each.name)
        if isinstance(text, str):
            found = rewrite(f"{owner}.{each.name}", text)
            changed[each.name] = found or MASK if each.name in needed else found
    return replace(part, **changed)


def _reason(reason: Reason | None, rewrite: Rewrite) -> Reason | None:
    """Rewrite a reason; one of which nothing is left is dropped."""
    if reason is None:
        return None
    code, text = rewrite("reason.code", reason.code), rewrite("reason.text", reason.text)
    return None if code is None and text is None else Reason(code, text)


def _change(change: Change, rewrite: Rewrite) -> Change:
    name = f"changes.{change.field}"
    return Change(change.field, rewrite(name, change.before), rewrite(name, change.after))


def _attributes(attributes: Mapping[str, str], rewrite: Rewrite) -> dict[str, str]:
    found = {name: rewrite(f"attributes.{name}", text) for name, text in attributes.items()}
    return {name: text for name, text in found.items() if text is not None}


def _compile(pattern: str | None) -> re.Pattern[str] | None:
    return None if pattern is None else re.compile(pattern)
