"""The checks that the parts of an event share, and the limits they keep (docs/reference/events.md, Limits)."""

from collections.abc import Iterable

from auditseal_schemas.errors import EventError

MAX_TEXT_BYTES = 256 * 1024
"""UTF-8 bytes of any one text in an event."""

MAX_ITEMS = 1_000
"""Resources, changes or attributes of one event."""


def check_texts(owner: str, **texts: object) -> None:
    """Check texts that must be there: not empty, encodable, within MAX_TEXT_BYTES.

    Raises:
        EventError: One isn't; its field is `<owner>.<name>`, or `<name>` where the owner is empty.
    """
    for name, text in texts.items():
        # Written out, here and below: record() checks some fifteen texts, nearly all of them short and ASCII.
        if not (isinstance(text, str) and 0 < len(text) <= MAX_TEXT_BYTES and text.isascii()):
            check_text(_path(owner, name), text, least=1)


def check_optional_texts(owner: str, **texts: object) -> None:
    """Check texts that may be None or empty; as `check_texts` otherwise.

    Raises:
        EventError: As `check_texts`.
    """
    for name, text in texts.items():
        if text is not None and not (isinstance(text, str) and len(text) <= MAX_TEXT_BYTES and text.isascii()):
            check_text(_path(owner, name), text, least=0)


def check_text(field: str, text: object, *, least: int) -> None:
    """Check one text: `least` to MAX_TEXT_BYTES bytes of UTF-8.

    Raises:
        EventError: It isn't.
    """
    if not isinstance(text, str):
        raise EventError(field, f"must be text, not {type(text).__name__}")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise EventError(field, f"has an unpaired surrogate at index {error.start}: it can't be UTF-8") from error
    if size < least:
        raise EventError(field, "must not be empty")
    if size > MAX_TEXT_BYTES:
        raise EventError(field, f"takes {size} bytes; at most {MAX_TEXT_BYTES} are allowed: shorten it")


def freeze_items(field: str, items: object, kind: type, *, least: int) -> tuple[object, ...]:
    """Return a sequence's items as a tuple of their own, checked: each of the kind, `least` to MAX_ITEMS of them.

    Raises:
        EventError: They aren't so.
    """
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise EventError(field, f"must be a sequence of {kind.__name__}, not {type(items).__name__}")
    frozen = tuple(items)
    if not least <= len(frozen) <= MAX_ITEMS:
        raise EventError(field, f"has {len(frozen)} items; {least} to {MAX_ITEMS} are allowed")
    for index, item in enumerate(frozen):
        if not isinstance(item, kind):
            check_kind(f"{field}[{index}]", item, kind)
    return frozen


def check_kind(field: str, value: object, kind: type) -> None:
    """Check that a value is of a type of this package.

    Raises:
        EventError: It isn't.
    """
    if not isinstance(value, kind):
        raise EventError(field, f"must be {_article(kind)} {kind.__name__}, not {type(value).__name__}")


def check_optional_kind(field: str, value: object, kind: type) -> None:
    """Check that a value is None or of a type of this package.

    Raises:
        EventError: It isn't.
    """
    if value is not None:
        check_kind(field, value, kind)


def _path(owner: str, name: str) -> str:
    return f"{owner}.{name}" if owner else name


def _article(kind: type) -> str:
    return "an" if kind.__name__[0] in "AEIOU" else "a"
