"""A pytest plugin for services: fixtures that record events instead of publishing them. pytest finds it by itself.

def test_an_approval_is_recorded(recorded_events):
approve(recorded_events, "2026-0815")
assert recorded_events.only_event().action == "approve"
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # pytest loads its plugins at each start, also where no test needs them
    from auditseal_producer.testing import AsyncRecordedEvents, RecordedEvents


@pytest.fixture
def recorded_events() -> "RecordedEvents":
    """Act as the service's AuditProducer: `events` has what was recorded, checked and encoded as in production."""
    from auditseal_producer.testing import RecordedEvents  # noqa: PLC0415  (see above)

    return RecordedEvents()


@pytest.fixture
def async_recorded_events() -> "AsyncRecordedEvents":
    """Act as the service's AsyncAuditProducer."""
    from auditseal_producer.testing import AsyncRecordedEvents  # noqa: PLC0415  (see above)

    return AsyncRecordedEvents()
