"""The checks that the parts of an event share, and the limits they keep (docs/reference/events.md, Limits).

Values come from services, and a value may have code of its own: a generator, a mapping, a subclass of `str`. Each is
read once, and texts are read by the methods of `str` itself, so that what is checked is what is encoded.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from itertools import islice
from typing import TypeVar

from auditseal_schemas.errors import EventError, quoted

MAX_TEXT_BYTES = 256 * 1024
"""UTF-8 bytes of any one text in an event."""

MAX_ITEMS = 1_000
"""Resources, changes or attributes of one event."""

Kind = TypeVar("Kind")


def check_names(path: str, given: Mapping[str, object], required: Collection[str], known: Collection[str]) -> None:
    """Check that no field has an unknown name, and that none is missing.

    Raises:
        EventError: One has or is; its message says which names there are.
    """
    unknown = sorted(set(given) - set(known))
    if unknown:
        near = get_close_matches(unknown[0], known, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise EventError(path, f"unknown field {quoted(unknown[0])}{hint}; known: {', '.join(known)}")
    missing = sorted(set(required) - set(given))
    if missing:
        raise EventError(path, f"{missing[0]} is missing")


def all_plain(*texts: object) -> bool:
    """Return whether each is None or a short ASCII text of exactly `str`. Nearly all are, and need no other check."""
    for text in texts:
        if text is not None and not (type(text) is str and len(text) <= MAX_TEXT_BYTES and text.isascii()):
            return False
    return True


def freeze_texts(owner: str, part: object, needed: Collection[str], optional: Collection[str]) -> None:
    """Check texts of a part, and let it hold them as plain `str`, so that nobody need ask again what they are.

    Args:
        owner: The part's name within the event, empty for the event itself.
        part: A frozen value that is being made.
        needed: Its attributes that must have a text which isn't empty.
        optional: Its attributes that may be None or empty.

    Raises:
        EventError: A text isn't encodable or within MAX_TEXT_BYTES, or is missing.
    """
    for names, least in ((needed, 1), (optional, 0)):
        for name in names:
            text = getattr(part, name)
            if text is not None or least:
                check_text(f"{owner}.{name}" if owner else name, text, least=least)
                object.__setattr__(part, name, str.__str__(text))


def check_text(field: str, text: object, *, least: int) -> None:
    """Check one text: `least` to MAX_TEXT_BYTES bytes of UTF-8.

    Raises:
        EventError: It isn't so.
    """
    if not isinstance(text, str):
        raise EventError(field, f"must be text, not {type(text).__name__}")
    try:
        size = len(str.encode(text))
    except UnicodeEncodeError as error:
        raise EventError(field, f"has an unpaired surrogate at index {error.start}: it can't be UTF-8") from error
    if size < least:
        raise EventError(field, "must not be empty")
    if size > MAX_TEXT_BYTES:
        raise EventError(field, f"takes {size} bytes; at most {MAX_TEXT_BYTES} are allowed: shorten it")


def freeze_items(field: str, items: object, kind: type[Kind], *, least: int) -> tuple[Kind, ...]:
    """Walk an iterable once, and return its items as a tuple: each of the kind, `least` to MAX_ITEMS of them.

    Raises:
        EventError: The items aren't so.
    """
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise EventError(field, f"must be a sequence of {kind.__name__}, not {type(items).__name__}")
    # An iterable of another type may have no end.
    frozen = tuple(items) if type(items) in (list, tuple) else tuple(islice(items, MAX_ITEMS + 1))
    if not least <= len(frozen) <= MAX_ITEMS:
        count = len(frozen) if type(items) in (list, tuple) or not frozen else f"more than {MAX_ITEMS}"
        raise EventError(field, f"has {count} items; {least} to {MAX_ITEMS} are allowed")
    for item in frozen:
        if type(item) is not kind:
            return tuple(freeze_part(f"{field}[{index}]", each, kind) for index, each in enumerate(frozen))
    return frozen


def freeze_part(field: str, value: object, kind: type[Kind]) -> Kind:
    """Return a part of an event as one of exactly the type that this package defines, checked by that type.

    Raises:
        EventError: The value isn't of that type, nor of a subclass.
    """
    if type(value) is kind:
        return value
    check_kind(field, value, kind)
    return kind(**{part.name: getattr(value, part.name) for part in fields(kind)})  # type: ignore[arg-type]


def check_kind(field: str, value: object, kind: type) -> None:
    """Check that a value is of a type of this package.

    Raises:
        EventError: It isn't.
    """
    if not isinstance(value, kind):
        raise EventError(field, f"must be {_article(kind)} {kind.__name__}, not {type(value).__name__}")


def _article(kind: type) -> str:
    return "an" if kind.__name__[0] in "AEIOU" else "a"
