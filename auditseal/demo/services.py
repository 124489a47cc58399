"""Five simulated services, their events and how each publishes: pure, and equal for equal seeds."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from auditseal_producer import ProducerConfig
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Actor, Authorization, Category, Change, Outcome, Reason, Resource

_TENANTS = ("acorn", "birch", "cedar", "damson")
_METHODS = ("password", "oidc", "webauthn", "mtls")
_AGENTS = ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (Macintosh)", "auditctl/2.4", "python-requests/2.32")
_DOCUMENTATION_NET = int(IPv4Address("198.51.100.0"))  # RFC 5737: nobody's addresses


def _person(dice: random.Random) -> Actor:
    number = dice.randrange(400)
    return Actor(
        type="user",
        id=f"u-{number:04}",
        name=f"User {number}",
        auth_method=dice.choice(_METHODS),
        session_id=f"s-{dice.getrandbits(48):012x}",
        ip=str(IPv4Address(_DOCUMENTATION_NET + dice.randrange(256))),
        user_agent=dice.choice(_AGENTS),
    )


def _machine(dice: random.Random) -> Actor:
    return Actor(type="service", id=f"svc-{dice.choice(('cron', 'deploy', 'import', 'backup'))}-{dice.randrange(8)}")


def _sign_in(dice: random.Random) -> EventFields:
    outcome = dice.choices((Outcome.SUCCESS, Outcome.FAILURE, Outcome.DENIED), (90, 8, 2))[0]
    actor = _person(dice)
    return EventFields(
        actor=actor,
        action="session.create",
        resources=[Resource("session", actor.session_id or "")],
        outcome=outcome,
        category=Category.AUTHENTICATION,
        status_code={Outcome.SUCCESS: "200", Outcome.FAILURE: "401"}.get(outcome, "403"),
        reason=None if outcome is Outcome.SUCCESS else Reason("bad_credentials", "the password doesn't match"),
    )


def _payment(dice: random.Random) -> EventFields:
    before, after = dice.randrange(1, 90_000), dice.randrange(1, 90_000)
    return EventFields(
        actor=_person(dice),
        action=dice.choice(("invoice.approve", "invoice.amend", "invoice.delete", "refund.issue")),
        resources=[Resource("invoice", f"2026-{dice.randrange(10**6):06}", parent=f"account-{dice.randrange(900)}")],
        outcome=Outcome.SUCCESS,
        category=Category.DATA,
        changes=[Change("amount_cents", str(before), str(after))],
        attributes={"currency": dice.choice(("EUR", "USD", "CHF", "JPY"))},
    )


def _permission(dice: random.Random) -> EventFields:
    granted = dice.random() < 0.9
    role = dice.choice(("viewer", "editor", "billing", "owner"))
    return EventFields(
        actor=_person(dice),
        action=dice.choice(("role.grant", "role.revoke")),
        resources=[Resource("user", f"u-{dice.randrange(400):04}"), Resource("role", role)],
        outcome=Outcome.SUCCESS if granted else Outcome.DENIED,
        category=Category.PERMISSION,
        authorization=Authorization(granted, permission=f"roles.{role}.assign", policy="rbac-2026-10"),
    )


def _deployment(dice: random.Random) -> EventFields:
    major, minor = dice.randrange(4), dice.randrange(60)
    return EventFields(
        actor=_machine(dice),
        action=dice.choice(("deployment.start", "deployment.finish", "deployment.roll_back")),
        resources=[Resource("deployment", f"web-{dice.getrandbits(40):010x}")],
        outcome=dice.choices((Outcome.SUCCESS, Outcome.FAILURE), (95, 5))[0],
        category=Category.DEPLOYMENT,
        changes=[Change("version", f"{major}.{minor}", f"{major}.{minor + 1}")],
        trace_id=f"{dice.getrandbits(128):032x}",
    )


def _reading(dice: random.Random) -> EventFields:
    return EventFields(
        actor=_person(dice) if dice.random() < 0.8 else _machine(dice),
        action=dice.choice(("record.read", "record.search", "record.export")),
        resources=[Resource("patient_record", f"{dice.getrandbits(64):016x}", name="Ärztliche Notiz 診療録")],
        outcome=Outcome.SUCCESS,
        category=Category.ACCESS,
        correlation_id=f"{dice.getrandbits(64):016x}",
        attributes={"purpose": dice.choice(("treatment", "billing", "audit")), "rows": str(dice.randrange(1, 500))},
    )


@dataclass(frozen=True, slots=True)
class Service:
    """A simulated service: its name, its region, and its actions."""

    name: str
    region: str
    act: Callable[[random.Random], EventFields]

    def events(self, count: int, seed: int) -> Iterator[EventFields]:
        """Yield `count` varied events, always the same ones for a seed."""
        dice = random.Random(f"{seed}/{self.name}")  # noqa: S311  (a simulation)
        for _ in range(count):
            event = self.act(dice)
            event["tenant"] = dice.choice(_TENANTS)
            yield event


SERVICES = {
    service.name: service
    for service in (
        Service("identity", "eu-central", _sign_in),
        Service("billing", "eu-west", _payment),
        Service("directory", "eu-central", _permission),
        Service("deployer", "us-east", _deployment),
        Service("records", "eu-west", _reading),
    )
}


def producer_config(name: str, bootstrap_servers: str, topic: str) -> ProducerConfig:
    """Return how a service publishes its events."""
    return ProducerConfig(
        bootstrap_servers=bootstrap_servers,
        topic=topic,
        service=name,
        environment="demo",
        version="1.0",
        region=SERVICES[name].region,
    )
