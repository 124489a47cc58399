"""The words without which no log is given up: its name and how much of it goes on, typed by whoever decides it."""

from collections.abc import Callable, Sequence

from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.header import Predecessor

Ask = Callable[[str], str]


def check_giving_up(heads: Sequence[Predecessor], typed: Sequence[str], ask: Ask | None) -> None:
    """Check that a person typed `<origin> <size>` of exactly the heads that a new run goes on from.

    Args:
        heads: The last heads of the logs that end.
        typed: What came with `--give-up`.
        ask: Shows a question at a terminal and returns the answer; it is asked where nothing came with `--give-up`.
            None where there is no terminal.

    Raises:
        ConfigurationError: They are others, or lack some; it says what is to be typed.
    """
    expected = [f"{head.origin} {head.size}" for head in heads]
    if ask and not typed:
        typed = [ask(f"{line} ends for good, and a new run begins. Type {line!r} to give it up") for line in expected]
    words = [" ".join(text.split()) for text in typed]
    unknown, missing = (
        [text for text in words if text not in expected],
        [line for line in expected if line not in words],
    )
    problems = [f"--give-up {text!r}: sealer.predecessors names no such origin and size" for text in unknown]
    problems += [f"a new run ends this log for good: confirm it by --give-up {line!r}" for line in missing]
    if problems:
        raise ConfigurationError("\n".join(problems))
