"""The attributes of an event: a read-only mapping of texts that can be pickled and copied."""

from collections.abc import ItemsView, Iterator, Mapping
from itertools import islice

from auditseal_schemas.errors import EventError
from auditseal_schemas.event_check import MAX_ITEMS, MAX_TEXT_BYTES, check_text


class Attributes(Mapping[str, str]):
    """Texts by key, in the order of the keys' UTF-8 bytes. `types.MappingProxyType` can't be pickled."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Mapping[str, str]) -> None:
        # Code point order, which is the order of the UTF-8 bytes.
        self._texts = dict(sorted(texts.items())) if len(texts) > 1 else dict(texts)

    def __getitem__(self, key: str) -> str:
        return self._texts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __repr__(self) -> str:
        return repr(self._texts)

    def __reduce__(self) -> tuple[type["Attributes"], tuple[dict[str, str]]]:
        return Attributes, (self._texts,)

    def items(self) -> ItemsView[str, str]:
        """Return the pairs, in order."""
        return self._texts.items()


NO_ATTRIBUTES = Attributes({})


def freeze_attributes(attributes: object) -> Attributes:
    """Walk a mapping once, and return its texts as a mapping of their own, checked.

    Raises:
        EventError: A key or a value isn't a text within the limits, a key comes twice, or there are too many.
    """
    if type(attributes) is not dict and not isinstance(attributes, Mapping):
        raise EventError("attributes", f"must be a mapping of text to text, not {type(attributes).__name__}")
    count, texts = 0, dict[str, str]()
    for key, value in islice(attributes.items(), MAX_ITEMS + 1):
        count += 1
        if not (type(key) is str and 0 < len(key) <= MAX_TEXT_BYTES and key.isascii()):
            check_text("attributes (a key)", key, least=1)
        if not (type(value) is str and len(value) <= MAX_TEXT_BYTES and value.isascii()):
            check_text("attributes (a value)", value, least=0)
        texts[str.__str__(key)] = str.__str__(value)
    if count > MAX_ITEMS:
        raise EventError("attributes", f"has more than {MAX_ITEMS} items: leave some out")
    if count > len(texts):
        raise EventError("attributes", "has a key twice")
    return Attributes(texts)
