"""The confirmation before a log ends: its name and the number of blocks to continue from, typed by a person."""

from collections.abc import Callable, Sequence

from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.header import Predecessor

Ask = Callable[[str], str]


def check_giving_up(heads: Sequence[Predecessor], typed: Sequence[str], ask: Ask | None) -> None:
    """Check that a person typed `<origin> <size>` of exactly the heads that a new run continues from.

    Args:
        heads: The last heads of the logs that end.
        typed: The values of `--give-up`.
        ask: Shows a question at a terminal and returns the answer; used only without `--give-up`. None without a
            terminal.

    Raises:
        ConfigurationError: The typed heads are not these; the text says what to type.
    """
    expected = [f"{head.origin} {head.size}" for head in heads]
    if ask and not typed:
        typed = [ask(f"{line} ends for good, and a new run begins. Type {line!r} to give it up") for line in expected]
    words = [" ".join(text.split()) for text in typed]
    unknown, missing = (
        [text for text in words if text not in expected],
        [line for line in expected if line not in words],
    )
    problems = [f"--give-up {text!r}: sealer.predecessors has no such origin and size" for text in unknown]
    problems += [f"a new run ends this log for good: confirm it by --give-up {line!r}" for line in missing]
    if problems:
        raise ConfigurationError("\n".join(problems))
