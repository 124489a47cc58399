"""What is left of a filter for the rows of one file of an index, whose log, heights and times are known.

A comparison that holds for each of these rows, or for none of them, is left out. So a question up to a head, which
bounds the height, has the same filter for a file below that head as the question without a bound. And a question for
the last seven days has the same filter for a file of yesterday, whenever it is asked.
"""

from dataclasses import replace
from operator import ge, gt, le, lt

from auditseal_schemas.origin import Origin
from auditseal_search.query import All, AnyOf, Comparison, Condition, Not
from auditseal_search.row_source import IndexedFile

EVERYTHING, NOTHING = All(), AnyOf(())
"""The filters that hold for each row and for none."""
_ORDER = {"<": lt, "<=": le, ">": gt, ">=": ge}


def rest_of(condition: Condition, origin: Origin, file: IndexedFile) -> Condition:
    """Return a filter that holds for the same rows of a file as another one, with fewer comparisons where that is so.

    Args:
        condition: The other one.
        origin: The log.
        file: The file.
    """
    match condition:
        case All(parts):
            return _joined(All, [rest_of(part, origin, file) for part in parts], EVERYTHING, NOTHING)
        case AnyOf(parts):
            return _joined(AnyOf, [rest_of(part, origin, file) for part in parts], NOTHING, EVERYTHING)
        case Not(part):
            return _opposite(rest_of(part, origin, file))
        case Comparison():
            return _compared(condition, origin, file)


def _joined(kind: type[All | AnyOf], parts: list[Condition], neutral: Condition, deciding: Condition) -> Condition:
    """Return parts joined by `and` or `or`: without those that change nothing, or the one that decides it."""
    if deciding in parts:
        return deciding
    left = tuple(part for part in parts if part != neutral)
    return left[0] if len(left) == 1 else kind(left)


def _opposite(part: Condition) -> Condition:
    return NOTHING if part == EVERYTHING else EVERYTHING if part == NOTHING else Not(part)


def _compared(comparison: Comparison, origin: Origin, file: IndexedFile) -> Condition:
    """Return what is left of one comparison. A row has a log and a height always, and a time perhaps."""
    match comparison.field.name, comparison.operator:
        case "origin", "=":
            return EVERYTHING if str(origin) in comparison.values else NOTHING
        case "height", "<" | "<=" | ">" | ">=":
            decided = _decided(comparison, file.heights[0], file.heights[-1])
            return comparison if decided is None else EVERYTHING if decided else NOTHING
        case "time", "<" | "<=" | ">" | ">=" if file.least is not None and file.greatest is not None:
            decided = _decided(comparison, file.least, file.greatest)
            timed = replace(comparison, operator="exists", values=())
            return comparison if decided is None else timed if decided else NOTHING
    return comparison


def _decided(comparison: Comparison, least: int, greatest: int) -> bool | None:
    """Return what a comparison says of all numbers from one to another; None where it says different things."""
    (value,) = map(int, comparison.values)
    holds = _ORDER[comparison.operator]
    at_ends = {holds(least, value), holds(greatest, value)}
    return at_ends.pop() if len(at_ends) == 1 else None
