"""The records of legal holds: the signed statements of each case, as objects that are locked and held themselves.

They are at `v1-holds/<case>/<number>.note`, next to the logs' `v1/` and never among them. A record that is written is
never changed: the store refuses a second object of its key, and of several versions the first one counts.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from auditseal_schemas.errors import ConfigurationError, VerificationError, quoted
from auditseal_schemas.halt import HaltError
from auditseal_schemas.hold_case import HoldCase
from auditseal_schemas.hold_statement import check_case_name
from auditseal_schemas.key import VerifierKey
from auditseal_vault.errors import HoldRefusedError, RefusedObjectError, UnreadableObjectError
from auditseal_vault.interface import StoredVersion, VaultReader
from auditseal_vault.oldest import oldest_stored

LEAST_LOCK = timedelta(days=1)
"""How long a record is locked at least, where the locks of its blocks end sooner; it is under legal hold as well."""
_PREFIX = "v1-holds/"
_SUFFIX = ".note"
_NUMBER = re.compile(r"[0-9]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ReadCase:
    """A case as the vault has it.

    Attributes:
        case: Its statements up to the first that isn't valid or can't be read.
        problem: Which object isn't a valid record, and why; empty where all are.
        is_read: Whether nothing but the store's answer ended it. Where a record can't be read, the case may hold more.
    """

    case: HoldCase
    problem: str = ""
    is_read: bool = True


def has_records(reader: VaultReader) -> bool:
    """Return whether a vault has any object where records of holds are.

    Raises:
        UnavailableError: The store can't be read.
    """
    return next(iter(reader.versions(_PREFIX, limit=1)), None) is not None


def read_cases(reader: VaultReader, people: Iterable[VerifierKey], name: str = "") -> Iterator[ReadCase]:
    """Yield all cases of a vault, or the one of a name, in the order of their names.

    Args:
        reader: The vault.
        people: The people who may sign.
        name: The case; empty for all.

    Raises:
        UnavailableError: The store can't be read.
    """
    signers = tuple(people)
    entries = reader.versions(f"{_PREFIX}{name}/" if name else _PREFIX)
    for found, of_case in groupby(entries, key=lambda entry: entry.key.removeprefix(_PREFIX).partition("/")[0]):
        yield _read_case(reader, signers, found, of_case)


def find_case(reader: VaultReader, people: Iterable[VerifierKey], name: str) -> HoldCase:
    """Return a case; it has no statement if the vault does not have the case.

    Raises:
        HoldRefusedError: A record of it isn't valid.
        UnavailableError: The store can't be read.
    """
    for read in read_cases(reader, people, check_case_name(name)):
        if read.problem:
            raise HoldRefusedError(f"{read.problem}: use another case, and find out who wrote it")
        return read.case
    return HoldCase(name)


def record_key(name: str, number: int) -> str:
    """Return the key of a statement's record."""
    return f"{_PREFIX}{name}/{number:06}{_SUFFIX}"


def _read_case(
    reader: VaultReader, people: tuple[VerifierKey, ...], name: str, entries: Iterator[StoredVersion]
) -> ReadCase:
    """Read the records in the order of their numbers. An object of another name is reported, and does not end the case.

    Otherwise anyone who may write here could end a case before its first statement, by a name that comes first.
    """
    case, foreign = HoldCase(name), ""
    for key, versions in groupby(entries, key=lambda entry: entry.key):
        try:
            if not _is_record(key, check_case_name(name)):
                foreign = foreign or _not_valid(reader, key, "no statement has that name")
                continue
            case = case.accept(_read_record(reader, case, key, versions), people)
        except (RefusedObjectError, UnreadableObjectError) as error:
            return ReadCase(
                case, f"the hold record {quoted(key)} in {reader.url} can't be read: {error}", is_read=False
            )
        except (ConfigurationError, HaltError, HoldRefusedError, VerificationError) as error:
            return ReadCase(case, _not_valid(reader, key, str(error)))
    return ReadCase(case, foreign)


def _is_record(key: str, name: str) -> bool:
    number = key.removeprefix(f"{_PREFIX}{name}/").removesuffix(_SUFFIX)
    return _NUMBER.fullmatch(number) is not None and key == record_key(name, int(number))


def _not_valid(reader: VaultReader, key: str, problem: str) -> str:
    return f"the hold record {quoted(key)} in {reader.url} is not valid: {problem}"


def _read_record(reader: VaultReader, case: HoldCase, key: str, entries: Iterable[StoredVersion]) -> bytes:
    """Return the content of a record's first version."""
    oldest, wanted = oldest_stored(entries), record_key(case.name, len(case.signed))
    if key != wanted or oldest is None:
        raise HoldRefusedError(f"{wanted} should be here")
    return reader.read(key, oldest.version_id)
