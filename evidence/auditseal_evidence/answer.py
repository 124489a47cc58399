"""The answer of a search as a case: what it covers, and where its events are."""

from collections.abc import Iterator

from auditseal_evidence.case import Case, CoveredLog, Place
from auditseal_schemas.origin import Origin
from auditseal_search.answer import Account
from auditseal_search.searcher import Searcher


def case_of(name: str, query: str, account: Account, events: int) -> Case:
    """Return the case of an answer.

    Args:
        name: The name of the case.
        query: The filter as it was typed.
        account: The grade, and the covered heights.
        events: How many events there are.
    """
    logs = (
        CoveredLog(log.origin, log.size, log.root, tuple(map(str, log.gaps)))
        for log in sorted(account.logs, key=lambda log: str(log.origin))
    )
    return Case(name, query, account.grade.value, tuple(logs), events, account.notes)


def places_of(searcher: Searcher) -> Iterator[Place]:
    """Yield where the hits of a search are, in the order in which a pack takes them."""
    for origin, height, index, offset in searcher.places():
        yield Place(Origin.parse(origin), height, index, offset)
