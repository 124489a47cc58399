"""The demo's parts, without Kafka: its folder, its environment, and what it takes for caught."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from auditseal.demo.run import Demo
from auditseal.demo.stage import Stage
from auditseal.demo.store import DirectoryStore, MinioStore
from auditseal.demo.surroundings import adopt, environment_with
from auditseal.demo.tamper import Tampering
from auditseal_local.errors import LocalStackError
from auditseal_local.minio import MinioNode
from auditseal_local.progress import silent
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.origin import Origin
from auditseal_vault.interface import StoredVersion

TAMPERING = Tampering("c/t/0/0", 3, 470, "event", "svc-4", "svc-1")
CAUGHT = {"verdict": "BAD_RECORD", "origin": "c/t/0/0", "height": 3, "offset": 470, "field": "record"}


def report(*findings: dict[str, Any]) -> dict[str, Any]:
    return {"findings": [], "logs": [{"findings": []}, {"findings": list(findings)}]}


def test_the_tampering_is_caught_when_its_place_alone_is_named() -> None:
    TAMPERING.check_found(report(CAUGHT))


@pytest.mark.parametrize(
    "wrong",
    [
        report(),
        report(CAUGHT, CAUGHT),
        {**report(CAUGHT), "findings": [CAUGHT]},
        *(report({**CAUGHT, name: "other"}) for name in CAUGHT),
    ],
)
def test_any_other_finding_fails_the_demo(wrong: dict[str, Any]) -> None:
    with pytest.raises(LocalStackError, match=r"should have found .*470"):
        TAMPERING.check_found(wrong)


def test_a_folder_in_use_is_refused_and_left_whole(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "demo")
    with stage.taken():
        stage.events.write_text("recorded")
        with pytest.raises(ConfigurationError, match="another demo runs in"), Stage(stage.directory).taken():
            pytest.fail("two at once")
        assert stage.events.read_text() == "recorded"


def test_a_folder_is_emptied_of_what_an_earlier_demo_left_and_of_nothing_beyond_it(tmp_path: Path) -> None:
    stage, outside = Stage(tmp_path / "demo"), tmp_path / "outside"
    outside.mkdir()
    (outside / "thesis.txt").write_text("mine")
    with stage.taken():
        stage.events.write_text("recorded")
        stage.vault.symlink_to(outside)
    with stage.taken():
        assert [path.name for path in stage.directory.iterdir() if not path.name.startswith(".")] == ["logs"]
        assert list(stage.logs.iterdir()) == []
    assert (outside / "thesis.txt").read_text() == "mine"


def test_the_callers_settings_of_auditseal_and_aws_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    os.environ |= {"AUDITSEAL_KAFKA__SECURITY_PROTOCOL": "SSL", "AWS_SESSION_TOKEN": "t", "KEPT": "1"}
    assert environment_with({"AUDITSEAL_CLUSTER": "c"}).items() >= {("AUDITSEAL_CLUSTER", "c"), ("KEPT", "1")}
    adopt({"AWS_ACCESS_KEY_ID": "k"})
    ours = {name: value for name, value in os.environ.items() if name.startswith(("AUDITSEAL_", "AWS_"))}
    assert ours == {"AWS_ACCESS_KEY_ID": "k"}


def test_a_log_without_any_event_is_named_before_verification_would_miss_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "demo")
    with stage.taken():
        lines = [{"partition": number, "offset": 0, "sha256": ""} for number in (0, 2)]
        stage.events.write_text("".join(json.dumps(line) + "\n" for line in lines))
        store = DirectoryStore(stage)
        demo = Demo(stage, store, 2, lambda _: None, lambda _: None)
        with store, pytest.raises(LocalStackError, match=r"no event fell to demo\.auditseal\.local/audit\.events/1/0,"):
            demo._await_archive(store.reader(), lambda: None)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), "can't be reached"),
        (None, "deleted the locked v1/a"),
    ],
)
def test_only_a_refusal_passes_for_a_store_that_withstood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Exception | None, said: str
) -> None:
    def delete_object(**_: object) -> None:
        if answer:
            raise answer

    monkeypatch.setattr(MinioNode, "s3", lambda _: SimpleNamespace(delete_object=delete_object))
    stored = StoredVersion("v1/a", "1", is_latest=True, is_delete_marker=False, size=1)
    monkeypatch.setattr(MinioStore, "reader", lambda _: SimpleNamespace(versions=lambda _: iter([stored])))
    with pytest.raises(LocalStackError, match=said):
        MinioStore(Stage(tmp_path), silent).attack(Origin("c", "t", 0, 0))
