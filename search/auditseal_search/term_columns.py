"""Where the columns of an index hold the values of terms; `auditseal_schemas.term` says the same of events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditseal_schemas.term import PROBLEM, TERM_FIELDS


@dataclass(frozen=True, slots=True)
class TermColumn:
    """The place of a field's values.

    Attributes:
        column: The column.
        member: The member of each item, where the column is a list; None for a column of single values.
    """

    column: str
    member: str | None = None

    def value(self, row: Mapping[str, Any], item: int) -> str:
        """Return one value of a row that has it.

        Args:
            row: The row's columns.
            item: The number of the item in a list, 0 for a column of single values.
        """
        value = row[self.column] if self.member is None else row[self.column][item][self.member]
        return str(value).lower() if isinstance(value, bool) else str(value)


TERM_COLUMNS: Mapping[str, TermColumn] = {
    "event_id": TermColumn("event_id"),
    "event_type": TermColumn("event_type"),
    "tenant": TermColumn("tenant"),
    "category": TermColumn("category"),
    "service": TermColumn("service"),
    "environment": TermColumn("environment"),
    "region": TermColumn("region"),
    "actor.type": TermColumn("actor_type"),
    "actor.id": TermColumn("actor_id"),
    "actor.name": TermColumn("actor_name"),
    "session": TermColumn("session_id"),
    "on_behalf_of": TermColumn("on_behalf_of"),
    "ip": TermColumn("ip"),
    "action": TermColumn("action"),
    "resource.type": TermColumn("resources", "type"),
    "resource.id": TermColumn("resources", "id"),
    "resource.parent": TermColumn("resources", "parent"),
    "outcome": TermColumn("outcome"),
    "status": TermColumn("status_code"),
    "reason": TermColumn("reason_code"),
    "granted": TermColumn("granted"),
    "change": TermColumn("changes", "field"),
    "trace": TermColumn("trace_id"),
    "correlation": TermColumn("correlation_id"),
    "stream": TermColumn("stream_id"),
    PROBLEM: TermColumn("problem"),
}
NUMBERS = {name: number for number, name in enumerate(TERM_FIELDS)}
"""The number by which a terms file names a field."""
