"""A producer for each source: its own stream, so that a gap in it is that service's, and its own spool."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from auditseal_gateway.config import CLOSE_SECONDS, GatewayConfig
from auditseal_producer import AsyncAuditProducer, UndeliveredError
from auditseal_schemas.event_parts import Source


class Publishers:
    """The producers. They are made at the start, so that what a spool holds is sent before its service comes back.

    Raises:
        SpoolError: A spool can't be opened.
        ConfigurationError: librdkafka refuses the settings.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self._spool_dir: Path | None = config.spool_dir
        self._producers: Mapping[Source, AsyncAuditProducer] = {
            source: AsyncAuditProducer(config.producer(source)) for source in config.clients.sources
        }

    @property
    def has_spools(self) -> bool:
        """Whether accepted events are on disk."""
        return self._spool_dir is not None

    @property
    def waiting(self) -> int:
        """Events that no broker has acknowledged yet."""
        return sum(producer.counts.pending for producer in self._producers.values())

    def of(self, source: Source) -> AsyncAuditProducer:
        """Return the producer of a source."""
        return self._producers[source]

    async def check_broker(self, seconds: float) -> None:
        """Ask the brokers for the topic.

        Raises:
            BrokerUnavailableError: Nobody answers in time, or the topic isn't there.
        """
        await next(iter(self._producers.values())).check_broker(seconds)

    async def close(self) -> int:
        """Wait for the last acknowledgements, some seconds, and stop; return how many events failed with that."""
        closing = (producer.close(CLOSE_SECONDS) for producer in self._producers.values())
        ends = await asyncio.gather(*closing, return_exceptions=True)
        failed = 0
        for end in ends:
            if isinstance(end, UndeliveredError):
                failed += end.waiting + end.failed
            elif isinstance(end, BaseException):
                raise end
        return failed
