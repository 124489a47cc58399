"""A segment's terms file: its terms tree without the terms themselves, which the segment's rows hold.

It is Parquet with one row for each term, in the order of the tree (docs/reference/index-files.md). A term's key is made
again from the first record that has it. Each group of 64 terms has the key of its first term and the root of its
leaves, so that few keys have to be made for a proof.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from auditseal_schemas.merkle import tree_root
from auditseal_schemas.term_tree import TermsTree, committed_postings
from auditseal_search.term_columns import NUMBERS, TERM_COLUMNS
from auditseal_search.term_postings import FieldTerms, field_terms

GROUP = 64
"""Terms of a group."""
TERMS = pa.schema(
    [
        pa.field("field", pa.uint8(), nullable=False),
        pa.field("item", pa.int32(), nullable=False),
        pa.field("postings", pa.large_binary(), nullable=False),
        pa.field("key", pa.binary(32)),
        pa.field("node", pa.binary(32)),
    ]
)
"""The columns of a terms file; `key` and `node` are null except in the first row of a group."""
ROW_GROUP = 1 << 16
"""Terms of a Parquet row group: whole groups."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """Terms of a segment: rows of 32 bytes, and an entry for each in the other arrays."""

    keys: Any
    fields: Any
    items: Any
    postings: pa.LargeBinaryArray

    def take(self, order: Any) -> "_Terms":
        """Return some of them, in an order."""
        return _Terms(self.keys[order], self.fields[order], self.items[order], self.postings.take(pa.array(order)))


def write_terms(segment: Any, first_offset: int, terms: Path) -> TermsTree:
    """Write the terms file of a segment, and return its tree.

    Args:
        segment: The segment's Parquet file: a path or a file object.
        first_offset: The first Kafka offset that it covers.
        terms: Where to write.
    """
    found = _joined(list(_read_fields(segment, first_offset)))
    order, nodes = _key_order(found.keys), list[bytes]()
    with pq.ParquetWriter(
        terms, TERMS, compression="zstd", use_dictionary=False, column_encoding={"postings": "DELTA_LENGTH_BYTE_ARRAY"}
    ) as writer:
        for start in range(0, len(order), ROW_GROUP):
            part = found.take(order[start : start + ROW_GROUP])
            roots = _group_roots(part)
            nodes += roots
            writer.write_table(_rows(part, roots))
    return TermsTree(len(order), tree_root(nodes))


def _read_fields(segment: Any, first_offset: int) -> Iterator[tuple[int, FieldTerms]]:
    """Yield the terms of each field with its number, a column at a time."""
    file = pq.ParquetFile(segment)
    offsets = np.asarray(file.read(columns=["offset"])["offset"]) - first_offset
    for field, place in TERM_COLUMNS.items():
        name = place.column if place.member is None else f"{place.column}.list.element.{place.member}"
        yield NUMBERS[field], field_terms(field, place, file.read(columns=[name])[place.column], offsets)
        pa.default_memory_pool().release_unused()


def _joined(found: list[tuple[int, FieldTerms]]) -> _Terms:
    """Put the terms of all fields together; `found` is emptied, since a large segment has some 100 MB of keys."""
    counts = [len(terms.keys) for _, terms in found]
    fields = np.repeat(np.array([number for number, _ in found], np.uint8), counts)
    keys, items = np.empty((len(fields), 32), np.uint8), np.empty(len(fields), np.int32)
    postings, start = list[pa.LargeBinaryArray](), 0
    for count in counts:
        _, terms = found.pop(0)
        keys[start : start + count], items[start : start + count] = terms.keys, terms.items
        postings.append(terms.postings)
        start += count
    return _Terms(keys, fields, items, pa.concat_arrays(postings))


def _key_order(keys: Any) -> Any:
    """Return the order of keys; their first 8 bytes decide, unless somebody made some of them equal."""
    words = keys.view(">u8")
    first = words[:, 0].astype(np.uint64)
    order = np.argsort(first)
    if (np.diff(first[order]) == 0).any():
        return np.lexsort(words.T[::-1])
    return order


def _group_roots(part: _Terms) -> list[bytes]:
    """Return the roots of the groups of one row group: its leaves, combined six times."""
    keys = part.keys.tobytes()
    level = [
        sha256(b"\x00" + keys[32 * number : 32 * number + 32] + committed_postings(data)).digest()
        for number, data in enumerate(part.postings.to_pylist())
    ]
    for _ in range(GROUP.bit_length() - 1):
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs] + level[len(level) & ~1 :]
    return level


def _rows(part: _Terms, roots: list[bytes]) -> pa.Table:
    count = len(part.keys)
    firsts = [key.tobytes() for key in part.keys[::GROUP]]
    return pa.table(
        [part.fields, part.items, part.postings, _sparse(firsts, count), _sparse(roots, count)], schema=TERMS
    )


def _sparse(values: list[bytes], count: int) -> pa.Array:
    """Return a column that has these values in the first rows of the groups, and null elsewhere."""
    places = np.arange(count)
    return pa.array(values, pa.binary(32)).take(pa.array(places // GROUP, mask=places % GROUP != 0))
