"""The comma-separated fields of a text, within quotes where they have to be (RFC 4180)."""

import re

from auditseal_schemas.errors import EventError

_FIELD = re.compile(r'(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\Z)')


def csv_fields(text: str, where: str) -> list[str]:
    """Return the fields; one within quotes may have line breaks.

    The csv module is not used: its limit for a field, 128 KiB, holds for the whole process.

    Args:
        text: One record, without the line break that ends it.
        where: What the text is, for the error.

    Raises:
        EventError: A quote is open, or where none may be.
    """
    found, at, separator = list[str](), 0, ","
    while separator:
        field = _FIELD.match(text, at)
        if field is None:
            raise EventError(where, f"is not comma-separated from character {at} on: it is cut")
        quoted_text, bare, separator = field.groups()
        found.append(bare if quoted_text is None else quoted_text.replace('""', '"'))
        at = field.end()
    return found
