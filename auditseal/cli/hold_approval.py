"""What an approval would release: shown before it is signed, and confirmed."""

from collections.abc import Callable

from auditseal.cli.hold_text import content_lines
from auditseal.cli.vault_options import tell
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.hold_case import HoldCase

Confirm = Callable[[str], bool]


def check_approval(case: HoldCase, confirm: Confirm | None) -> None:
    """Show what approving the release of a case would lift, and check that a person wants it.

    The person signs exactly the statements that are shown: the approval has the hash of the last one. A case that was
    released is not confirmed again. A case without a request for its release can't be approved anyway.

    Args:
        case: The case.
        confirm: Asks a question and returns whether the answer is yes; None without a terminal.

    Raises:
        ConfigurationError: The answer is no, or the question can't be asked.
    """
    if not case.asked_by:
        return
    number = sum(map(len, case.blocks.values()))
    tell("hold release", f"{case.asked_by} asks to release {case.name}, which holds {number:,} versions:")
    for line in content_lines(case):
        tell("hold release", line)
    if confirm is None:
        raise ConfigurationError("nothing was done: approve at a terminal, or with --yes")
    if not confirm(f"Approve the release of {case.name}, and lift these holds?"):
        raise ConfigurationError("nothing was done: the approval was not confirmed")
