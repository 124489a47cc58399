"""Counts answers file by file of the index. A file never changes, so its counts are kept for the next answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from auditseal_explorer.counts import VALUES, Counts, Facet, PartCounts, join_counts
from auditseal_explorer.kept import Kept
from auditseal_explorer.timeline import unit_for
from auditseal_search.encoded_columns import EncodedColumns
from auditseal_search.gathered import Gathered
from auditseal_search.query_fields import FIELDS, Kind
from auditseal_search.row_source import IndexedFile
from auditseal_search.searcher import Searcher
from auditseal_search.tallies import LONGEST, Tallies

FACETS = ("outcome", "category", "action", "actor", "service", "resource.type", "tenant", "problem")
"""The fields whose most frequent values a page counts."""
MOST_VALUES = 5_000
"""Different values of a field up to which they are counted file by file. A field that has more, or a very long one, is
counted in all files at once: DuckDB holds its values then, within its bound of memory."""
MOST_LISTED = 2_000_000
"""Rows of the index's files up to which the values of lists are counted, such as `resource.type`: DuckDB reads a list
with all its parts, which takes as long as all other counts of a page together."""
MOST_ENCODED = 1 << 30
"""Bytes of temporary files in which the columns of the index's files are encoded, about: those of 60,000,000 rows."""
_KEPT_BYTES = 24 << 20
_VALUE_BYTES = 160  # of a value and its number, next to the value's characters


@dataclass(frozen=True, slots=True)
class Counted:
    """An answer that was counted.

    Attributes:
        counts: Its counts.
        files: The index's files that have a hit.
    """

    counts: Counts
    files: frozenset[IndexedFile]


class Counting:
    """Counts answers, for many threads.

    The counts of a file depend on its bytes, which its SHA-256 names, and on the filter, of which the tenants that an
    auditor may see are a part.

    Args:
        search: Gives a searcher of some rows when there is room for another search.
    """

    def __init__(self, search: Callable[[Gathered], AbstractContextManager[Searcher]]) -> None:
        self._search = search
        self._parts = Kept[PartCounts](_KEPT_BYTES, _size)
        self._encoded = dict[str, EncodedColumns | None]()
        self._facets = Kept[Facet](_KEPT_BYTES, lambda facet: sum(len(text) + _VALUE_BYTES for text, _ in facet.values))

    def of(self, found: Gathered) -> Counted:
        """Count the rows that match.

        Raises:
            UnavailableError: A file of the index can't be read.
        """
        files = {file: self.of_file(file, rows, found) for file, rows in found.by_file()}
        parts = [*files.values(), self._count(found.unindexed(), _fields(found))]
        unknown = set[str]().union(*(part.unknown for part in parts))
        counts = join_counts(parts, {field: self._facet(found, field) for field in unknown})
        return Counted(counts, frozenset(file for file, part in files.items() if part.total))

    def of_file(self, file: IndexedFile, rows: Gathered, found: Gathered) -> PartCounts:
        """Count the rows of one file.

        Args:
            file: The file.
            rows: Its rows.
            found: The rows of the whole answer.

        Raises:
            UnavailableError: The file can't be read.
        """
        fields = _fields(found)
        return self._parts.of((file.sha256, rows.condition, fields), partial(self._count_file, file, rows, fields))

    def encode(self, found: Gathered) -> Iterator[IndexedFile]:
        """Encode the columns of each file that is not encoded yet, the newest first, and yield the file after that.

        Those of files that are gone are forgotten. An index of few rows is counted without that: see `MOST_LISTED`.

        Raises:
            UnavailableError: A file can't be read, or a temporary file can't be written.
        """
        fields, files = _fields(found), list(found.by_file())
        for gone in self._encoded.keys() - {file.sha256 for file, _ in files}:
            del self._encoded[gone]
        if any(FIELDS[field].kind is Kind.LIST for field in fields):
            return
        for file, rows in reversed(files):
            if file.sha256 not in self._encoded and file.rows and self._encoded_bytes < MOST_ENCODED:
                with self._search(rows) as searcher:
                    self._encoded[file.sha256] = searcher.encode(fields)
                yield file

    @property
    def _encoded_bytes(self) -> int:
        return sum(one.size for one in self._encoded.values() if one)

    def _count_file(self, file: IndexedFile, rows: Gathered, fields: tuple[str, ...]) -> PartCounts:
        encoded = self._encoded.get(file.sha256)
        if encoded is None or not encoded.covers(fields):
            return self._count(rows, fields)
        with self._search(rows) as searcher:
            return _part(encoded.tallies(searcher.row_numbers(), fields, MOST_VALUES + 1, unit_for))

    def _count(self, rows: Gathered, fields: tuple[str, ...]) -> PartCounts:
        if not rows.has_rows:
            return PartCounts(0, None, {}, {field: {} for field in fields})
        with self._search(rows) as searcher:
            return _part(searcher.tallies(fields, MOST_VALUES + 1, unit_for))

    def _facet(self, found: Gathered, field: str) -> Facet:
        """Count the values of a field in all rows at once."""

        def count() -> Facet:
            with self._search(found) as searcher:
                counts = searcher.counts_by(field, VALUES + 1)
            return Facet.of(field, {value: number for value, number in counts if value is not None})

        return self._facets.of((found.condition, found.account.logs, field), count)


def _fields(found: Gathered) -> tuple[str, ...]:
    """Return the fields that are counted."""
    return tuple(one for one in FACETS if FIELDS[one].kind is not Kind.LIST or found.indexed_rows <= MOST_LISTED)


def _part(tallies: Tallies) -> PartCounts:
    values = {field: _all_of(counts) for field, counts in tallies.counts.items()}
    return PartCounts(tallies.total, tallies.span, dict(tallies.bars), values)


def _all_of(counts: Sequence[tuple[str, int]]) -> Mapping[str, int] | None:
    """Return the number of each value, None where there are too many values or one is too long."""
    is_whole = len(counts) <= MOST_VALUES and all(len(value) <= LONGEST for value, _ in counts)
    return dict(counts) if is_whole else None


def _size(part: PartCounts) -> int:
    texts = [text for values in part.values.values() for text in values or ()]
    return sum(map(len, texts)) + _VALUE_BYTES * (len(texts) + len(part.bars) + 1)
