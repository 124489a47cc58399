"""JSON from outside, read strictly: UTF-8, no key twice, no huge numbers, nested to a bounded depth (RFC 8259)."""

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from auditseal_schemas.errors import EventError

MAX_DEPTH = 64
"""Objects and arrays within each other."""

_MAX_DIGITS = 1_000  # of a number; Python itself refuses more than 4,300


def parse_json(data: bytes, what: str) -> Any:
    """Return the one JSON value that bytes hold; a byte order mark before it is skipped.

    Args:
        data: The bytes.
        what: How an error's text names them: `the line`, `the body`.

    Raises:
        EventError: They are anything else.
    """
    try:
        value: Any = _DECODER.decode(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise EventError("", f"{what} isn't UTF-8: byte {error.start}") from error
    except RecursionError as error:
        raise EventError("", f"{what} is nested too deeply") from error
    except ValueError as error:
        raise EventError("", f"{what} isn't JSON: {error}") from error
    _check_depth(value, what)
    return value


def _check_depth(value: Any, what: str) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for container in level for child in _children(container)]
        if not level:
            return
    raise EventError("", f"{what} is nested too deeply: at most {MAX_DEPTH} levels are allowed")


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [child for child in value.values() if isinstance(child, dict | list)]
    if isinstance(value, list):
        return [child for child in value if isinstance(child, dict | list)]
    return ()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise EventError("", "a JSON object has a key twice")
    return value


def _whole_number(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise EventError("", f"a number has {len(digits)} digits; no field of an event is a number")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_whole_number, parse_constant=_refuse_constant)
