"""Redaction: texts are masked, dropped or hashed by field and pattern, and no event is lost for it."""

import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditseal_producer import (
    Actor,
    Authorization,
    Change,
    ConfigurationError,
    Outcome,
    ProducerConfig,
    Reason,
    Redact,
    Redaction,
    Resource,
)
from auditseal_producer.testing import RecordedEvents

KEY = bytes(range(16))
FIELDS: dict[str, Any] = {
    "actor": Actor("user", "u-1", name="Ada", ip="192.0.2.7", session_id="s-1"),
    "action": "pay",
    "resources": [Resource("invoice", "7", name="Rent"), Resource("account", "DE02120300000000202051")],
    "outcome": Outcome.SUCCESS,
    "tenant": "acme",
    "reason": Reason("code", "for Ada"),
    "authorization": Authorization(granted=True, permission="pay"),
    "changes": [Change("iban", "DE02120300000000202051", None), Change("limit", "1", "2")],
    "attributes": {"card": "4111111111111111", "note": "card 4111111111111111 of Ada", "channel": "web"},
}


def redacted(*rules: Redaction, **changed: Any):
    audit = RecordedEvents(redact=rules)
    audit.record(**FIELDS | changed)
    return audit.only_event()


def hashed(text: str) -> str:
    return f"hmac:{hmac.digest(KEY, text.encode(), 'sha256')[:16].hex()}"


def test_without_rules_nothing_changes() -> None:
    event = redacted()
    assert event.attributes == FIELDS["attributes"]
    assert redacted(Redaction("no.such.field", Redact.MASK)).actor == event.actor


def test_each_kind_by_field() -> None:
    event = redacted(
        Redaction("actor.ip", Redact.DROP),
        Redaction("actor.name", Redact.MASK),
        Redaction("actor.id", Redact.HASH, key=KEY),
        Redaction("attributes.c*", Redact.DROP),
        Redaction("changes.iban", Redact.HASH, key=KEY),
        Redaction("tenant", Redact.MASK),
        Redaction("authorization.permission", Redact.DROP),
    )
    assert event.actor == Actor("user", hashed("u-1"), name="***", session_id="s-1")
    assert set(event.attributes) == {"note"}
    assert event.changes == (Change("iban", hashed("DE02120300000000202051"), None), Change("limit", "1", "2"))
    assert (event.tenant, event.authorization) == ("***", Authorization(granted=True))


def test_by_pattern() -> None:
    event = redacted(
        Redaction("attributes.*", Redact.MASK, pattern="[0-9]{13,16}"),
        Redaction("resources.id", Redact.HASH, pattern="^DE[0-9]{2}", key=KEY),
        Redaction("reason.text", Redact.DROP, pattern="Ada"),
        Redaction("attributes.channel", Redact.DROP, pattern="phone"),
    )
    assert dict(event.attributes) == {"card": "***", "channel": "web", "note": "card *** of Ada"}
    assert event.resources[1].id.startswith(hashed("DE02"))
    assert event.reason == Reason("code")


def test_a_text_that_would_grow_too_long_is_replaced_as_a_whole() -> None:
    text = "7" * 200_000
    event = redacted(
        Redaction("attributes.*", Redact.HASH, pattern="[0-9]", key=KEY), attributes={"a": text, "b": "77"}
    )
    assert dict(event.attributes) == {"a": hashed(text), "b": hashed("7") * 2}


def test_rules_apply_in_order() -> None:
    first, second = Redaction("tenant", Redact.MASK, pattern="ac"), Redaction("tenant", Redact.DROP, pattern=r"\*")
    assert redacted(first, second).tenant is None
    assert redacted(second, first).tenant == "***me"


def test_a_field_that_every_event_needs_is_masked_where_it_would_be_dropped() -> None:
    event = redacted(Redaction("*", Redact.DROP))
    assert (event.actor, event.action) == (Actor("***", "***"), "***")
    assert event.resources == (Resource("***", "***"), Resource("***", "***"))
    assert (event.reason, event.tenant, dict(event.attributes)) == (None, None, {})
    assert event.changes == (Change("iban"), Change("limit"))
    assert event.outcome == Outcome.SUCCESS
    assert event.source.service == "test"


def test_equal_texts_have_equal_hashes_and_another_key_gives_others() -> None:
    rule = Redaction("actor.id", Redact.HASH, key=KEY)
    assert redacted(rule).actor.id == redacted(rule).actor.id
    assert redacted(rule).actor.id != redacted(Redaction("actor.id", Redact.HASH, key=KEY[::-1])).actor.id


@given(st.sampled_from(list(Redact)), st.sampled_from(["*", "actor.*", "attributes.*"]), st.text(min_size=1))
def test_no_event_is_lost(how: Redact, where: str, text: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return
    rule = Redaction(where, how, key=KEY if how is Redact.HASH else None)
    assert redacted(rule, actor=Actor("user", text), attributes={text: text}).event_id


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"where": "", "how": Redact.MASK}, "where must name a field"),
        ({"where": "a", "how": "mask"}, "how must be one of Redact"),
        ({"where": "a", "how": Redact.HASH}, "HASH needs a key, and nothing else takes one"),
        ({"where": "a", "how": Redact.MASK, "key": KEY}, "HASH needs a key, and nothing else takes one"),
        ({"where": "a", "how": Redact.HASH, "key": b"short"}, "the key must have at least 16 bytes"),
        ({"where": "a", "how": Redact.MASK, "pattern": "("}, "its pattern can't be used"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Redaction(**given)


def test_a_key_is_not_shown() -> None:
    assert "key" not in repr(Redaction("a", Redact.HASH, key=KEY))


def test_the_configuration_takes_rules_and_nothing_else() -> None:
    with pytest.raises(ConfigurationError, match="redact: must be a list of Redaction"):
        ProducerConfig(bootstrap_servers="127.0.0.1:9", service="s", environment="e", redact=["actor.ip"])  # type: ignore[list-item]
