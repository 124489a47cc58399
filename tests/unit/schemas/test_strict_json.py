"""JSON from outside: what is refused, and why. `tests/unit/cli/test_emit.py` has the texts for lines."""

import pytest

from auditseal_schemas.errors import EventError
from auditseal_schemas.strict_json import MAX_DEPTH, parse_json


@pytest.mark.parametrize("data", [b'{"a": [1, {"b": null}]}', b"\xef\xbb\xbf[]", b'"text"', b"12"])
def test_json_is_read(data: bytes) -> None:
    assert parse_json(data, "the body") in ({"a": [1, {"b": None}]}, [], "text", 12)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"{", "the body isn't JSON"),
        (b"\xff", "the body isn't UTF-8: byte 0"),
        (b'{"a": 1, "a": 2}', "has a key twice"),
        (b"NaN", "NaN is not a JSON number"),
        (b"1" * 1_001, "1001 digits"),
        (b"[" * 200_000, "nested too deeply"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), f"at most {MAX_DEPTH} levels"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), f"at most {MAX_DEPTH} levels"),
    ],
)
def test_anything_else_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(EventError, match=problem):
        parse_json(data, "the body")


def test_the_deepest_value_that_is_allowed() -> None:
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, "the body")
