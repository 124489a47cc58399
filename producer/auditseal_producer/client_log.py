"""What a producer logs: a broker's trouble once, librdkafka's lines and failed events a few at a time."""

import logging
import os
from collections.abc import Callable
from time import monotonic

from auditseal_producer.user_code import log_safely
from auditseal_schemas.kafka_trouble import Trouble, Troubles

DEFAULT_LOGGER = logging.getLogger("auditseal_producer")
_REMINDER_SECONDS = 60.0
_QUIET_SECONDS = 10.0
_BURST = 5  # lines of a kind before it is quiet
_CONNECTION_LINES = frozenset({"FAIL", "ERROR", "REQTMOUT"})
"""librdkafka's lines about connections, which say again what the trouble says, at each attempt to connect."""

_GAPLESS = "enable.gapless.guarantee"


class ClientLog:
    """Takes what librdkafka reports, as its `logger` and its `error_cb`; keeps the current trouble.

    All of it comes from the producer's own thread.

    Attributes:
        logger: Where it all goes.
        process: The process of the producer: a forked one has a log of its own.
    """

    def __init__(self, logger: logging.Logger | None, clock: Callable[[], float] = monotonic) -> None:
        self.logger = logger or DEFAULT_LOGGER
        self.process = os.getpid()
        self._troubles = Troubles()
        self._clock = clock
        self._reminded = 0.0
        self._limit = RateLimit(_BURST, _QUIET_SECONDS, clock)

    @property
    def trouble(self) -> Trouble | None:
        """The causes that keep the producer from its brokers, None while nothing is known to."""
        return self._troubles.current

    def describe_wait(self) -> str:
        """Say why events wait, as far as it is known."""
        if self.trouble is not None:
            return self.trouble.sentence
        return "no trouble with the brokers is known yet: ask check_broker(), which also asks for the topic"

    def note(self, name: str, text: str) -> None:
        """Take an error: a trouble is logged when it is new, and once a minute while it lasts."""
        news = self._troubles.note(name, text)
        current, now = self._troubles.current, self._clock()
        if news is not None or (current is not None and now - self._reminded >= _REMINDER_SECONDS):
            self._reminded = now
            log_safely(self.logger, logging.WARNING, "%s", news or current)

    def warn(self, text: str) -> None:
        """Log what an operator should know."""
        log_safely(self.logger, logging.WARNING, "%s", text)

    def connected(self) -> None:
        """Forget the trouble: a broker has answered."""
        if self._troubles.current is not None:
            self._troubles.clear()
            log_safely(self.logger, logging.INFO, "the brokers answer again")

    def log(self, level: int, _form: str, facility: str, client: str, text: str) -> None:
        """Take a line of librdkafka's log, as it calls its `logger`."""
        if facility == "CONFWARN" and _GAPLESS in text:
            return  # set on purpose: docs/how-to/spool.md
        self.note(facility, text)
        if facility in _CONNECTION_LINES:
            level = logging.DEBUG
        self.limited(level, facility, "%s [%s] %s", facility, client, text)

    def limited(self, level: int, kind: str, form: str, *args: object) -> None:
        """Log a line, unless many of its kind were logged a moment ago; DEBUG and INFO are never left out."""
        if level < logging.WARNING:
            log_safely(self.logger, level, form, *args)
            return
        omitted = self._limit.allow(kind)
        if omitted is not None:
            form += f" ({omitted} more of this kind were not logged)" if omitted else ""
            log_safely(self.logger, level, form, *args)


class RateLimit:
    """Lets some lines of a kind through in a while, and counts the others."""

    def __init__(self, burst: int, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._burst, self._seconds, self._clock = burst, seconds, clock
        self._kinds: dict[str, tuple[float, int, int]] = {}

    def allow(self, kind: str) -> int | None:
        """Return how many were left out since the last one, or None to leave this one out as well."""
        now = self._clock()
        begun, passed, omitted = self._kinds.get(kind, (now, 0, 0))
        if now - begun >= self._seconds:
            begun, passed = now, 0
        if passed >= self._burst:
            self._kinds[kind] = (begun, passed, omitted + 1)
            return None
        self._kinds[kind] = (begun, passed + 1, 0)
        return omitted
