"""The consumers that the partitions of a sealer share, made when the first partition needs one (ADR 0037)."""

import threading
from collections.abc import Mapping
from functools import partial

from auditseal_schemas.limits import MIB
from auditseal_sealer.shared_consumer import SharedConsumer, SharedPartition

_WAIT_MS = 100
"""How long a broker waits for records of the partitions that one fetch names. One that is not in it waits as long."""

_RESPONSE_BYTES = 1 * MIB
"""Bytes of a fetch's answer; one batch may be larger. A record that waits keeps the whole answer in memory."""

OWN_AT_ONCE = 1
"""Partitions that have a consumer of their own at once because they are behind."""

_Key = frozenset[tuple[str, str]]


class ConsumerPool:
    """One shared consumer for each set of properties. Safe to use from any thread.

    Attributes:
        places: Those of consumers of partitions that are behind.
    """

    def __init__(self) -> None:
        self.places = threading.BoundedSemaphore(OWN_AT_ONCE)
        self._consumers = dict[_Key, SharedConsumer]()
        self._users = dict[_Key, int]()
        self._lock = threading.Lock()

    def open(self, properties: Mapping[str, str]) -> SharedPartition:
        """Return a partition of the consumer with these properties; the last one to be closed closes the consumer.

        Raises:
            KafkaException: librdkafka refuses a property.
        """
        key = frozenset(properties.items())
        with self._lock:
            if key not in self._consumers:
                more = {"fetch.wait.max.ms": str(_WAIT_MS), "fetch.max.bytes": str(_RESPONSE_BYTES)}
                self._consumers[key] = SharedConsumer({**properties, **more})
            self._users[key] = self._users.get(key, 0) + 1
            return SharedPartition(self._consumers[key], partial(self._leave, key))

    def has_others(self, properties: Mapping[str, str]) -> bool:
        """Return whether a consumer has more than one partition."""
        return self._users.get(frozenset(properties.items()), 0) > 1

    def _leave(self, key: _Key) -> None:
        with self._lock:
            self._users[key] -= 1
            if self._users[key]:
                return
            consumer = self._consumers.pop(key)
        consumer.close()
