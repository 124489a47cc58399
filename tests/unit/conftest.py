"""The fixtures of unit tests. No group is looked at in any of them, since there is no broker."""

import os

import pytest

from auditseal_daemon import group_watch


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment holds none of auditseal's settings."""
    for name in [name for name in os.environ if name.startswith("AUDITSEAL_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_looks_at_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_watch, "LOOK_SECONDS", 1e6)
