"""The expiry of signing keys: served by key, and said from 30 days before on."""

from datetime import UTC, date, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from auditseal_schemas.key import SigningKey
from auditseal_schemas.public_key import ML_DSA_44
from auditseal_sealer.key_expiry import KeyExpiry, report_expiries
from auditseal_sealer.metrics import SealerMetrics
from tests.factory.keys import KEY, SIGNER

DAY = date(2028, 3, 1)
MOMENT = datetime(2028, 3, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("now", "warning"),
    [
        (MOMENT - timedelta(days=30) - SECOND, None),
        (MOMENT - timedelta(days=30), "expires on 2028-03-01, in 30 days"),
        (MOMENT - SECOND, "expires on 2028-03-01, in 0 days"),
        (MOMENT, "expired on 2028-03-01, and still signs all blocks"),
        (MOMENT + timedelta(days=400), "expired on 2028-03-01"),
    ],
)
def test_it_warns_from_30_days_before_on(now: datetime, warning: str | None) -> None:
    found = KeyExpiry("AddamAGCsQq3", DAY).warning(now)
    assert (found is None) == (warning is None)
    if found and warning:
        assert warning in found
        assert "AddamAGCsQq3…" in found
        assert "auditseal keys rotate" in found


def test_each_key_is_served_by_the_beginning_of_its_verifier_keys() -> None:
    second = SigningKey.generate(ML_DSA_44)
    expiries = [KeyExpiry.of(SIGNER, DAY), KeyExpiry.of(second, date(2000, 1, 1))]
    registry = CollectorRegistry()
    with capture_logs() as logs:
        report_expiries(expiries, SealerMetrics(registry).key_expiry, MOMENT - timedelta(days=31))
    name = "auditseal_signing_key_expiry_timestamp_seconds"
    assert registry.get_sample_value(name, {"key": expiries[0].key}) == MOMENT.timestamp()
    assert registry.get_sample_value(name, {"key": expiries[1].key}) == 946_684_800
    assert str(KEY).split("+", 2)[2].startswith(expiries[0].key)
    assert len(expiries[1].key) == 12
    assert [line["log_level"] for line in logs] == ["warning"]
    assert expiries[1].key in logs[0]["event"]
