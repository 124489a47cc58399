"""The environment of the demo's processes: the caller's, without any setting of auditseal or AWS."""

import os
from collections.abc import Mapping

_OTHERS = ("AUDITSEAL_", "AWS_")


def environment_with(own: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment without its settings of auditseal and of AWS, and with the demo's own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)} | dict(own)


def adopt_environment(own: Mapping[str, str]) -> None:
    """Make it the environment of this process, because boto3 looks for credentials there."""
    environment = environment_with(own)
    os.environ.clear()
    os.environ.update(environment)
