"""What holds for all unit tests: no group is looked at, since there is no broker."""

import pytest

from auditseal_daemon import group_watch


@pytest.fixture(autouse=True)
def no_looks_at_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_watch, "LOOK_SECONDS", 1e6)
