"""The errors of the core, which a caller may branch on, and the root of those of all packages.

AuditsealError                 the root of all errors that auditseal raises on purpose
├── ConfigurationError         a setting, a key file or an argument can't be used
├── UnavailableError           Kafka or a store can't be reached, or answers with an error: try again
├── EventError                 an event breaks the schema or a limit
├── DecodeError                a value isn't an encoded event
├── TrustError                 a trust file can't be relied on
├── HaltError                  (halt) a daemon can't continue safely; it has a reason, an exit code and a runbook
└── VerificationError          a block, note, key or proof doesn't hold; it has a verdict
    └── MalformedError         bytes don't parse, canonically and to their end: the verdict MALFORMED

Each package has an `errors` module with its own branch of this tree. `exit_codes` has the exit code of each error.
"""

from typing import Any

from auditseal_schemas.verdict import Verdict


def quoted(untrusted: str | bytes, most: int = 200) -> str:
    """Quote untrusted text for an error's text: in quotes, with every non-printable character escaped.

    Control characters, terminal sequences, line separators, marks that turn the direction of writing and lone
    surrogates are not printable, so that nobody writes to a terminal or a log by way of an error.

    Args:
        untrusted: Text or bytes.
        most: Characters; the rest is left out.
    """
    shown = repr(untrusted[:most])
    return shown if len(shown) <= most else f"{shown[:most]}…"


def _made_again(kind: type[Exception], args: tuple[object, ...]) -> Exception:
    """Return an exception as `__init__` finds it; pickle and copy set its attributes then."""
    return kind.__new__(kind, *args)


class AuditsealError(Exception):
    """The root of all errors that auditseal raises on purpose. They can be pickled and copied, so that pools work."""

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception calls its class with `args` to make itself anew, which are not what our classes take.
        return _made_again, (type(self), self.args), self.__dict__


class ConfigurationError(AuditsealError):
    """A setting, a key file or an argument is unusable: exit code 2."""


class UnavailableError(AuditsealError):
    """Kafka or a store can't be reached, or answers with an error: exit code 1, never a verdict. Try again."""


class EventError(AuditsealError):
    """An event is refused before it is published: it breaks the schema or a limit.

    Attributes:
        field: The dotted path of the field at fault, empty when the event as a whole is.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}" if field else problem)
        self.field = field


class DecodeError(AuditsealError):
    """A payload is no event in canonical single-object encoding, or of an unknown schema."""


class TrustError(AuditsealError):
    """A trust file can't be relied on: exit code 2."""


class VerificationError(AuditsealError):
    """Something that was to be verified isn't what it claims.

    Attributes:
        verdict: The class of the fault.
        field: The wrong part: a header field, a record field (`record.value`), `note`, `payload`.
        offset: The Kafka offset of the record at fault, None where the fault isn't in one record.
        problem: The found value and the expected one, free of control characters.
    """

    def __init__(self, verdict: Verdict, field: str, problem: str, *, offset: int | None = None) -> None:
        at = "" if offset is None else f" at offset {offset}"
        super().__init__(f"{verdict}: {field}{at}: {problem}")
        self.verdict = verdict
        self.field = field
        self.offset = offset
        self.problem = problem


class MalformedError(VerificationError):
    """Bytes that don't parse, canonically and to their end, as what they should be."""

    def __init__(self, field: str, problem: str, *, offset: int | None = None) -> None:
        super().__init__(Verdict.MALFORMED, field, problem, offset=offset)
