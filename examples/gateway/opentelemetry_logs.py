"""Sends an audit event as a log record of OpenTelemetry: the SDK's logger, and its exporter to the gateway.

usage: GATEWAY=https://gateway.example.com:8787 TOKEN_FILE=billing.token SERVICE=billing python opentelemetry_logs.py

SERVICE is the client's service in the gateway's clients file. A record of another one is refused, and the exporter logs
that with status 400.
"""

import os
import time
from pathlib import Path

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource


def main() -> None:
    """Send one event; the exporter repeats a request that is answered with 503."""
    token = Path(os.environ["TOKEN_FILE"]).read_text("utf-8").strip()
    exporter = OTLPLogExporter(
        endpoint=f"{os.environ['GATEWAY']}/v1/logs", headers={"authorization": f"Bearer {token}"}
    )
    provider = LoggerProvider(Resource.create({"service.name": os.environ.get("SERVICE", "billing")}))
    # Not the batch processor: it drops the oldest records when its queue is full.
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("invoices").emit(
        LogRecord(
            timestamp=time.time_ns(),
            severity_number=SeverityNumber.INFO,
            body="the invoice was approved",
            attributes={
                "audit.actor.type": "user",
                "audit.actor.id": "u-1842",
                "audit.action": "approve",
                "audit.target.type": "invoice",
                "audit.target.id": "2026-0815",
                "audit.outcome": "SUCCESS",
                "channel": "branch",
            },
        )
    )
    provider.shutdown()


if __name__ == "__main__":
    main()
