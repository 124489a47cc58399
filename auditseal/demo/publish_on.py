"""One simulated service that publishes until it is ended, as a process of its own.

Run as `python -m auditseal.demo.publish_on NAME BOOTSTRAP_SERVERS TOPIC SEED`.
"""

import sys
import time

from auditseal.demo.services import SERVICES, producer_config
from auditseal_producer import AuditProducer

_PAUSE_SECONDS = 0.5  # between two events of a service: five services are watched with ease
_EVENTS = 10_000_000  # some weeks


def publish_on(name: str, bootstrap_servers: str, topic: str, seed: int) -> None:
    """Publish the service's events, one at a time, each acknowledged before the next."""
    with AuditProducer(producer_config(name, bootstrap_servers, topic)) as producer:
        for event in SERVICES[name].events(_EVENTS, seed):
            producer.record(**event).result()
            time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    name, bootstrap_servers, topic, seed = sys.argv[1:]
    publish_on(name, bootstrap_servers, topic, int(seed))
