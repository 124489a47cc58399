"""What unit tests may ask for."""

import os

import pytest


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment holds none of auditseal's settings."""
    for name in [name for name in os.environ if name.startswith("AUDITSEAL_")]:
        monkeypatch.delenv(name)
