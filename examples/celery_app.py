"""Celery: one event for each try of a task, from a producer for each worker process.

`celery -A examples.celery_app worker` runs it; the settings are environment variables, as in flask_app.py. Celery's own
broker is AUDITED_BROKER here.

The producer is made at the first task, after the worker was forked. So each process has a stream of its own. With
AUDITSEAL_PRODUCER__SPOOL=/var/lib/invoices/audit-{n}.spool it has a spool of its own as well (docs/how-to/spool.md).

A task that Celery runs again has an event for each try, all with the task's id as correlation_id
(docs/how-to/frameworks.md).
"""

import os
from functools import cache
from typing import Any

from celery import Celery, current_task

from auditseal import Actor, AuditProducer, PendingReceipt, ProducerConfig, Resource
from auditseal_glue import audited

app = Celery("invoices", broker=os.environ.get("AUDITED_BROKER", "memory://"))


@cache
def producer() -> AuditProducer:
    """Return the producer of this process; it is closed when Celery ends the process."""
    return AuditProducer(ProducerConfig.from_env())


class ProcessRecorder:
    """Records by the producer of the process that runs the task; the task's id is the event's correlation_id."""

    def record(self, **fields: Any) -> PendingReceipt:
        """Record one event."""
        return producer().record(**{"correlation_id": current_task.request.id, **fields})


@app.task(autoretry_for=(ConnectionError,), max_retries=1, default_retry_delay=0)
@audited(
    ProcessRecorder(),
    action="invoice.remind",
    resources=lambda invoice: [Resource("invoice", invoice)],
    actor=Actor("service", "reminders"),
)
def remind(invoice: str) -> None:
    """Remind a customer of an invoice."""
    if invoice.startswith("unreachable"):
        raise ConnectionError
    if invoice.startswith("paid"):
        raise ValueError("it is paid")
