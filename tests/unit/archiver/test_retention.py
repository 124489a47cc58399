"""How long a lock lasts, from values alone."""

from datetime import datetime, timedelta

import pytest

from auditseal_archiver.retention import lock_end, sealed_time
from tests.factory.blocks import sealed
from tests.factory.messages import messages


@pytest.mark.parametrize(
    ("sealed_at", "now", "end"),
    [
        ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00", "2026-01-11T00:00:00+00:00"),
        ("2026-01-01T00:00:00.000001+00:00", "2026-01-01T00:00:00+00:00", "2026-01-11T00:00:01+00:00"),
        ("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00.5+00:00", "2026-01-12T00:00:01+00:00"),
    ],
)
def test_a_lock_ends_no_sooner_than_promised(sealed_at: str, now: str, end: str) -> None:
    micros = int(datetime.fromisoformat(sealed_at).timestamp() * 1_000_000)
    block = sealed(messages(range(1)), now=micros)
    assert sealed_time(block) == datetime.fromisoformat(sealed_at)
    found = lock_end(block, timedelta(days=10), datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(end)
