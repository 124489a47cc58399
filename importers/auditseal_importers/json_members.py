"""Where the items of an array within a JSON object are, so that each item's original text can be kept."""

import re
from collections.abc import Iterator
from json import JSONDecoder

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = JSONDecoder()


def array_items(text: str, member: str) -> Iterator[str]:
    """Yield the text of each item of the array that a JSON object has as a member; nothing if it isn't there.

    Args:
        text: A valid JSON object, as `parse_json` takes it.
        member: The member's name.
    """
    at = _skip(text, _skip(text, 0) + 1)
    while text[at] == '"':
        name, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # the colon
        if name == member and text[at] == "[":
            yield from _items(text, at)
            return
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _items(text: str, at: int) -> Iterator[str]:
    at = _skip(text, at + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield text[at:end]
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found  # it matches nothing at least
    return found.end()
