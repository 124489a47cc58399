"""The entry of an index log: read as written, and strictly."""

from dataclasses import replace

import pytest

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.index_segment import MAX_ENTRY_BYTES, IndexSegment
from auditseal_schemas.merkle import leaf_hash
from auditseal_schemas.term_tree import TermsTree
from tests.factory.plain_index import PlainSegment, event_log
from tests.factory.vaults import ORIGINS

BLOCKS = event_log(ORIGINS[0], (4, 3))
ENTRY = PlainSegment.of(BLOCKS).entry


def test_an_entry_is_read_as_it_was_written() -> None:
    data = ENTRY.format()
    assert IndexSegment.parse(data) == ENTRY
    assert (ENTRY.head, ENTRY.last_height) == (BLOCKS[1].checkpoint, 1)
    assert ENTRY.leaf == leaf_hash(data)
    assert ENTRY.tree == TermsTree(ENTRY.terms, ENTRY.terms_root)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"version": 0}, "segment.version"),
        ({"version": 2}, "segment.version"),
        ({"first_height": -1}, "segment.first_height"),
        ({"first_height": 2}, "segment.first_height"),
        ({"first_offset": -1}, "segment.first_offset"),
        ({"first_offset": 8}, "segment.first_offset"),
        ({"rows": -1}, "segment.rows"),
        ({"problems": -1}, "segment.rows"),
        ({"file_bytes": -1}, "segment.rows"),
        ({"terms": -1}, "segment.rows"),
        ({"checkpoint": b"x"}, "note"),
        ({"checkpoint": ENTRY.checkpoint.replace(b"\n2\n", b"\n9999999999999\n")}, "segment.first_height"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_malformed(changes: dict[str, object], field: str) -> None:
    with pytest.raises(MalformedError) as caught:
        IndexSegment.parse(replace(ENTRY, **changes).format())
    assert caught.value.field == field


def test_bounds_that_just_hold() -> None:
    highest = ENTRY.checkpoint.replace(b"\n2\n", b"\n1000000000000\n")
    none = {"rows": 0, "problems": 0, "file_bytes": 0, "terms": 0}
    for changes in ({"first_height": 1}, {"first_offset": 7}, {"checkpoint": highest}, none):
        entry = replace(ENTRY, **changes)
        assert IndexSegment.parse(entry.format()) == entry


def test_an_entry_fits_the_two_bytes_of_its_length() -> None:
    with pytest.raises(MalformedError, match="exceeds 65535"):
        IndexSegment.parse(bytes(MAX_ENTRY_BYTES + 1))
    with pytest.raises(MalformedError, match="index_segment"):
        IndexSegment.parse(bytes(MAX_ENTRY_BYTES))
