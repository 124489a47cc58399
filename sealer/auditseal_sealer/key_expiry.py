"""The days by which the operator wants signing keys changed. A sealer reports them, and signs on after them.

Nothing in the format knows such a day. A sealer that stopped on it would leave events unsealed for a rule about keys.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import structlog
from prometheus_client import Gauge

from auditseal_schemas.key import Signer

SOON = timedelta(days=30)
_REMEDY = "change it with `auditseal keys rotate` (docs/how-to/rotate-keys.md)"


@dataclass(frozen=True, slots=True)
class KeyExpiry:
    """The day by which a key is to be changed.

    Attributes:
        key: The beginning of the last part of the key's verifier keys, which is the same for all logs.
        day: The day, which begins at midnight UTC.
    """

    key: str
    day: date

    @classmethod
    def of(cls, signer: Signer, day: date) -> "KeyExpiry":
        """Return the expiry of a signer's key."""
        return cls(b64encode(signer.algorithm + signer.public).decode()[:12], day)

    @property
    def moment(self) -> datetime:
        """When the day begins."""
        return datetime.combine(self.day, time(tzinfo=UTC))

    def warning(self, now: datetime) -> str | None:
        """Return what an operator must read now; None while more than 30 days are left."""
        left = self.moment - now
        if left > SOON:
            return None
        if left > timedelta():
            return f"the signing key {self.key}… expires on {self.day}, in {left.days} days: {_REMEDY}"
        return f"the signing key {self.key}… expired on {self.day}, and still signs all blocks: {_REMEDY}"


def report_expiries(expiries: Iterable[KeyExpiry], served: Gauge, now: datetime) -> None:
    """Serve each expiry by the gauge of `SealerMetrics`, and log those that are near or past."""
    for expiry in expiries:
        served.labels(expiry.key).set(expiry.moment.timestamp())
        if warning := expiry.warning(now):
            structlog.get_logger("auditseal.sealer").warning(warning)
