"""The rows that an answer can have, with all that searching them needs."""

from collections.abc import Sequence
from dataclasses import dataclass

from auditseal_search.answer import Account
from auditseal_search.index_store import IndexStore
from auditseal_search.query import Condition
from auditseal_search.row_source import LogRows
from auditseal_search.searcher import Searcher


@dataclass(frozen=True, slots=True)
class Gathered:
    """The rows that can match a filter, and what they account for.

    Attributes:
        index: Where the rows' files are; None where all rows are in memory.
        condition: The filter.
        logs: The rows.
        account: What they account for.
    """

    index: IndexStore | None
    condition: Condition
    logs: Sequence[LogRows]
    account: Account

    def searcher(self) -> Searcher:
        """Return a searcher of the rows that match."""
        return Searcher(self.index, self.logs, self.condition)

    @property
    def files(self) -> list[str]:
        """The places of the index's files."""
        return [file.location for log in self.logs for file in log.files]

    @property
    def indexed_rows(self) -> int:
        """How many rows the index's files have, matches and others."""
        return sum(file.rows for log in self.logs for file in log.files)
