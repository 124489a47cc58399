"""The errors of search.

AuditsealError
├── ConfigurationError    (auditseal_schemas)
│   └── QueryError        a filter can't be understood; the error marks the place
├── UnavailableError      (auditseal_schemas) the store of the index, or the vault, is unreachable
│   └── MissingFileError  a file of an index, or its bucket, is not there
├── BrokenIndexError      an index is damaged, of another version, or of another log
└── BrokenLedgerError     what is remembered of streams can't be used
"""

from auditseal_schemas.errors import AuditsealError, ConfigurationError, UnavailableError


class QueryError(ConfigurationError):
    """A filter can't be understood: exit code 2.

    Attributes:
        text: The filter as it was typed, escaped for a terminal.
        position: The place of the mistake, in characters from 0.
        problem: What is wrong there.
    """

    def __init__(self, text: str, position: int, problem: str) -> None:
        shown, at = _escaped(text), len(_escaped(text[:position]))
        super().__init__(f"{problem}\n  {shown}\n  {' ' * at}^")
        self.text, self.position, self.problem = shown, position, problem


class MissingFileError(UnavailableError):
    """A file of an index, or its bucket, is not there: exit code 1."""


class BrokenIndexError(AuditsealError):
    """An index is damaged, or was made by another version or from another log: exit code 1. Build it again."""


class BrokenLedgerError(AuditsealError):
    """What is remembered of streams is damaged, in use, or of other logs or another version: exit code 1."""


def _escaped(text: str) -> str:
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
