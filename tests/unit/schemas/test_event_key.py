"""The key: one actor's events share it, and it says little about whose they are."""

from hashlib import sha256

from auditseal_schemas.event_key import event_key
from auditseal_schemas.event_parts import Actor


def key_of(actor: Actor, tenant: str | None = None) -> bytes:
    return event_key(tenant, actor)


def test_the_key_is_two_bytes_of_a_hash_of_tenant_and_actor() -> None:
    assert key_of(Actor("user", "zoë"), "acme") == sha256("acme\0user\0zoë".encode()).digest()[:2]
    assert key_of(Actor("user", "zoë")) == sha256("\0user\0zoë".encode()).digest()[:2]


def test_only_tenant_type_and_id_make_the_key() -> None:
    key = key_of(Actor("user", "u-1"), "acme")
    assert key_of(Actor("user", "u-1", name="Zoë", ip="192.0.2.1"), "acme") == key
    others = [
        key_of(Actor("user", "u-2"), "acme"),
        key_of(Actor("service", "u-1"), "acme"),
        key_of(Actor("user", "u-1")),
    ]
    assert key not in others


def test_actors_spread_over_the_lanes() -> None:
    assert len({key_of(Actor("user", f"u-{number}")) for number in range(2_000)}) > 1_900
