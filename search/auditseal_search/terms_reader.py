"""Reads a segment's terms tree from its files, and proves from it that a term is there or not."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.merkle import inclusion_path, tree_root
from auditseal_schemas.postings import decode_postings
from auditseal_schemas.term import TERM_FIELDS, Term
from auditseal_schemas.term_tree import Absent, Present, TermLeaf, TermsTree, absent, committed_postings
from auditseal_search.errors import BrokenIndexError
from auditseal_search.term_columns import TERM_COLUMNS
from auditseal_search.terms_file import GROUP, ROW_GROUP, TERMS

_AGAIN = "build the index again"

Entry = tuple[Term, bytes]
"""A term and its postings."""
Answer = tuple[tuple[Present, ...], tuple[int, Absent] | None]
"""The proofs that all terms are there; or no such proof, and the number and the proof of one that is not."""


class TermsReader:
    """The terms tree of one segment. Whatever it returns leads to the root that was signed.

    Args:
        rows: The segment's Parquet file: a path or a file object.
        terms: Its terms file.
        tree: The tree that was signed.
        offsets: The first and the last Kafka offset of the segment.

    Raises:
        BrokenIndexError: The terms file is not the one of the tree.
    """

    def __init__(self, rows: Any, terms: Any, tree: TermsTree, offsets: tuple[int, int]) -> None:
        self._tree, self._offsets = tree, offsets
        try:
            self._rows, self._terms = pq.ParquetFile(rows), pq.ParquetFile(terms)
        except (pa.ArrowException, OSError) as error:
            raise BrokenIndexError(f"a segment's files can't be read: {error}; {_AGAIN}") from error
        is_whole = self._terms.schema_arrow.equals(TERMS) and self._terms.metadata.num_rows == tree.size
        if not is_whole or tree_root(self.nodes) != tree.root:
            raise BrokenIndexError(f"a segment's terms file has other terms than were signed: {_AGAIN}")
        self._groups: dict[int, list[Entry]] = {}

    def answer(self, terms: Sequence[Term]) -> Answer:
        """Return the proof that all terms are there, or that one of them is not.

        Raises:
            BrokenIndexError: The segment's files are not those that were signed.
        """
        places = [self._place(term.key) for term in terms]
        for number, (place, is_there) in enumerate(places):
            if not is_there:
                return (), (number, self._absent(place))
        return tuple(self._present(place) for place, _ in places), None

    @cached_property
    def _sparse(self) -> pa.Table:
        table = self._terms.read(columns=["key", "node"])
        return table.filter(pc.is_valid(table["node"]))

    @cached_property
    def nodes(self) -> list[bytes]:
        """The roots of the groups."""
        nodes: list[bytes] = self._sparse["node"].to_pylist()
        return nodes

    @cached_property
    def _firsts(self) -> list[bytes]:
        firsts: list[bytes] = self._sparse["key"].to_pylist()
        return firsts

    def _place(self, key: bytes) -> tuple[int, bool]:
        """Return how many keys are lower, and whether the next one is this one."""
        number = bisect_right(self._firsts, key) - 1
        if number < 0:
            return 0, False
        keys = [term.key for term, _ in self.group(number)]
        place = bisect_left(keys, key)
        return GROUP * number + place, place < len(keys) and keys[place] == key

    def _present(self, place: int) -> Present:
        return Present(place, self._entry(place)[1], tuple(self._path(place)))

    def _absent(self, place: int) -> Absent:
        near = [number for number in (place - 1, place) if 0 <= number < self._tree.size]
        leaves = [self._leaf(number) for number in near]
        return absent(place, self._tree.size, leaves, [self._path(number) for number in near])

    def _path(self, place: int) -> list[bytes]:
        return inclusion_path(place, self._tree.size, self._root)

    def _root(self, start: int, end: int) -> bytes:
        """Return the root over a range as RFC 6962 splits a tree: of whole groups, or within one group."""
        if start % GROUP or (end % GROUP and end != self._tree.size):
            return tree_root([self._leaf(number).hash for number in range(start, end)])
        return tree_root(self.nodes[start // GROUP : -(-end // GROUP)])

    def _leaf(self, place: int) -> TermLeaf:
        return _leaf_of(*self._entry(place))

    def _entry(self, place: int) -> Entry:
        return self.group(place // GROUP)[place % GROUP]

    def group(self, number: int) -> list[Entry]:
        """Return the terms of a group, in the order of the tree.

        Raises:
            BrokenIndexError: The segment's files are not those that were signed.
        """
        if number not in self._groups:
            try:
                entries = self._read_group(number)
            except (pa.ArrowException, MalformedError, LookupError, StopIteration, TypeError) as error:
                raise BrokenIndexError(f"a segment's files don't fit each other: {error!r}; {_AGAIN}") from error
            leaves = [_leaf_of(term, data).hash for term, data in entries]
            if tree_root(leaves) != self.nodes[number]:
                raise BrokenIndexError(f"a segment's rows have other terms than were signed: {_AGAIN}")
            self._groups[number] = entries
        return self._groups[number]

    def _read_group(self, number: int) -> list[Entry]:
        """Return the terms of a group, whose values are in the first row that has each."""
        table = self._group_rows(number)
        fields = [TERM_FIELDS[field] for field in table["field"].to_pylist()]
        postings = table["postings"].to_pylist()
        firsts = [self._first_offset(data) for data in postings]
        rows = self._find_rows(firsts, {TERM_COLUMNS[field].column for field in fields})
        return [
            (Term(field, TERM_COLUMNS[field].value(rows[offset], item)), data)
            for field, item, offset, data in zip(fields, table["item"].to_pylist(), firsts, postings, strict=True)
        ]

    def _first_offset(self, postings: bytes) -> int:
        end = next(place for place, byte in enumerate(postings) if byte < 0x80) + 1
        return decode_postings(postings[:end], *self._offsets)[0]

    def _group_rows(self, number: int) -> pa.Table:
        group, start = divmod(GROUP * number, ROW_GROUP)
        return self._terms.read_row_group(group, columns=["field", "item", "postings"]).slice(start, GROUP)

    def _find_rows(self, offsets: Sequence[int], columns: set[str]) -> dict[int, dict[str, Any]]:
        """Return the rows at some offsets, with these columns alone."""
        wanted, found = np.unique(np.array(offsets, np.int64)), dict[int, dict[str, Any]]()
        for group, known in enumerate(self._known_offsets):
            here = wanted[np.isin(wanted, known)]
            if len(here):
                table = self._rows.read_row_group(group, columns=sorted(columns))
                rows = table.take(pa.array(np.searchsorted(known, here))).to_pylist()
                found |= dict(zip(here.tolist(), rows, strict=True))
        return found

    @cached_property
    def _known_offsets(self) -> list[Any]:
        """The offsets of each row group."""
        groups = range(self._rows.metadata.num_row_groups)
        return [np.asarray(self._rows.read_row_group(group, columns=["offset"])["offset"]) for group in groups]


def _leaf_of(term: Term, postings: bytes) -> TermLeaf:
    return TermLeaf(term.key, committed_postings(postings))
