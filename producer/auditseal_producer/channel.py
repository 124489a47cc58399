"""One stream of events into Kafka: numbers them, queues them in librdkafka, and serves what comes back."""

import logging
import threading
from time import monotonic, sleep

from confluent_kafka import KafkaException
from uuid_utils import uuid7

from auditseal_producer.client_log import ClientLog
from auditseal_producer.config import ProducerConfig
from auditseal_producer.durations import check_seconds
from auditseal_producer.errors import (
    BrokerUnavailableError,
    ProducerClosedError,
    PublishError,
    UndeliveredError,
)
from auditseal_producer.event_channel import EventChannel
from auditseal_producer.event_queue import EventQueue
from auditseal_producer.kafka_client import KafkaClient
from auditseal_producer.outgoing import Outgoing
from auditseal_producer.pending import PendingReceipt, serving_threads
from auditseal_producer.receipt import ProducerCounts
from auditseal_producer.receipts import ErrorCallback, Receipts
from auditseal_producer.user_code import log_safely
from auditseal_producer.waiters import Waiters
from auditseal_schemas.event_parts import Stream
from auditseal_schemas.kafka_trouble import explain

_POLL_SECONDS = 0.1
_PURGE_SECONDS = 10.0
_INTERRUPTED_SECONDS = 2.0
_JOIN_SECONDS = 5.0
_ASK_SECONDS = 1.0
_LASTING_SECONDS = 2.0
_TURN_SECONDS = 0.005
_TURN_EVERY = 64  # events


class Channel(EventChannel):
    """A stream: its id, its queue, its receipts. Lives in one process; any of its threads may use it.

    One thread of its own polls librdkafka, hands out receipts and runs all callbacks. No other thread ever polls, so
    that `record` runs no callback, and no callback is cut short by a signal.
    """

    def __init__(self, config: ProducerConfig, on_error: ErrorCallback | None, log: ClientLog) -> None:
        self._log = log
        self._receipts = Receipts(self._log, on_error)
        client = self._client = KafkaClient(config.librdkafka, self._log)
        self._queue = EventQueue(config, lambda: client.make().produce, self._receipts, self._log)
        super().__init__(config, Stream(str(uuid7()), 0), self._queue)
        self._reported = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="auditseal-producer", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise PublishError(f"the producer's thread can't start: {error}: record earlier, or end threads") from error

    @property
    def counts(self) -> ProducerCounts:
        """How many events came to which end so far."""
        receipts = self._receipts
        return ProducerCounts(receipts.acknowledged, receipts.failed, self._queue.refused, self._queue.waiting)

    def let_receipts_out(self) -> None:
        """Give the producer's thread a turn now and then, for a caller that records without a pause.

        The binding takes and gives back Python's lock for each delivery report. Next to a thread that never waits the
        producer's would get 200 of them a second (a turn every 5 ms), and ever more events would wait.
        """
        receipts = self._receipts
        if receipts.active and self._queue.events % _TURN_EVERY == 0 and not self.is_serving():
            receipts.progress.wait(lambda: not receipts.active, _TURN_SECONDS)

    @property
    def room(self) -> Waiters:
        """Those who wait for room: for coroutines, which wait in their own way."""
        return self._receipts.room

    def begin(self, outgoing: Outgoing) -> PendingReceipt | None:
        """Accept the event that opens the stream: it goes to the brokers with the next one, or with the next flush."""
        return self._queue.defer(outgoing)

    def check_broker(self, timeout: float) -> None:
        """Ask the brokers for the topic.

        Raises:
            BrokerUnavailableError: Nobody answers within `timeout` seconds, or something is wrong that lasts, such as
                a password, or the topic isn't there.
            ProducerClosedError: The channel is closed.
            ConfigurationError: The timeout isn't a number of seconds.
        """
        begun, limit = monotonic(), check_seconds("timeout", timeout)
        if self._queue.closed:
            raise ProducerClosedError("the producer is closed: ask for the broker before close()")
        client = self._client.make()
        topic, servers = self._config.topic, self._config.bootstrap_servers
        while True:
            past = monotonic() - begun
            try:
                found = client.list_topics(topic, max(0.0, min(limit - past, _ASK_SECONDS))).topics[topic]
                break
            except KafkaException as exception:
                trouble, past = self._log.trouble, monotonic() - begun
                if trouble is not None and trouble.kind.lasting and past >= min(limit, _LASTING_SECONDS):
                    raise BrokerUnavailableError(f"{servers} can't be used: {trouble}") from exception
                if past >= limit:
                    cause = (
                        str(trouble or "") or f"{exception.args[0].str()}: check that it runs, and bootstrap_servers"
                    )
                    raise BrokerUnavailableError(f"{servers} doesn't answer within {timeout} s: {cause}") from exception
        self._log.connected()
        if found.error is not None:
            problem = explain(found.error.name(), found.error.str()) or found.error.str()
            raise BrokerUnavailableError(f"topic {topic} at {servers}: {problem}")

    def flush(self, timeout: float) -> None:
        """Wait until every accepted event has its receipt or error.

        Raises:
            UndeliveredError: Some still wait after `timeout` seconds, or some failed since the last flush.
            PublishError: A callback or a finalizer calls this, which would wait for itself.
            ConfigurationError: The timeout isn't a number of seconds.
        """
        limit = check_seconds("timeout", timeout)
        self.refuse_waiting("flush()")
        receipts, queue = self._receipts, self._queue
        queue.queue_deferred()
        receipts.progress.wait(lambda: queue.waiting == 0, limit)
        waiting, failed = queue.waiting, receipts.failed
        count, self._reported = failed - self._reported, failed
        first, receipts.first_failure = receipts.first_failure, None
        if waiting or count:
            raise UndeliveredError(waiting, count, first, self._log.describe_wait() if waiting else "")

    def close(self, timeout: float) -> None:
        """Accept nothing more, flush, fail what still waits, and stop.

        Raises:
            UndeliveredError: As `flush`, and so are the others.
        """
        check_seconds("timeout", timeout)
        self.refuse_waiting("close()")
        self._queue.close()
        self._receipts.room.wake()
        receipts, queue = self._receipts, self._queue
        try:
            self.flush(timeout)
        except UndeliveredError:
            raise
        except BaseException:  # a second signal ends the wait, but no event that is on its way
            receipts.progress.wait(lambda: queue.waiting == 0, _INTERRUPTED_SECONDS)
            raise
        finally:
            if self._client.made is not None:
                self._client.made.purge()
            receipts.progress.wait(lambda: queue.waiting == 0, _PURGE_SECONDS)
            self._stopping = True
            self._client.end_wait()
            self._thread.join(_JOIN_SECONDS)  # not without end: a callback may never return
            if not self.running:
                # Destroyed here and now: in a process that is forked later it would wait for threads that aren't there.
                queue.forget_client()
                self._client.forget()

    @property
    def running(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def refuse_waiting(self, call: str) -> None:
        """Refuse a call that would wait for itself.

        Raises:
            PublishError: A callback calls it, or a finalizer or signal's handler within `offer`.
        """
        if self.is_serving():
            raise PublishError(f"a callback can't call {call}, which waits for the thread that runs callbacks")
        self._queue.refuse_nested(call)

    def _makes_room(self) -> bool:
        return self.is_serving() or self._queue.is_nested()

    def _full_text(self) -> str:
        config = self._config
        return (
            f"{self._queue.waiting} events of {self._queue.bytes - self._receipts.bytes} bytes wait for"
            f" {config.bootstrap_servers}: no room for another within {config.full_wait} s (buffer_events"
            f" {config.buffer_events}, buffer_bytes {config.buffer_bytes}): {self._log.describe_wait()}"
        )

    def _serve(self) -> None:
        serving_threads.add(threading.get_ident())
        while not self._stopping:
            try:
                client = self._client.wait()
                if client is not None:
                    client.poll(_POLL_SECONDS)
                elif not self._stopping:
                    sleep(_POLL_SECONDS)
                self._queue.queue_deferred()
                self._receipts.hand_out()
                if not self._queue.waiting:
                    self._receipts.room.wake()
            except KafkaException as error:  # a fatal one, which all waiting events end in
                self._log.limited(logging.ERROR, "poll", "librdkafka can't continue: %s", error)
                sleep(_POLL_SECONDS)
            except BaseException:  # the thread must never end before it is stopped: all handles depend on it
                log_safely(self._log.logger, logging.ERROR, "the producer's thread continues after", exc_info=True)
                sleep(_POLL_SECONDS)
        serving_threads.discard(threading.get_ident())

    def is_serving(self) -> bool:
        """Whether this thread is the one that hands out receipts."""
        return threading.get_ident() == self._thread.ident
