"""What an approval would release: shown before it is signed, and confirmed."""

from collections.abc import Callable

from auditseal.cli.hold_text import content_lines
from auditseal.cli.vault_options import tell
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.hold_case import HoldCase

Confirm = Callable[[str], bool]


def check_approval(case: HoldCase, confirm: Confirm | None) -> None:
    """Show what approving the release of a case would lift, and check that a person wants it.

    What is shown is what is signed: the approval has the hash of the last statement that is shown. A case that was
    released needs no second yes, and one whose release nobody asked for can't be approved anyway.

    Args:
        case: The case.
        confirm: Asks a question and returns whether the answer is yes; None where nobody can be asked.

    Raises:
        ConfigurationError: The answer is no, or nobody can be asked.
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
