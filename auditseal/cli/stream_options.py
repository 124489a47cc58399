"""The options of commands that look at streams."""

from collections.abc import Iterable
from typing import Annotated

import typer

from auditseal_schemas.errors import ConfigurationError

SETTLE_SECONDS = 1_800
"""Until a missing number counts as a gap: as long as a producer tries to deliver an event by default."""
Expected = Annotated[
    list[str] | None, typer.Option("--expect", help="SERVICE=SECONDS: its longest silence; may be repeated.")
]


def parse_expected(entries: Iterable[str]) -> dict[str, int]:
    """Return the longest silence of each service, in ms.

    Raises:
        ConfigurationError: An entry is not a service and its seconds.
    """
    found = {}
    for entry in entries:
        service, _, seconds = entry.rpartition("=")
        if not service or not seconds.isascii() or not seconds.isdecimal() or not int(seconds):
            raise ConfigurationError(f"--expect {entry}: write SERVICE=SECONDS, such as billing=600")
        found[service] = int(seconds) * 1000
    return found
