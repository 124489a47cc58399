"""One simulated service as a process of its own.

Run as `python -m auditseal.demo.publish NAME BOOTSTRAP_SERVERS TOPIC COUNT SEED OUT`.
"""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from auditseal.demo.services import SERVICES, producer_config
from auditseal_producer import AuditProducer
from auditseal_producer.pending import PendingReceipt

_SECONDS = 2  # over which a service spreads its events, so that there is more than one block to see
_BURST = 50


def publish(name: str, bootstrap_servers: str, topic: str, count: int, seed: int, out: Path) -> None:
    """Publish the service's events, and write a JSON line of each that the brokers acknowledged."""
    config = producer_config(name, bootstrap_servers, topic)
    with AuditProducer(config) as producer, out.open("w", encoding="utf-8") as lines:
        recorded = []
        for number, event in enumerate(SERVICES[name].events(count, seed), start=1):
            recorded.append((event, producer.record(**event)))
            if number % _BURST == 0:
                time.sleep(_SECONDS * _BURST / count)
        for event, pending in recorded:
            lines.write(json.dumps(_line(name, event, pending), ensure_ascii=False) + "\n")


def _line(service: str, event: object, pending: PendingReceipt) -> dict[str, object]:
    """Return the event's fields, and where Kafka stored it."""
    receipt = pending.result()
    return {
        "event_id": receipt.event_id,
        "service": service,
        "partition": receipt.partition,
        "offset": receipt.offset,
        "sha256": receipt.sha256.hex(),
        "event": json.loads(json.dumps(event, default=asdict)),
    }


if __name__ == "__main__":
    name, bootstrap_servers, topic, count, seed, out = sys.argv[1:]
    publish(name, bootstrap_servers, topic, int(count), int(seed), Path(out))
