"""Legal holds of exact versions, set or lifted and read back: many at once, and as often as it takes.

A hold is independent of the retention: the version can't be deleted while either of them lasts. S3 lets everyone with
the right `s3:PutObjectLegalHold` set and lift holds. Who may decide that is the matter of `hold_records`.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from auditseal_schemas.hold_case import HoldCase
from auditseal_vault.errors import AlreadyStoredError, HoldRefusedError
from auditseal_vault.hold_records import record_key
from auditseal_vault.interface import VaultReader
from auditseal_vault.oldest import oldest_version
from auditseal_vault.s3 import S3Vault

_IN_FLIGHT = 16
_BATCH = 1024
"""Versions that are read or changed together: memory stays flat, and an error ends the run soon."""


@dataclass(frozen=True, slots=True)
class ExactVersion:
    """One version of an object, by its key and the store's name of the version."""

    key: str
    version_id: str


def set_holds(
    vault: S3Vault, versions: Iterable[ExactVersion], *, held: bool, on_done: Callable[[int], None] = lambda _: None
) -> int:
    """Put versions under a legal hold, or lift it, and read each back; return how many were changed.

    A version that is as wanted is not written to, so a run that was interrupted is continued by running it again.

    Args:
        vault: The vault.
        versions: The versions.
        held: Whether they are to be held.
        on_done: Called with the number of versions that are as wanted, after each batch.

    Raises:
        HoldRefusedError: The store refuses it, or shows another state than it accepted.
        UnavailableError: The store is unreachable. Some versions may be changed.
    """
    changed = done = 0
    for batch, states in _states(vault, versions):
        wrong = [version for version, state in zip(batch, states, strict=True) if state is not held]
        with ThreadPoolExecutor(_IN_FLIGHT) as pool:
            for _ in pool.map(lambda version: _set(vault, version, held=held), wrong):
                pass
        changed, done = changed + len(wrong), done + len(batch)
        on_done(done)
    return changed


def not_held(vault: VaultReader, versions: Iterable[ExactVersion]) -> Iterator[tuple[ExactVersion, bool | None]]:
    """Yield the versions that the store does not show under a legal hold, each with what it shows; None: not allowed.

    Raises:
        UnavailableError: The store can't be read.
    """
    for batch, states in _states(vault, versions):
        yield from ((version, state) for version, state in zip(batch, states, strict=True) if not state)


def lock_ends(vault: VaultReader, versions: Iterable[ExactVersion]) -> datetime:
    """Return when the last lock of some versions ends.

    Raises:
        HoldRefusedError: One has no COMPLIANCE lock, so the bucket has no Object Lock, or someone put it there.
        UnavailableError: The store can't be read.
    """
    ends = list[datetime]()
    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        pairs = list(versions)
        for version, lock in zip(
            pairs, pool.map(lambda each: vault.retention(each.key, each.version_id), pairs), strict=True
        ):
            if lock is None or lock.mode != "COMPLIANCE":
                problem = "has no COMPLIANCE lock, so a hold would protect a store that others can change"
                remedy = "copy the vault into a bucket made with Object Lock (auditseal replicate), and hold there"
                raise HoldRefusedError(f"{version.key} in {vault.url} {problem}: {remedy}")
            ends.append(lock.retain_until)
    return max(ends)


def append_record(vault: S3Vault, case: HoldCase, note: bytes, until: datetime) -> None:
    """Store the next statement of a case, locked and under a legal hold.

    Raises:
        HoldRefusedError: Someone else wrote to the case meanwhile, or the store refuses the hold.
        UnavailableError: The outcome is unknown: run the command again.
    """
    key = record_key(case.name, len(case.signed))
    try:
        vault.put(key, note, until)
    except AlreadyStoredError as error:
        raise HoldRefusedError(f"someone else wrote {key} in {vault.url} meanwhile: run the command again") from error
    hold_records(vault, case.name, len(case.signed) + 1)


def hold_records(vault: S3Vault, name: str, statements: int) -> None:
    """Put the records of a case under a legal hold, those that aren't.

    Raises:
        HoldRefusedError: The store refuses it.
        UnavailableError: The store is unreachable.
    """
    stored = (oldest_version(vault, record_key(name, number)) for number in range(statements))
    set_holds(vault, (ExactVersion(found.key, found.version_id) for found in stored if found), held=True)


def _states(
    vault: VaultReader, versions: Iterable[ExactVersion]
) -> Iterator[tuple[list[ExactVersion], list[bool | None]]]:
    rest = iter(versions)
    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        while batch := list(islice(rest, _BATCH)):
            yield batch, list(pool.map(lambda version: vault.legal_hold(version.key, version.version_id), batch))


def _set(vault: S3Vault, version: ExactVersion, *, held: bool) -> None:
    vault.set_legal_hold(version.key, version.version_id, held=held)
    shown = vault.legal_hold(version.key, version.version_id)
    if shown is not held:
        state = {True: "shows a hold", False: "shows no hold", None: "doesn't show holds to these credentials"}[shown]
        wanted = "a legal hold" if held else "to lift the legal hold"
        problem = f"the store accepted {wanted} and {state}"
        remedy = "give s3:GetObjectLegalHold, or run auditseal drill against the store"
        raise HoldRefusedError(f"{version.key}, version {version.version_id}, in {vault.url}: {problem}: {remedy}")
