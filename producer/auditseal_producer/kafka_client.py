"""The librdkafka producer of a channel: made at its first use, with callbacks that never raise."""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from auditseal_producer.client_log import ClientLog
from auditseal_producer.errors import ProducerClosedError
from auditseal_producer.user_code import call_safely
from auditseal_schemas.errors import ConfigurationError

_NOTIFICATIONS = ("stats_cb", "throttle_cb")


class KafkaClient:
    """librdkafka's producer of a channel, made when it is first needed: its settings are checked before that.

    librdkafka looks up its brokers' addresses at once, in threads of its own. A fork in the middle of a look-up leaves
    a lock of glibc's closed in the child. So a process that only makes an AuditProducer, and then forks, has no such
    thread.

    Raises:
        ConfigurationError: librdkafka refuses the settings.
    """

    def __init__(self, settings: Mapping[str, Any], log: ClientLog) -> None:
        self._settings = settings
        self._log = log
        self._lock = threading.RLock()
        self._changed = threading.Event()
        self._forgotten = False
        self.made: Producer | None = None
        if "oauth_cb" in settings:
            self.make()  # the binding waits for the first token: here, and not in record()
        else:
            _check_settings(settings, log)

    def make(self) -> Producer:
        """Return the producer, and make it first where it isn't made yet.

        Raises:
            ConfigurationError: librdkafka refuses the settings after all, such as a file that is gone.
            ProducerClosedError: It is forgotten.
        """
        with self._lock:
            if self._forgotten:
                raise ProducerClosedError("the producer is closed: make a new one")
            try:
                if self.made is None:
                    made = make_client(self._settings, self._log)
                    if self.made is None:  # or a signal's handler has made it meanwhile, in this thread
                        self.made = made
            finally:
                self._changed.set()
            return self.made

    def wait(self) -> Producer | None:
        """Wait until it is made, and return it; return None where that failed, or `end_wait` comes before."""
        self._changed.wait()
        return self.made

    def end_wait(self) -> None:
        """Let `wait` end."""
        self._changed.set()

    def forget(self) -> None:
        """Let the producer go: it is destroyed as soon as no thread uses it."""
        with self._lock:
            self._forgotten, self.made = True, None


def make_client(settings: Mapping[str, Any], log: ClientLog) -> Producer:
    """Return a producer of librdkafka's whose callbacks log what the service's own ones raise.

    Raises:
        ConfigurationError: librdkafka refuses the settings.
    """
    guarded: dict[str, Callable[..., object]] = {
        name: _guard(log, name, settings[name]) for name in _NOTIFICATIONS if name in settings
    }
    token_source = _TokenSource(log, settings["oauth_cb"]) if "oauth_cb" in settings else None
    if token_source is not None:
        guarded["oauth_cb"] = token_source
    # Without an error callback the binding raises a fatal error in the middle of another one.
    guarded["error_cb"] = partial(_take_error, log, settings.get("error_cb"))
    try:
        return Producer({**settings, **guarded, "logger": log})
    except (KafkaException, TypeError, ValueError) as error:
        problem = f"kafka: librdkafka refuses its settings: {error}"
        if token_source is not None and token_source.error is not None:
            problem += f": oauth_cb raised {token_source.error!r}"
        raise ConfigurationError(problem) from error


def _check_settings(settings: Mapping[str, Any], log: ClientLog) -> None:
    """Have librdkafka check all settings, files of keys and certificates included, by a client without a broker.

    Such a client looks up no address, and its threads have ended when this returns.

    Raises:
        ConfigurationError: librdkafka refuses them.
    """
    make_client({name: value for name, value in settings.items() if name != "bootstrap.servers"}, log)


def _guard(log: ClientLog, name: str, callback: Callable[..., object]) -> Callable[..., None]:
    return partial(call_safely, log.logger, f"kafka[{name!r}]", callback)


def _take_error(log: ClientLog, callback: Callable[..., object] | None, error: KafkaError) -> None:
    log.note(error.name(), error.str())
    if callback is not None:
        call_safely(log.logger, "kafka['error_cb']", callback, error)


class _TokenSource:
    """The service's `oauth_cb`. To raise is the way to refuse a token; librdkafka asks again after a while.

    Attributes:
        error: What it raised the last time, None when it returned a token.
    """

    def __init__(self, log: ClientLog, callback: Callable[..., object]) -> None:
        self._log = log
        self._callback = callback
        self.error: BaseException | None = None

    def __call__(self, config: str) -> object:
        try:
            token = self._callback(config)
            _check_token(token)
        except BaseException as error:
            self.error = error
            self._log.note("_AUTHENTICATION", f"OAUTHBEARER token: oauth_cb raised {error!r}")
            raise RuntimeError("no token") from error  # the binding takes any error for a refusal
        self.error = None
        return token


def _check_token(token: object) -> None:
    """Check what the binding would raise about, in the thread that all receipts come from."""
    parts: tuple[object, ...] = token if isinstance(token, tuple) and 2 <= len(token) <= 4 else (None, None)
    text, expiry, principal, extensions = parts + ("", {})[len(parts) - 2 :]
    if (
        not isinstance(text, str)
        or "\0" in text
        or not isinstance(expiry, (int, float))
        or not isinstance(principal, str)
        or not isinstance(extensions, dict)
        or not all(isinstance(part, str) for pair in extensions.items() for part in pair)
    ):
        raise TypeError("oauth_cb must return (token, expiry in seconds since the epoch[, principal[, extensions]])")
