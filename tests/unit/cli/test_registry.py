"""`auditseal registry pin`: a registry's schemas as trust lines, and every way in which one can't be had."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_schemas.registry_schema import EVENT_SHA256
from auditseal_schemas.schema import schema_text
from auditseal_schemas.trust import Trust
from tests.factory.http_server import serving, whole
from tests.factory.keys import KEY, ORIGIN
from tests.factory.schema_registry import SchemaRegistry, schema_registry

SCHEMA = schema_text("audit_event.v1").decode()
TOPIC = f"{ORIGIN.cluster}/{ORIGIN.topic}"
SUBJECT = f"{ORIGIN.topic}-value"
(DIGEST,) = EVENT_SHA256
OTHER = json.dumps({"type": "record", "name": "Price", "fields": [{"name": "cents", "type": "long"}]})


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with schema_registry() as running:
        yield running


def pin(url: str, *more: str, topic: str = TOPIC) -> Result:
    return CliRunner().invoke(app, ["registry", "pin", topic, "--url", url, *more])


def quick(folder: Path, *lines: str) -> list[str]:
    """Return options by which the client does not wait long before it asks again."""
    path = folder / "registry.properties"
    path.write_text("\n".join(["retries.wait.ms=1", *lines]))
    return ["--config", str(path)]


def test_each_version_has_a_line_for_its_id_and_its_guid(registry: SchemaRegistry) -> None:
    number, guid = registry.add(SUBJECT, SCHEMA)
    done = pin(registry.url)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"schema {TOPIC} {number} {DIGEST}", f"schema {TOPIC} {guid} {DIGEST}"]
    trust = Trust.parse(f"log {KEY}\n{done.stdout}".encode())
    assert {schema.id for schema in trust.logs[0].schemas} == {str(number), guid}


def test_a_version_that_is_not_an_audit_event_is_named_and_not_pinned(registry: SchemaRegistry) -> None:
    registry.add(SUBJECT, OTHER)
    registry.add(SUBJECT, "syntax = 'proto3';", "PROTOBUF")
    number, _ = registry.add(SUBJECT, json.dumps(json.loads(SCHEMA), indent=1))
    done = pin(registry.url)
    assert done.exit_code == 3
    assert done.stdout.splitlines()[0] == f"schema {TOPIC} {number} {DIGEST}"
    first, second = done.stderr.splitlines()
    assert "version 1" in first
    assert "it is the record 'Price', not auditseal.AuditEvent" in first
    assert "version 2" in second
    assert "not a schema of Avro" in second


def test_a_subject_can_be_named(registry: SchemaRegistry) -> None:
    registry.add("auditseal.AuditEvent", SCHEMA)
    assert pin(registry.url, "--subject", "auditseal.AuditEvent").exit_code == 0
    missing = pin(registry.url)
    assert missing.exit_code == 2
    assert f"has no subject '{SUBJECT}'" in missing.stderr
    assert "--subject" in missing.stderr


def test_credentials_are_those_of_the_file(registry: SchemaRegistry, tmp_path: Path) -> None:
    registry.add(SUBJECT, SCHEMA)
    registry.authorization = "Basic YXVkaXRvcjpzZWNyZXQ="
    refused = pin(registry.url)
    assert refused.exit_code == 2
    assert "refuses the credentials (HTTP 401" in refused.stderr
    assert pin(registry.url, *quick(tmp_path, "basic.auth.user.info=auditor:secret")).exit_code == 0


def test_a_setting_that_is_unknown_is_named(registry: SchemaRegistry, tmp_path: Path) -> None:
    done = pin(registry.url, *quick(tmp_path, "basic.auth.user=auditor"))
    assert done.exit_code == 2
    assert "basic.auth.user" in done.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mock://x", "is not the URL of a registry"),
        ("ftp://127.0.0.1", "is not the URL of a registry"),
        ("http://", "is not the URL of a registry"),
        ("http://127.0.0.1:1,http://127.0.0.1:2", "is not the URL of a registry"),
        ("http://[::1", "--url"),
        ("http://auditor:secret@127.0.0.1", "use --config"),
        ("http://registry.example.com", "use https"),
    ],
)
def test_a_url_that_is_not_safe_is_refused(url: str, said: str) -> None:
    done = pin(url)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "secret" not in done.stderr


def test_a_topic_is_named_as_origins_name_it() -> None:
    done = pin("http://127.0.0.1:1", topic="audit.events")
    assert done.exit_code == 2
    assert "is not <cluster>/<topic>" in done.stderr


def test_a_registry_that_is_away_or_fails_is_named(registry: SchemaRegistry, tmp_path: Path) -> None:
    away = pin("http://127.0.0.1:1", *quick(tmp_path))
    assert away.exit_code == 1
    assert "can't be reached" in away.stderr
    registry.answers[f"/subjects/{SUBJECT}/versions"] = 500, {"error_code": 50001, "message": "the\x1b[2J store"}
    failed = pin(registry.url, *quick(tmp_path))
    assert failed.exit_code == 1
    assert "answers with an error (HTTP 500" in failed.stderr
    assert "\x1b" not in failed.stderr


@pytest.mark.parametrize("body", [{}, [], [{}], ["latest"], [None], "x", 3])
def test_an_answer_that_is_not_a_registrys_is_named(registry: SchemaRegistry, body: object, tmp_path: Path) -> None:
    registry.add(SUBJECT, SCHEMA)
    registry.answers[f"/subjects/{SUBJECT}/versions"] = 200, body
    done = pin(registry.url, *quick(tmp_path))
    assert done.exit_code in {1, 2}, done.output
    assert done.stdout == ""


@pytest.mark.parametrize("change", [{"id": "7\nlog x"}, {"id": -1}, {"id": None, "guid": None}, {"schema": None}])
def test_a_version_with_wrong_parts_is_not_pinned(registry: SchemaRegistry, change: dict[str, object]) -> None:
    registry.add(SUBJECT, SCHEMA)
    _, body = registry.answer("GET", f"/subjects/{SUBJECT}/versions/1", {})
    registry.answers[f"/subjects/{SUBJECT}/versions/1"] = 200, {**body, **change}
    done = pin(registry.url)
    assert (done.exit_code, done.stdout) == (3, "")


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"a": '])
def test_a_server_that_is_not_a_registry_is_named(body: bytes, tmp_path: Path) -> None:
    with serving(lambda _: whole(body)) as server:
        done = pin(server.url, *quick(tmp_path))
    assert done.exit_code == 1
    assert "does not answer as a schema registry" in done.stderr
