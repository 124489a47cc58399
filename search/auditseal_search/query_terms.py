"""The terms of a filter that an index can prove: equal comparisons, joined by `and`."""

from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.term import TERM_FIELDS, Term
from auditseal_search.query import All, Comparison, Condition

_ALIASES = {"actor": "actor.id"}
_WANTED = "--prove takes comparisons with = on fields that give terms, joined by and"


def terms_of_query(condition: Condition) -> tuple[Term, ...]:
    """Return the terms that a record must have to match, in their order, each once.

    Raises:
        ConfigurationError: The filter has a part that terms can't show, or no part at all.
    """
    terms = sorted(set(_terms(condition)))
    if not terms:
        raise ConfigurationError(f"{_WANTED}, and the filter is empty: compare at least one field")
    return tuple(terms)


def _terms(condition: Condition) -> list[Term]:
    match condition:
        case All(parts):
            return [term for part in parts for term in _terms(part)]
        case Comparison():
            return [_term(condition)]
    raise ConfigurationError(f"{_WANTED}: leave out or, not and parentheses around them")


def _term(comparison: Comparison) -> Term:
    name = _ALIASES.get(comparison.field.name, comparison.field.name)
    if name not in TERM_FIELDS:
        raise ConfigurationError(f"{_WANTED}, and {name} does not give terms: leave it out, or use another field")
    if comparison.operator != "=" or len(comparison.values) != 1:
        raise ConfigurationError(f"{_WANTED}: compare {name} with one value by =")
    (value,) = comparison.values
    return Term(name, str(value).lower() if isinstance(value, bool) else str(value))
