"""Mutations of an Avro value: it is decoded, one field of it is changed, and it is encoded again."""

from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Any

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.schema import decode_value, encode_value
from tests.fuzz.edit import LONGS, Edit


def mutate_avro(schema: str, prefix: bytes, donors: Sequence[bytes], data: bytes, random: Random, edit: Edit) -> bytes:
    """Return the encoding of the value with a field changed; edited bytes if the data or the change are not a value.

    Args:
        schema: The packaged schema's name.
        prefix: The bytes before the value.
        donors: Encoded values, whose fields are put in the place of the value's.
        data: The prefix and the value.
        random: Where chance comes from.
        edit: For the smallest parts.
    """
    if random.random() < 0.25:
        return edit(data)
    try:
        value = decode_value(schema, data.removeprefix(prefix))
    except MalformedError:
        return edit(data)
    field = random.choice(list(value))
    if random.random() < 0.25:
        value[field] = decode_value(schema, random.choice(donors).removeprefix(prefix))[field]
    else:
        value[field] = _changed(value[field], random, edit)
    try:
        return prefix + encode_value(schema, value)
    except (ValueError, TypeError, OverflowError, AttributeError, UnicodeEncodeError):
        return edit(data)  # the change doesn't fit the schema


def _changed(value: Any, random: Random, edit: Edit) -> Any:  # noqa: PLR0911  (one for each kind)
    match value:
        case bool():
            return not value
        case int():
            return random.choice((value + 1, value - 1, random.choice(LONGS)))
        case str():
            return edit(value.encode()).decode(errors="ignore")
        case bytes():
            return edit(value)
        case list():
            return _changed_list(value, random, partial(_changed, random=random, edit=edit))
        case dict() if value:
            key = random.choice(list(value))
            return value | {key: _changed(value[key], random, edit)}
    return random.choice((None, "text", random.choice(LONGS)))


def _changed_list(items: list[Any], random: Random, change: partial[Any]) -> list[Any]:
    if not items:
        return items
    at = random.randrange(len(items))
    match random.randrange(5):
        case 0:
            return items[:at] + items[at + 1 :]
        case 1:
            return items * random.choice((2, 2, 2, 40))
        case 2:
            return items[::-1]
    return [*items[:at], change(items[at]), *items[at + 1 :]]
