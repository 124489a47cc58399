"""Flask: one event for each request, and one that the code records itself.

export AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS=127.0.0.1:9092 AUDITSEAL_ENVIRONMENT=test
AUDITSEAL_PRODUCER__SERVICE=invoices python -m examples.flask_app
"""

import os
import signal
import sys

from flask import Flask, g, request

from auditseal import Actor, AuditProducer, Change, Outcome, ProducerConfig, Recorder, Resource
from auditseal_glue import ContextRecorder, HttpAudit, audit_context
from auditseal_glue.wsgi import AuditMiddleware


def make_app(recorder: Recorder) -> Flask:
    """Make the application; tests give it a RecordedEvents."""
    app = Flask(__name__)
    audit = ContextRecorder(recorder)

    @app.before_request
    def log_in() -> None:
        g.actor = Actor("user", request.headers.get("X-User", "nobody"))
        request.environ["invoices.actor"] = g.actor

    @app.post("/invoices/<invoice>/approve")
    def approve(invoice: str) -> dict[str, str]:
        with audit_context(actor=g.actor):
            audit.record(
                action="invoice.approve",
                resources=[Resource("invoice", invoice)],
                outcome=Outcome.SUCCESS,
                changes=[Change("status", "open", "approved")],
            )
        return {"invoice": invoice, "status": "approved"}

    options = HttpAudit(actor=lambda environ: environ.get("invoices.actor"), skip=frozenset({"/healthz"}))
    app.wsgi_app = AuditMiddleware(app.wsgi_app, recorder, options)  # type: ignore[method-assign]
    return app


if __name__ == "__main__":
    # A supervisor ends the service by SIGTERM. Without a handler the last events would be lost.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with AuditProducer(ProducerConfig.from_env()) as producer:
        make_app(producer).run(port=int(os.environ.get("PORT", "8000")))
