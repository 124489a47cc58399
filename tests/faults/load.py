"""The load: one service, in a process of its own, that records events at a steady rate and keeps the ledger.

Run as `python -m tests.faults.load BOOTSTRAP TOPIC RATE SEED LEDGER`; SIGTERM ends it after the last acknowledgement.
"""

import signal
import sys
import threading
import time
from concurrent.futures import Future
from functools import partial
from itertools import count, islice
from pathlib import Path
from queue import SimpleQueue

from auditseal.demo.services import SERVICES
from auditseal_producer import AuditProducer, BufferFullError, DeliveryError, ProducerConfig, Receipt
from auditseal_schemas.event_parts import Stream
from tests.faults.ledger import format_failure, format_receipt

_TICK = 0.02  # s
_MOST = 2_000  # events in one go, so that the end is heard of
_CLOSE_SECONDS = 120


def produce(bootstrap_servers: str, topic: str, rate: float, seed: int, out: Path) -> None:
    """Record `rate` events a second until SIGTERM; write each one's end to `out`."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    lines: SimpleQueue[str] = SimpleQueue()
    service = SERVICES["records"]
    config = ProducerConfig(
        bootstrap_servers=bootstrap_servers,
        topic=topic,
        service=service.name,
        environment="faults",
        full_wait=0,
        close_timeout=_CLOSE_SECONDS,
        kafka={"reconnect.backoff.max.ms": 500},
    )
    events = (event for part in count() for event in service.events(10_000, seed * 1_000_003 + part))
    begun, recorded, due = time.monotonic(), 0, 0
    with out.open("a") as ledger:
        with AuditProducer(config) as producer:
            while not stop.wait(0 if due > _MOST else _TICK):
                due = int((time.monotonic() - begun) * rate) - recorded
                for event in islice(events, min(due, _MOST)):
                    try:
                        pending = producer.record(**event)
                    except BufferFullError:  # refused: it was never accepted
                        break
                    recorded += 1
                    pending.add_done_callback(partial(_note, lines, pending.stream))
                _write(lines, ledger)
        _write(lines, ledger)


def _note(lines: "SimpleQueue[str]", stream: Stream, done: "Future[Receipt]") -> None:
    error = done.exception()
    if isinstance(error, DeliveryError):
        lines.put(format_failure(stream, error))
    elif error is None:
        lines.put(format_receipt(done.result()))
    else:
        raise error


def _write(lines: "SimpleQueue[str]", ledger) -> None:  # type: ignore[no-untyped-def]
    while not lines.empty():
        ledger.write(lines.get())
    ledger.flush()


if __name__ == "__main__":
    bootstrap_servers, topic, rate, seed, out = sys.argv[1:]
    produce(bootstrap_servers, topic, float(rate), int(seed), Path(out))
