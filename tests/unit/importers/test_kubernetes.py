"""Audit events of Kubernetes: the mapped fields of each kind, and what can't be mapped."""

import json
from pathlib import Path
from typing import Any

import pytest

from auditseal_importers.json_members import array_items
from auditseal_importers.kubernetes import kubernetes_event
from auditseal_importers.original import original_attributes, original_bytes
from auditseal_schemas.errors import EventError
from auditseal_schemas.event_parts import Actor, Authorization, Category, Outcome, Reason, Resource

DATA = Path(__file__).parents[2] / "data" / "importers"
LIST = DATA / "kubernetes-event-list.json"
RECORDED = DATA / "kubernetes-recorded.json"
"""What a real kube-apiserver 1.34.3 sent on 2026-11-28, shortened (`make kube-audit RECORD=...`)."""
CREATED, DENIED, HEALTH = json.loads(LIST.read_bytes())["items"]


def mapped(item: Any) -> dict[str, Any]:
    return dict(kubernetes_event(json.dumps(item).encode(), "cluster"))


def test_an_object_that_is_created() -> None:
    found = mapped(CREATED)
    assert (found["action"], found["outcome"], found["status_code"]) == ("create", Outcome.SUCCESS, "201")
    assert found["category"] is Category.CONFIGURATION
    assert found["resources"] == [Resource("configmaps", "shop/prices", parent="shop")]
    agent = "kubectl/v1.34.3 (linux/amd64)"
    assert found["actor"] == Actor("user", "admin@example.com", ip="192.0.2.10", user_agent=agent)
    assert found["authorization"] == Authorization(granted=True)
    assert found["correlation_id"] == CREATED["auditID"]


def test_a_request_that_is_refused() -> None:
    found = mapped(DENIED)
    assert (found["outcome"], found["category"]) == (Outcome.DENIED, Category.ACCESS)
    assert found["reason"] == Reason("Forbidden", "secrets is forbidden")
    assert found["authorization"] == Authorization(granted=False, policy="no role")
    assert (found["actor"].type, found["actor"].on_behalf_of) == ("service_account", "u-7")


def test_the_events_of_a_real_apiserver() -> None:
    found = [mapped(item) for item in json.loads(RECORDED.read_bytes())["items"]]
    ended = [each for each in found if each["event_type"] == "kubernetes.audit.ResponseComplete"]
    assert [(each["actor"].id, each["action"], each["resources"][0].id, each["status_code"]) for each in ended] == [
        ("admin", "create", "shop/prices", "201"),
        ("nobody", "get", "shop/prices", "403"),
        ("admin", "list", "shop", "403"),
        ("nobody", "get", "/healthz", "200"),
        ("admin", "delete", "shop/prices", "200"),
        ("admin", "get", "shop/prices", "404"),
    ]
    assert [each["actor"].on_behalf_of for each in ended] == [None, None, "u-7", None, None, None]
    assert [each["outcome"] for each in ended] == [
        Outcome.SUCCESS,
        Outcome.DENIED,
        Outcome.DENIED,
        Outcome.SUCCESS,
        Outcome.SUCCESS,
        Outcome.FAILURE,
    ]
    assert len({each["event_id"] for each in found}) == len(found) == 2 * len(ended)


def test_a_request_without_an_object() -> None:
    found = mapped(HEALTH)
    assert found["resources"] == [Resource("nonresource", "/healthz")]
    assert (found["outcome"], "authorization" in found, "reason" in found) == (Outcome.UNKNOWN, False, False)


@pytest.mark.parametrize(
    ("change", "outcome", "category"),
    [
        ({"responseStatus": {"code": 500}}, Outcome.FAILURE, Category.CONFIGURATION),
        ({"responseStatus": {"code": 401}}, Outcome.DENIED, Category.CONFIGURATION),
        ({"stage": "Panic"}, Outcome.FAILURE, Category.CONFIGURATION),
        ({"objectRef": {"resource": "rolebindings"}}, Outcome.SUCCESS, Category.PERMISSION),
        ({"objectRef": {"resource": "tokenreviews"}}, Outcome.SUCCESS, Category.AUTHENTICATION),
        ({"verb": "connect"}, Outcome.SUCCESS, Category.OTHER),
    ],
)
def test_outcome_and_category(change: dict[str, Any], outcome: Outcome, category: Category) -> None:
    found = mapped({**CREATED, **change})
    assert (found["outcome"], found["category"]) == (outcome, category)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "Pod"},
        {"verb": None},
        {"stageTimestamp": None, "requestReceivedTimestamp": None},
        {"objectRef": []},
        {"sourceIPs": {}},
        {"annotations": 3},
        {"user": {"username": {}}},
    ],
)
def test_what_cannot_be_mapped_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(EventError):
        mapped({**CREATED, **change})


@pytest.mark.parametrize("record", [b"", b"abc", "Zoë".encode(), b"\xff\x00", b"x" * 600_000, "ü".encode() * 300_000])
def test_original_bytes_are_kept_in_parts(record: bytes) -> None:
    attributes = original_attributes(record)
    assert original_bytes(attributes) == record
    assert max(len(text.encode()) for text in attributes.values()) <= 256 * 1024
    assert (len(attributes) > 1) == (len(record) > 262_144 or record == b"\xff\x00")


def test_an_event_without_original_bytes() -> None:
    with pytest.raises(EventError, match="the event wasn't imported"):
        original_bytes({})


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('{"items": []}', []),
        ("{}", []),
        (' {"a" : {"items":[1]} , "items" :[ 1 , "b]" ,{"c": [2]}\n] , "b":2}', ["1", '"b]"', '{"c": [2]}']),
        ('{"items": 3, "b": []}', []),
    ],
)
def test_items_have_their_own_text(text: str, items: list[str]) -> None:
    assert list(array_items(text, "items")) == items
