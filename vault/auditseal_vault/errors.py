"""The errors of a vault.

AuditsealError
├── UnavailableError        (auditseal_schemas) the store is unreachable, or answered with an error: try again
│   └── RefusedObjectError  the store answers, and refuses this one object to the reader
├── UnreadableObjectError   the store lists an object, and has no content for it
├── AlreadyStoredError      an object of that key exists
├── LockNotExtendedError    the store accepted a longer lock, and shows another one
├── HoldRefusedError        the store refuses to set a legal hold, or does not keep it
└── NotStoredError          the vault has no block at a height that it should have
"""

from collections.abc import Iterator
from contextlib import contextmanager

from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_schemas.halt import Halt, HaltError


class UnreadableObjectError(AuditsealError):
    """The store lists an object and has no content for it: a finding, and not an unreachable store.

    In a directory the entry isn't a regular file, or a link leads to it. In S3 the version doesn't exist, or is in an
    archive's storage class (docs/reference/format.md, "An object without content").
    """


class RefusedObjectError(UnavailableError):
    """The store answers and refuses one object: access to it is denied, or its encryption key is not available.

    Nothing is known of the object. Others may be readable, so a verifier reports this one and continues.
    """


class AlreadyStoredError(AuditsealError):
    """An object of that key exists; the store refused the write and changed nothing."""


class LockNotExtendedError(AuditsealError):
    """The store accepted a longer lock, and shows another one afterwards. Do not rely on its locks."""


class HoldRefusedError(AuditsealError):
    """The store refuses to set or lift a legal hold, accepts it and shows something else, or knows no holds."""


class NotStoredError(AuditsealError):
    """The vault has no block at this height. `verify` reports whether that is a fault of the log: exit code 1."""


@contextmanager
def unreadable_is_squatted() -> Iterator[None]:
    """Turn an object without content into the halt of a daemon that needs its key.

    Raises:
        HaltError: SQUATTED.
    """
    try:
        yield
    except UnreadableObjectError as error:
        raise HaltError(Halt.SQUATTED, str(error)) from error
