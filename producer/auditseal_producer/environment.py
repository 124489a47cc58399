"""A producer's settings in environment variables.

AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS, AUDITSEAL_EVENTS_TOPIC, AUDITSEAL_ENVIRONMENT    as for `auditseal emit`
AUDITSEAL_PRODUCER__SERVICE, ...__SPOOL, ...__FULL_WAIT                              every other simple setting
AUDITSEAL_PRODUCER__KAFKA__SASL_USERNAME                                             kafka["sasl.username"]
AUDITSEAL_PRODUCER__KAFKA__SASL_PASSWORD_FILE                                        the same from a file
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from auditseal_schemas.errors import ConfigurationError

_PREFIX = "AUDITSEAL_PRODUCER__"
_KAFKA = f"{_PREFIX}KAFKA__"
_SHARED = {
    "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": "bootstrap_servers",
    "AUDITSEAL_EVENTS_TOPIC": "topic",
    "AUDITSEAL_ENVIRONMENT": "environment",
}
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_REQUIRED = {"bootstrap_servers": "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", "service": f"{_PREFIX}SERVICE",
             "environment": "AUDITSEAL_ENVIRONMENT"}  # fmt: skip


def _truth(text: str) -> bool:
    return _TRUTHS[text.lower()]


_READERS: Mapping[str, Callable[[str], Any]] = {
    "service": str,
    "version": str,
    "instance": str,
    "region": str,
    "buffer_events": int,
    "buffer_bytes": int,
    "full_wait": float,
    "delivery_timeout": float,
    "close_timeout": float,
    "heartbeat": float,
    "spool": str,
    "spool_bytes": int,
    "allow_plaintext": _truth,
}


def read_settings(environment: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of an environment, and those that are given, which go first.

    Raises:
        ConfigurationError: A variable is unknown or its value unusable, or a setting that must be said is missing; one
            line for each.
    """
    settings: dict[str, Any] = {name: environment[key] for key, name in _SHARED.items() if key in environment}
    kafka: dict[str, str] = {}
    problems = []
    for key in sorted(key for key in environment if key.startswith(_PREFIX)):
        try:
            if key.startswith(_KAFKA):
                name, value = _kafka_setting(key, environment[key])
                kafka[name] = value
            else:
                name = key.removeprefix(_PREFIX).lower()
                settings[name] = _READERS[name](environment[key])
        except KeyError:
            problems.append(_explain(key, environment[key]))
        except (OSError, ValueError) as error:
            problems.append(f"{key}: {error}: correct it")
    if kafka:
        settings["kafka"] = kafka
    settings |= given
    problems += [f"{variable} is missing: set it" for name, variable in _REQUIRED.items() if name not in settings]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def _kafka_setting(key: str, value: str) -> tuple[str, str]:
    """Return librdkafka's name of a setting, and its value, which may be in a file."""
    name = key.removeprefix(_KAFKA)
    if name.endswith("_FILE"):
        name, value = name.removesuffix("_FILE"), Path(value).read_text("utf-8").removesuffix("\n")
    return name.lower().replace("_", "."), value


def _explain(key: str, value: str) -> str:
    if key.removeprefix(_PREFIX).lower() in _READERS:
        return f"{key}: {value!r} isn't true or false: correct it"
    return f"{key} isn't a setting: leave it out, or use {_PREFIX} and one of {', '.join(sorted(_READERS)).upper()}"
