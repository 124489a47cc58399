"""The rows that an answer can have, with all that searching them needs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from auditseal_search.answer import Account
from auditseal_search.database import Database
from auditseal_search.query import Condition
from auditseal_search.query_rest import NOTHING, rest_of
from auditseal_search.row_source import IndexedFile, LogRows
from auditseal_search.searcher import Searcher


@dataclass(frozen=True, slots=True)
class Gathered:
    """The rows that can match a filter, and what they account for.

    Attributes:
        database: Reads the index's files.
        condition: The filter.
        logs: The rows.
        account: What they account for.
    """

    database: Database
    condition: Condition
    logs: Sequence[LogRows]
    account: Account

    def searcher(self) -> Searcher:
        """Return a searcher of the rows that match."""
        return Searcher(self.database, self.logs, self.condition)

    @property
    def files(self) -> list[str]:
        """The places of the index's files."""
        return [file.location for log in self.logs for file in log.files]

    @property
    def has_rows(self) -> bool:
        """Whether there is any row to search."""
        return any(log.files or any(len(table) for table in log.tables) for log in self.logs)

    @property
    def indexed_rows(self) -> int:
        """How many rows the index's files have, matches and others."""
        return sum(file.rows for log in self.logs for file in log.files)

    def by_file(self) -> Iterator[tuple[IndexedFile, "Gathered"]]:
        """Yield the rows of each file of the index that can match, with what is left of the filter for them."""
        for log in self.logs:
            for file in log.files:
                condition = rest_of(self.condition, log.origin, file)
                if condition != NOTHING:
                    yield file, replace(self, condition=condition, logs=[replace(log, files=(file,), tables=())])

    def unindexed(self) -> "Gathered":
        """Return the rows that were read from the vault."""
        return replace(self, logs=[replace(log, files=()) for log in self.logs])

    def among(self, is_wanted: Callable[[IndexedFile], bool]) -> "Gathered":
        """Return the rows of some files of the index, and those that were read from the vault."""
        return replace(self, logs=[replace(log, files=tuple(filter(is_wanted, log.files))) for log in self.logs])
