"""Legal holds of exact versions, set or lifted and read back: many at once, and as often as it takes.

A hold is independent of the retention: the version can't be deleted while either of them lasts. S3 lets everyone with
the right `s3:PutObjectLegalHold` set and lift holds. Who may decide that is the matter of `hold_records`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from auditseal_schemas.hold_case import HoldCase
from auditseal_schemas.origin import Origin
from auditseal_vault.concurrent_calls import answers_in_batches
from auditseal_vault.errors import AlreadyStoredError, HoldRefusedError
from auditseal_vault.hold_records import record_key
from auditseal_vault.interface import Retention, StoredVersion, VaultReader
from auditseal_vault.oldest import must_be_listed, oldest_version
from auditseal_vault.s3 import S3Vault


@dataclass(frozen=True, slots=True)
class ExactVersion:
    """One version of an object, by its key and the store's name of the version."""

    key: str
    version_id: str


def signed_versions(vault: VaultReader, blocks: Mapping[Origin, Mapping[int, str]]) -> Iterator[ExactVersion]:
    """Yield the versions of blocks that people signed, as this vault has them.

    A copy of the vault has other ids: if no version of a key has the signed one, the oldest version is meant.

    Args:
        vault: The vault.
        blocks: The signed version ids, by log and height.

    Raises:
        UnavailableError: The store can't be read.
    """
    signed = (
        ExactVersion(origin.block_key(height), version_id)
        for origin, of_log in blocks.items()
        for height, version_id in of_log.items()
    )
    for batch in answers_in_batches(lambda version: vault.versions_of(version.key), signed):
        yield from (_stored(version, entries) for version, entries in batch)


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
    for batch in answers_in_batches(lambda version: _set(vault, version, held=held), versions):
        changed, done = changed + sum(answer for _, answer in batch), done + len(batch)
        on_done(done)
    return changed


def not_held(vault: VaultReader, versions: Iterable[ExactVersion]) -> Iterator[tuple[ExactVersion, bool | None]]:
    """Yield the versions that the store does not show under a legal hold, each with what it shows; None: not allowed.

    Raises:
        UnavailableError: The store can't be read.
    """
    for batch in answers_in_batches(lambda version: vault.legal_hold(version.key, version.version_id), versions):
        yield from ((version, state) for version, state in batch if not state)


def last_lock_end(vault: VaultReader, versions: Iterable[ExactVersion]) -> datetime:
    """Return when the last lock of some versions, at least one, ends.

    Raises:
        HoldRefusedError: One has no COMPLIANCE lock, so the bucket has no Object Lock, or someone put it there.
        UnavailableError: The store can't be read.
    """
    locks = answers_in_batches(lambda version: vault.retention(version.key, version.version_id), versions)
    return max(_lock_end(vault, version, lock) for batch in locks for version, lock in batch)


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
    set_holds(vault, record_versions(vault, case.name, [len(case.signed)]), held=True)


def record_versions(vault: VaultReader, name: str, numbers: Iterable[int]) -> list[ExactVersion]:
    """Return the version that counts of each record of a case.

    Args:
        vault: The vault.
        name: The case.
        numbers: The numbers of statements that the vault has.

    Raises:
        UnavailableError: The store can't be read, or does not list one of them.
    """
    keys = (record_key(name, number) for number in numbers)
    found = answers_in_batches(lambda key: must_be_listed(vault, key, oldest_version(vault, key)), keys)
    return [ExactVersion(key, version.version_id) for batch in found for key, version in batch]


def _stored(signed: ExactVersion, entries: Sequence[StoredVersion]) -> ExactVersion:
    """Return the version that a signed one means: itself if a key's entries have it or no version, else the oldest."""
    ids = [entry.version_id for entry in entries if not entry.is_delete_marker]
    return signed if signed.version_id in ids or not ids else ExactVersion(signed.key, ids[-1])


def _lock_end(vault: VaultReader, version: ExactVersion, lock: Retention | None) -> datetime:
    if lock is None or lock.mode != "COMPLIANCE":
        problem = "has no COMPLIANCE lock, so a hold would protect a store that others can change"
        remedy = "copy the vault into a bucket made with Object Lock (auditseal replicate), and hold there"
        raise HoldRefusedError(f"{version.key} in {vault.url} {problem}: {remedy}")
    return lock.retain_until


def _set(vault: S3Vault, version: ExactVersion, *, held: bool) -> bool:
    """Put a version under a legal hold, or lift it; return False where it was as wanted before."""
    if vault.legal_hold(version.key, version.version_id) is held:
        return False
    vault.set_legal_hold(version.key, version.version_id, held=held)
    shown = vault.legal_hold(version.key, version.version_id)
    if shown is not held:
        state = {True: "shows a hold", False: "shows no hold", None: "doesn't show holds to these credentials"}[shown]
        wanted = "a legal hold" if held else "to lift the legal hold"
        problem = f"the store accepted {wanted} and {state}"
        remedy = "give s3:GetObjectLegalHold, or run auditseal drill against the store"
        raise HoldRefusedError(f"{version.key}, version {version.version_id}, in {vault.url}: {problem}: {remedy}")
    return True
