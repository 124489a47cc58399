"""The errors of search.

AuditsealError
├── ConfigurationError    (auditseal_schemas)
│   └── QueryError        a filter can't be understood; the error marks the place
├── UnavailableError      (auditseal_schemas) the store of the index, or the vault, is unreachable
│   └── IndexFileError    a file of an index can't be read or written; the message names it
│       └── MissingFileError  a file of an index, or its bucket, is not there
├── BrokenIndexError      an index is damaged, of another version, or of another log
└── BrokenLedgerError     what is remembered of streams can't be used
"""

from unicodedata import combining, east_asian_width

from auditseal_schemas.errors import AuditsealError, ConfigurationError, UnavailableError

_AROUND = 100  # characters of a filter that are shown before and behind a mistake


class QueryError(ConfigurationError):
    """A filter can't be understood: exit code 2.

    Attributes:
        text: The filter as it was typed, escaped for a terminal.
        position: The place of the mistake, in characters from 0.
        problem: What is wrong there.
    """

    def __init__(self, text: str, position: int, problem: str) -> None:
        before, after = _escaped(text[:position]), _escaped(text[position:])
        left = before if len(before) <= _AROUND else f"…{before[-_AROUND:]}"
        right = after if len(after) <= _AROUND else f"{after[:_AROUND]}…"
        super().__init__(f"{problem}\n  {left}{right}\n  {' ' * _columns(left)}^")
        self.text, self.position, self.problem = before + after, position, problem


class IndexFileError(UnavailableError):
    """A file of an index can't be read or written: exit code 1. The message says where the index is."""


class MissingFileError(IndexFileError):
    """A file of an index, or its bucket, is not there: exit code 1."""


class BrokenIndexError(AuditsealError):
    """An index is damaged, or was made by another version or from another log: exit code 1. Build it again."""


class BrokenLedgerError(AuditsealError):
    """What is remembered of streams is damaged, in use, or of other logs or another version: exit code 1."""


def _escaped(text: str) -> str:
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _columns(text: str) -> int:
    """Return the width of a text in a terminal: some signs take two columns (Unicode Standard Annex 11), some none."""
    return sum(0 if combining(char) else 1 + (east_asian_width(char) in {"W", "F"}) for char in text)
