"""The trail of auditors: each query, view, export and proof is an audit event, recorded by our own producer."""

import logging
from collections.abc import Mapping
from typing import Protocol

from auditseal_explorer.auditor import Auditor
from auditseal_explorer.errors import UnrecordedError
from auditseal_producer.errors import PublishError
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.recorder import Recorder
from auditseal_schemas.errors import EventError
from auditseal_schemas.event_parts import Actor, Category, Outcome, Resource

STRICT_SECONDS = 10.0
"""How long `StrictTrail` waits for the brokers' answer."""
_log = logging.getLogger(__name__)


class Trail(Protocol):
    """Records what an auditor does."""

    def record(self, auditor: Auditor, action: str, resource: Resource, attributes: Mapping[str, str]) -> None:
        """Record one look.

        Args:
            auditor: Who looks.
            action: What they do, such as `auditseal.search`.
            resource: What they look at.
            attributes: How: the filter, the heads, the number of rows, the grade.

        Raises:
            UnrecordedError: It was not recorded, so its answer must not be shown.
        """
        ...


class NoTrail:
    """Records nothing."""

    def record(self, auditor: Auditor, action: str, resource: Resource, attributes: Mapping[str, str]) -> None:
        """Do nothing."""


class ProducerTrail:
    """Records by a producer, and does not wait: a look that can't be recorded is logged, and answered.

    Args:
        recorder: The producer.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def record(self, auditor: Auditor, action: str, resource: Resource, attributes: Mapping[str, str]) -> None:
        """Hand the event to the producer, which reports what it can't deliver."""
        try:
            self._offer(auditor, action, resource, attributes)
        except (PublishError, EventError) as error:
            _log.error("%s of %s was not recorded: %s", action, auditor.name, error)

    def _offer(
        self, auditor: Auditor, action: str, resource: Resource, attributes: Mapping[str, str]
    ) -> PendingReceipt:
        return self._recorder.record(
            actor=Actor("auditor", auditor.name, auth_method=auditor.login),
            action=action,
            resources=[resource],
            outcome=Outcome.SUCCESS,
            category=Category.ACCESS,
            attributes=dict(attributes),
        )


class StrictTrail(ProducerTrail):
    """Records by a producer, and waits until the brokers have it: nothing is shown that was not recorded."""

    def record(self, auditor: Auditor, action: str, resource: Resource, attributes: Mapping[str, str]) -> None:
        """Record one look, or refuse it."""
        try:
            self._offer(auditor, action, resource, attributes).result(STRICT_SECONDS)
        except (PublishError, EventError, TimeoutError) as error:
            raise UnrecordedError(f"the look was not recorded, so nothing is shown (--strict): {error}") from error
