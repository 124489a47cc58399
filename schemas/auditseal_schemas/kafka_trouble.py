"""Why a client can't use Kafka: one sentence from what librdkafka reports, with what to do.

librdkafka reports most troubles to the caller as a time-out. The cause is in its error callback. For some troubles it
is only in its log: a plaintext client at a TLS port gets one line of level INFO. `explain` turns an error or a line
into a `Trouble`; `Troubles` remembers the current one. Neither does any I/O.

    troubles = Troubles()

    class Logger:
        def log(self, level, form, facility, client, text):
            troubles.note(facility, text)

    client = Producer({..., "logger": Logger(), "error_cb": lambda error: troubles.note(error.name(), error.str())})

Both are called while the client is polled. Leave librdkafka's `log_level` at 6 or above. The texts are those of
librdkafka 2.16 against Kafka 4; kafka_trouble_rules has them.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from auditseal_schemas.errors import quoted
from auditseal_schemas.kafka_trouble_rules import RULES, TroubleKind

_MAX_BROKERS = 1_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, where, and what to do.

    Attributes:
        kind: The class of the trouble.
        broker: `host:port`; empty where librdkafka named no broker.
        sentence: One line for people, free of control characters.
    """

    kind: TroubleKind
    broker: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


class Troubles:
    """The troubles of one client: give it each error and each log line.

    Attributes:
        current: The latest trouble, None while there is none. OTHER never replaces a trouble whose cause is known.
    """

    def __init__(self) -> None:
        self.current: Trouble | None = None
        self._known: dict[str, Trouble] = {}

    def note(self, name: str, text: str) -> Trouble | None:
        """Take an error or a log line, as `explain` does; return the trouble the first time, None when it is known."""
        trouble = explain(name, text)
        if trouble is None:
            return None
        if self.current is None or trouble.kind is not TroubleKind.OTHER:
            self.current = trouble
        if self._known.get(trouble.broker) == trouble:
            return None
        if len(self._known) >= _MAX_BROKERS:
            self._known.clear()
        self._known[trouble.broker] = trouble
        return trouble

    def clear(self) -> None:
        """Forget all troubles: call this when a broker has answered."""
        self.current = None
        self._known.clear()


def explain(name: str, text: str) -> Trouble | None:
    """Return what an error or a log line of librdkafka means, or None where it names no cause.

    Args:
        name: `KafkaError.name()`, such as `_TRANSPORT`, or the facility of a log line, such as `FAIL`.
        text: `KafkaError.str()`, or the text of the log line.
    """
    if name in _NAMES_NO_CAUSE:
        return None
    report = _parse(text)
    subject = f"{name} {report.state} {report.problem}"
    for rule in RULES:
        if rule.pattern.search(subject):
            return Trouble(rule.kind, report.broker, _fill(rule.sentence, report))
    is_log_line = name.isalpha()
    if is_log_line or report.state:  # a connection that ended, as connections do
        return None
    return Trouble(TroubleKind.OTHER, report.broker, f"{report.where} reports {quoted(report.problem)} ({name})")


class _Report(NamedTuple):
    protocol: str
    broker: str
    advertised: bool
    problem: str
    state: str

    @property
    def where(self) -> str:
        return self.broker or "Kafka"


def _parse(text: str) -> _Report:
    found = _BROKER.match(text)
    protocol, broker, number = found.group("protocol", "broker", "number") if found else ("", "", "bootstrap")
    problem = text[found.end() :] if found else text
    ended = _STATE.search(problem)
    state = ended["state"] if ended else ""
    if ended and int(ended["ms"]) < _AT_ONCE_MS:
        state += " AT ONCE"
    return _Report(
        protocol=(protocol or "plaintext").upper(),
        broker=broker,
        advertised=number != "bootstrap",
        problem=problem[: ended.start()] if ended else problem,
        state=state,
    )


def _fill(sentence: str, report: _Report) -> str:
    mechanisms = _MECHANISMS.search(report.problem)
    filled = sentence.format(
        where=report.where,
        protocol=report.protocol,
        problem=quoted(report.problem),
        mechanisms=quoted(mechanisms[1]) if mechanisms else "others",
    )
    if report.advertised and "bootstrap.servers" in sentence:
        filled += " (a broker named this address: see its advertised.listeners)"
    return filled


_BROKER = re.compile(
    r"(?:\[thrd:\S*\]: )?(?:[A-Za-z]+: )?"  # a log line's thread; a coordinator's name
    r"(?:(?P<protocol>[a-z_]+)://)?(?P<broker>[\w.:\[\]-]+:\d+)/(?P<number>bootstrap|-?\d+): ",
    re.ASCII,
)
_STATE = re.compile(r" \(after (?P<ms>\d+)ms in state (?P<state>[A-Z_]+).*\)\s*$")
_AT_ONCE_MS = 1_000
_MECHANISMS = re.compile(r"supported mechanisms: *(\S.*)$")
_NAMES_NO_CAUSE = frozenset({"_ALL_BROKERS_DOWN", "NO_ERROR", "_MSG_TIMED_OUT", "_PURGE_QUEUE", "_PURGE_INFLIGHT"})
