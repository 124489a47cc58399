"""The judge of every fault: what was acknowledged against what is sealed, as readers that share no code see it.

| rule | shown by |
| --- | --- |
| the vault holds valid logs: no fork, every offset sealed or in a signed gap | `auditseal verify`, the other verifier |
| its records are chained as its headers say | a plain reader: the standard library and an Avro reader |
| all three read the same records | their offsets and values, compared |
| each acknowledged event is sealed exactly once, where the broker said | the ledger's digests, offsets and partitions |
| nothing is sealed twice, acknowledged or not | digests of all values: each event has an id of its own |
| one byte string a height, ever | a read_uncommitted reader of the whole blocks topic, and the vault |
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.report import Result
from auditseal_auditor.request import Request
from auditseal_auditor.verification import Verification
from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust
from auditseal_schemas.verification import RECORDS, verify
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.interface import VaultReader
from tests.faults.ledger import Ledger
from tests.faults.plain_reader import UnsoundError, read_log
from tests.oracle import verifier
from tests.oracle.reader import Refused

Sealed = dict[str, list[tuple[int, str]]]
"""By origin: the offset and the SHA-256 of each record's value, in the log's order."""
Heights = Mapping[tuple[str, int], set[bytes]]
"""By origin and height: every byte string that was ever seen as that block."""


class OracleError(AssertionError):
    """A promise was broken."""


@dataclass(frozen=True)
class Judgement:
    """What was found to be in order.

    Attributes:
        acknowledged: Events that the brokers acknowledged.
        once: Those of them that were found sealed exactly once, at their place.
        sealed: Events that are sealed; those beyond the acknowledged are ones whose acknowledgement got lost.
        failed: Events that were accepted and got no acknowledgement.
        blocks: Blocks in the vault.
        gaps: Offsets in signed gaps.
    """

    acknowledged: int
    once: int
    sealed: int
    failed: int
    blocks: int
    gaps: int


def judge(ledger: Ledger, vault: Path, trust: str, seen: Heights, strangers: Iterable[str] = ()) -> Judgement:
    """Judge a copy of a vault; `strangers` are digests of values that did not come from the load.

    Raises:
        OracleError: With the first promise that was broken.
    """
    check_audit(lambda: DirectoryVault(vault), trust)
    ours, blocks = read_ours(vault, trust)
    for read in (read_theirs, read_plainly):
        check_same(ours, read(vault, trust))
    once = check_once(ledger, ours, frozenset(strangers))
    check_heights(blocks, seen)
    return Judgement(
        acknowledged=len(ledger.entries),
        once=once,
        sealed=sum(map(len, ours.values())),
        failed=ledger.failed,
        blocks=len(blocks),
        gaps=sum(gap.last - gap.first + 1 for block in blocks for gap in block.header.gaps),
    )


def check_audit(open_reader: Callable[[], VaultReader], trust: str) -> None:
    """Check that `auditseal verify` finds nothing wrong with any pinned log, its locks included where there are any.

    Raises:
        OracleError: It finds something, or can't read the vault to its end.
    """
    with CheckPool(open_reader, jobs=1) as pool:
        report = Verification(Request(Trust.parse(trust.encode())), pool).run()
    if wrong := [log for log in report.logs if log.result is not Result.OK]:
        raise OracleError(f"verify: {report.kept_findings[:3]} {report.errors} in {[str(log.origin) for log in wrong]}")


def check_same(ours: Sealed, other: Sealed) -> None:
    """Check that two readers read the same records.

    Raises:
        OracleError: They don't, in the logs that it names.
    """
    differing = sorted(origin for origin in ours.keys() | other.keys() if ours.get(origin) != other.get(origin))
    if differing:
        raise OracleError(f"two readers don't read the same records of {differing}")


def check_once(ledger: Ledger, sealed: Sealed, strangers: frozenset[str]) -> int:
    """Check that each acknowledged event is sealed exactly once and in its place, and no other event twice.

    Return how many acknowledged events were found so.
    """
    times = Counter(digest for log in sealed.values() for _, digest in log if digest not in strangers)
    if twice := [digest for digest, number in times.items() if number > 1]:
        raise OracleError(f"{len(twice)} events are sealed more than once: {twice[:3]}")
    acknowledged = Counter(entry.sha256 for entry in ledger.entries)
    if twice := [digest for digest, number in acknowledged.items() if number > 1]:
        raise OracleError(f"the ledger itself holds {len(twice)} events twice: {twice[:3]}")
    places = {
        (Origin.parse(origin).partition, offset): digest for origin, log in sealed.items() for offset, digest in log
    }
    once = 0
    for entry in ledger.entries:
        if not times[entry.sha256]:
            raise OracleError(f"an acknowledged event is not sealed: {entry}")
        if entry.offset is not None and places.get((entry.partition, entry.offset)) != entry.sha256:
            raise OracleError(f"an acknowledged event is sealed elsewhere than the broker said: {entry}")
        once += 1
    unacknowledged = len(times) - len(acknowledged)
    if unacknowledged > ledger.failed:
        raise OracleError(f"{unacknowledged} events are sealed that the ledger doesn't know, {ledger.failed} failed")
    return once


def check_heights(blocks: Sequence[Block], seen: Heights) -> None:
    """Check that no height was ever published with other bytes than the vault's."""
    for (origin, height), versions in seen.items():
        if len(versions) > 1:
            raise OracleError(f"block {height} of {origin} was published in {len(versions)} versions")
    for block in blocks:
        versions = seen.get((str(block.header.origin), block.header.height), set())
        if versions and versions != {block.format()}:
            raise OracleError(f"block {block.header.height} of {block.header.origin} is another in the vault")


def read_ours(vault: Path, trust: str) -> tuple[Sealed, list[Block]]:
    """Read every pinned log with the product's core, and return its records.

    Raises:
        OracleError: A block is refused.
    """
    sealed: Sealed = {}
    blocks: list[Block] = []
    for log in Trust.parse(trust.encode()).logs:
        state, records = LogState.genesis(log.origin, log.keys), sealed.setdefault(str(log.origin), [])
        for path in sorted((vault / log.origin.blocks_prefix).glob("*")):
            try:
                block = Block.parse(path.read_bytes())
                state = state.accept(block)
                verify(block, RECORDS)
            except VerificationError as error:
                raise OracleError(f"{path.name} of {log.origin}: {error}") from error
            blocks.append(block)
            records += [(record.offset, digest_of(record.value)) for record in block.records()]
    return sealed, blocks


def read_theirs(vault: Path, trust: str) -> Sealed:
    """Do the same with the other verifier (tests/oracle), which shares no code with the product.

    Raises:
        OracleError: As `read_ours`.
    """
    try:
        found = verifier.values(vault, trust)
    except Refused as refused:
        raise OracleError(f"the other verifier refuses {refused.place}: {refused}") from refused
    return {origin: [(offset, digest_of(value)) for offset, value in log] for origin, log in found.items()}


def read_plainly(vault: Path, trust: str) -> Sealed:
    """Do the same with a reader that is nothing but the standard library and an Avro reader, of the pinned logs.

    Raises:
        OracleError: As `read_ours`.
    """
    pinned = [str(log.origin) for log in Trust.parse(trust.encode()).logs]
    try:
        return {name: [(at, digest_of(value)) for at, value in read_log(vault, name)] for name in pinned}
    except UnsoundError as error:
        raise OracleError(f"the plain reader refuses {error}") from error


def digest_of(value: bytes | None) -> str:
    """Return the SHA-256 of a value in hex; a null value has the empty one's."""
    return sha256(value or b"").hexdigest()


def heights_of(values: Iterable[bytes]) -> dict[tuple[str, int], set[bytes]]:
    """Group blocks, as a read_uncommitted reader of the blocks topic saw them, by origin and height."""
    seen: dict[tuple[str, int], set[bytes]] = defaultdict(set)
    for value in values:
        header = Block.parse(value).header
        seen[str(header.origin), header.height].add(value)
    return seen
