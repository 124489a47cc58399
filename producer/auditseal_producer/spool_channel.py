"""One stream of events, each on disk before `record` returns: accepted events outlive the process and its host."""

from functools import partial

from auditseal_producer.channel import Channel
from auditseal_producer.client_log import ClientLog
from auditseal_producer.config import ProducerConfig
from auditseal_producer.durations import check_seconds
from auditseal_producer.errors import PublishError, StillSpooledError, UndeliveredError
from auditseal_producer.event_channel import EventChannel
from auditseal_producer.receipt import ProducerCounts
from auditseal_producer.spool_choice import open_spool
from auditseal_producer.spool_delivery import SpoolDelivery
from auditseal_producer.spool_writer import SpoolWriter
from auditseal_producer.waiters import Waiters
from auditseal_schemas.event_parts import Stream

_JOIN_SECONDS = 5.0


class SpoolChannel(EventChannel):
    """A stream with a spool: as `Channel`, but that the events of an earlier process are delivered first.

    Raises:
        SpoolError: The spool can't be opened; the types of `errors` say why.
        ConfigurationError: librdkafka refuses the settings.
    """

    def __init__(self, config: ProducerConfig, log: ClientLog) -> None:
        self._log = log
        self._file = open_spool(config.spool_path)
        try:
            self._writer = SpoolWriter(self._file, config.spool_bytes, log)
            super().__init__(config, Stream(self._file.stream.id, 0), self._writer)
            self._delivery = SpoolDelivery(self._file, self._writer, partial(Channel, config, None, log), log)
            self._start()
        except BaseException:
            self._file.close()
            raise

    @property
    def counts(self) -> ProducerCounts:
        """How many events came to which end; those on disk that aren't acknowledged are `pending`, old ones as well."""
        acknowledged = self._delivery.acknowledged
        return ProducerCounts(acknowledged, 0, self._writer.refused, self._writer.waiting)

    def let_receipts_out(self) -> None:
        """Do nothing: each event waits for the disk, so that receipts have their turns."""

    @property
    def room(self) -> Waiters:
        """Those who wait for room: for coroutines, which wait in their own way."""
        return self._writer.room

    def check_broker(self, timeout: float) -> None:
        """Ask the brokers for the topic.

        Raises:
            BrokerUnavailableError: As `Channel.check_broker`, and so are the others.
        """
        self._delivery.channel.check_broker(timeout)

    def flush(self, timeout: float) -> None:
        """Wait until the brokers have every event of the spool.

        Raises:
            UndeliveredError: Some still wait after `timeout` seconds.
            SpoolCorruptedError: The spool is damaged.
            PublishError: A callback calls this, which would wait for itself.
            ConfigurationError: The timeout isn't a number of seconds.
        """
        limit = check_seconds("timeout", timeout)
        self.refuse_waiting("flush()")
        writer = self._writer
        writer.progress.wait(lambda: writer.waiting == 0 or writer.problem is not None, limit)
        if writer.problem is not None:
            raise writer.problem
        waiting = writer.waiting
        if waiting:
            raise UndeliveredError(waiting, 0, None, self._log.describe_wait())

    def close(self, timeout: float) -> None:
        """Accept nothing more, wait for the brokers, and stop; the rest stays on disk, for the next producer.

        Raises:
            SpoolCorruptedError: As `flush`, and so are the others but UndeliveredError.
        """
        check_seconds("timeout", timeout)
        self.refuse_waiting("close()")
        self._writer.close()
        try:
            self.flush(timeout)
        except UndeliveredError:
            pass  # logged below
        finally:
            self._delivery.stop(_JOIN_SECONDS)
            self._writer.stop(_JOIN_SECONDS)
            self._leave_rest()
            if not self.running:
                self._file.close()

    @property
    def running(self) -> bool:
        """Whether a thread of it runs."""
        return self._writer.running or self._delivery.running

    def refuse_waiting(self, call: str) -> None:
        """Refuse a call that would wait for itself.

        Raises:
            PublishError: A callback calls it, or a finalizer in the thread that writes.
        """
        if self._writer.is_writing():
            raise PublishError(f"{call} was called by a finalizer in the thread that it waits for: call it later")
        self._delivery.channel.refuse_waiting(call)

    def _makes_room(self) -> bool:
        return self._delivery.channel.is_serving() or self._writer.is_writing()

    def _full_text(self) -> str:
        config = self._config
        return (
            f"{self._writer.events} events of {self._writer.bytes} bytes are in the spool {self._file.path}, and wait"
            f" for {config.bootstrap_servers}: no room for another within {config.full_wait} s (spool_bytes"
            f" {config.spool_bytes}): {self._log.describe_wait()}"
        )

    def _start(self) -> None:
        try:
            self._writer.start()
            self._delivery.start()
        except RuntimeError as error:
            self._delivery.stop(0)
            raise PublishError(f"the spool's threads can't start: {error}: record earlier, or end threads") from error

    def _leave_rest(self) -> None:
        left, path = self._writer.waiting, self._file.path
        for handle in list(self._writer.handles.values()):
            handle.settle(
                None, StillSpooledError(f"event {handle.event_id} is in the spool {path}: its next producer sends it")
            )
        if left:
            self._log.warn(f"{left} events stay in the spool {path}: its next producer sends them")
