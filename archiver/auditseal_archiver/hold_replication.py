"""Legal holds, copied into another vault: the signed records first, and then the holds that they require there.

The records are copied byte for byte, and read back by the same rules. The ids of versions in them are the original's.
So a hold in the copy is set on the version of the block that counts there.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from auditseal_archiver.errors import NotReplicatedError
from auditseal_schemas.hold_case import HoldCase, SignedStatement, active_blocks, released_blocks
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_vault.hold_records import LEAST_LOCK, ReadCase, has_records, read_cases, record_key
from auditseal_vault.interface import Vault, VaultReader
from auditseal_vault.legal_hold import last_lock_end, record_versions, set_holds, signed_versions
from auditseal_vault.s3 import S3Vault


@dataclass(frozen=True, slots=True)
class ReplicatedHolds:
    """What was done.

    Attributes:
        cases: Cases of the original.
        statements: Statements that this run copied.
        held: Holds that it set in the copy, and read back.
        lifted: Holds of released cases that it lifted in the copy, and read back.
    """

    cases: int = 0
    statements: int = 0
    held: int = 0
    lifted: int = 0


class HoldReplication:
    """Copies the cases of a vault.

    Args:
        source: The original.
        target: The copy, which has the blocks. A directory gets the records alone, because it has no holds.
        people: The people who may sign.
        origins: The logs that were copied.
        retention: The least time from now to the end of a record's lock in the copy; None for that of the original.
    """

    def __init__(
        self,
        source: VaultReader,
        target: Vault,
        people: Sequence[VerifierKey],
        origins: Collection[Origin],
        retention: timedelta | None,
    ) -> None:
        self._source, self._target, self._people, self._origins = source, target, people, origins
        self._least = max(retention or LEAST_LOCK, LEAST_LOCK)

    def run(self) -> ReplicatedHolds:
        """Copy the records that the copy lacks, set the holds that they require, and lift those of released cases.

        No hold is lifted if a record of either vault is not valid: its case may hold the same blocks.

        Raises:
            NotReplicatedError: A record is not valid, or the trust file names no person who may sign it. The copy has
                other statements, or more. A case holds blocks of a log that was not copied.
            HoldRefusedError: The copy's store refuses a hold, or does not keep it. A record there has no lock.
            UnavailableError: One of the stores can't be read or written.
        """
        if not self._people:
            self._check_without_people()
            return ReplicatedHolds()
        original, before = self._read(self._source), self._read(self._target)
        statements = sum(self._copy(read.case, _case_of(before, name)) for name, read in original.items())
        copied = self._read(self._target)
        cases = [read.case for read in copied.values()]
        required = {log: blocks for log, blocks in active_blocks(cases).items() if log in self._origins}
        held = self._set_holds(required, held=True)
        for problem in self._problems(original, copied):
            raise NotReplicatedError(problem)
        lifted = self._set_holds(released_blocks(cases), held=False)
        return ReplicatedHolds(len(original), statements, held, lifted)

    def _check_without_people(self) -> None:
        if has_records(self._source):
            problem = f"{self._source.url} has records of legal holds, and the trust file names no person"
            raise NotReplicatedError(f"{problem}: all blocks were copied, and no hold. Add the person lines")

    def _read(self, vault: VaultReader) -> dict[str, ReadCase]:
        return {read.case.name: read for read in read_cases(vault, self._people)}

    def _copy(self, case: HoldCase, in_copy: HoldCase) -> int:
        """Copy the statements that the copy lacks; return how many."""
        if not case.continues(in_copy):
            return 0  # one of the problems
        missing = case.signed[len(in_copy.signed) :]
        for signed in missing:
            self._copy_record(case.name, signed)
        if isinstance(self._target, S3Vault) and case.signed:
            records = record_versions(self._target, case.name, range(len(case.signed)))
            last_lock_end(self._target, records)  # refuses a record that someone else put there first, without a lock
            set_holds(self._target, records, held=True)
        return len(missing)

    def _copy_record(self, name: str, signed: SignedStatement) -> None:
        number = signed.statement.number
        (version,) = record_versions(self._source, name, [number])
        note = self._source.read(version.key, version.version_id)
        if sha256(note).digest() != signed.digest:
            raise NotReplicatedError(f"{version.key} in {self._source.url} changed meanwhile: verify that vault")
        lock = self._source.retention(version.key, version.version_id)
        until = (datetime.now(UTC) + self._least).replace(microsecond=0)
        if lock and lock.mode == "COMPLIANCE":
            until = max(until, lock.retain_until)
        self._target.put(record_key(name, number), note, until)

    def _set_holds(self, blocks: Mapping[Origin, Mapping[int, str]], *, held: bool) -> int:
        """Set or lift the holds of blocks in the copy; return how many were changed."""
        if not isinstance(self._target, S3Vault):
            return 0
        return set_holds(self._target, signed_versions(self._target, blocks), held=held)

    def _problems(self, original: Mapping[str, ReadCase], copied: Mapping[str, ReadCase]) -> Iterator[str]:
        """Yield why the copy does not have the holds of the original, or may hold more."""
        yield from (f"{read.problem}: find out who wrote it" for read in original.values() if read.problem)
        remedy = "verify both, and copy into a new one if the first is good"
        yield from (f"{read.problem}: {remedy}" for read in copied.values() if read.problem)
        for name in sorted(original.keys() | copied.keys()):
            if _case_of(original, name) != _case_of(copied, name):
                yield f"case {name} has other statements in {self._target.url} than in {self._source.url}: {remedy}"
        for origin in active_blocks(read.case for read in original.values()):
            if origin not in self._origins:
                yield f"blocks of {origin} are held, and were not copied: pin that log in the trust file"


def _case_of(cases: Mapping[str, ReadCase], name: str) -> HoldCase:
    return cases[name].case if name in cases else HoldCase(name)
