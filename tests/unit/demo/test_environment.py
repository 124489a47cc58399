"""The environment of the demo's processes holds none of the caller's settings."""

import os

import pytest

from auditseal.demo.environment import adopt_environment, environment_with


def test_the_callers_settings_of_auditseal_and_aws_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    os.environ |= {"AUDITSEAL_KAFKA__SECURITY_PROTOCOL": "SSL", "AWS_SESSION_TOKEN": "t", "KEPT": "1"}
    assert environment_with({"AUDITSEAL_CLUSTER": "c"}).items() >= {("AUDITSEAL_CLUSTER", "c"), ("KEPT", "1")}
    adopt_environment({"AWS_ACCESS_KEY_ID": "k"})
    ours = {name: value for name, value in os.environ.items() if name.startswith(("AUDITSEAL_", "AWS_"))}
    assert ours == {"AWS_ACCESS_KEY_ID": "k"}
