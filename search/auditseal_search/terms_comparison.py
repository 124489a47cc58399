"""The first term about which two terms trees of one segment differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from auditseal_schemas.index_segment import IndexSegment
from auditseal_schemas.postings import decode_postings
from auditseal_schemas.term import Term
from auditseal_search.terms_reader import Entry, TermsReader


@dataclass(frozen=True, slots=True)
class Difference:
    """A term and the offset of a record that only one of the trees has for it."""

    term: Term
    offset: int


def first_difference(truth: TermsReader, claim: TermsReader, entry: IndexSegment) -> Difference | None:
    """Return the first difference, None where the terms are the same.

    All groups before the first one that differs have the same terms. So one group of each tree is read.

    Args:
        truth: The terms that the blocks make.
        claim: Those that were signed.
        entry: The segment, by whose offsets both are encoded.

    Raises:
        BrokenIndexError: The files of the claim are not those that were signed.
    """
    pairs = enumerate(zip_longest(truth.nodes, claim.nodes))
    number = next((number for number, (one, other) in pairs if one != other), None)
    if number is None:
        return None
    mine, theirs = _group(truth, number), _group(claim, number)
    for one, other in zip_longest(mine, theirs):
        if one != other:
            return _difference(one, other, entry)
    return None


def _group(terms: TermsReader, number: int) -> Sequence[Entry]:
    return terms.group(number) if number < len(terms.nodes) else ()


def _difference(one: Entry | None, other: Entry | None, entry: IndexSegment) -> Difference:
    bounds = entry.first_offset, entry.last_offset
    if one is None or (other is not None and other[0].key < one[0].key):
        assert other is not None
        return Difference(other[0], decode_postings(other[1], *bounds)[0])
    if other is None or one[0].key < other[0].key:
        return Difference(one[0], decode_postings(one[1], *bounds)[0])
    return Difference(one[0], min(set(decode_postings(one[1], *bounds)) ^ set(decode_postings(other[1], *bounds))))
