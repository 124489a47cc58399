"""Celery: one event for each task, from a producer for each worker process.

`celery -A examples.celery_app worker` runs it; the settings are environment variables, as in flask_app.py. Celery's own
broker is AUDITED_BROKER here.

The producer is made at the first task, after the worker was forked. So each process has a stream of its own, and may
have a spool of its own (docs/how-to/spool.md).
"""

import os
from functools import cache
from typing import Any

from celery import Celery

from auditseal import Actor, AuditProducer, PendingReceipt, ProducerConfig, Resource
from auditseal_glue import audited

app = Celery("invoices", broker=os.environ.get("AUDITED_BROKER", "memory://"))


@cache
def producer() -> AuditProducer:
    """Return the producer of this process; it is closed when Celery ends the process."""
    return AuditProducer(ProducerConfig.from_env())


class ProcessRecorder:
    """Records by the producer of the process that runs the task."""

    def record(self, **fields: Any) -> PendingReceipt:
        """Record one event."""
        return producer().record(**fields)


@app.task
@audited(
    ProcessRecorder(),
    action="invoice.remind",
    resources=lambda invoice: [Resource("invoice", invoice)],
    actor=Actor("service", "reminders"),
)
def remind(invoice: str) -> None:
    """Remind a customer of an invoice."""
    if invoice.startswith("paid"):
        raise ValueError("it is paid")
