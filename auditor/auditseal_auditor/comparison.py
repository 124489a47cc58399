"""Faults that a whole log shows when it is compared with its remembered head, with other logs and with the clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from auditseal_auditor.findings import Finding
from auditseal_auditor.log_check import LogCheck
from auditseal_auditor.state.heads import Head
from auditseal_schemas.header import Header
from auditseal_schemas.merkle import EMPTY_ROOT
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict


@dataclass(frozen=True, slots=True)
class PredecessorClaim:
    """The statement of a log's first header about the run that it continues: its size, its root and its keys."""

    predecessor: Origin
    size: int
    root: bytes
    keys: frozenset[str]
    successor: Origin


def claim_of(check: LogCheck) -> PredecessorClaim | None:
    """Return a log's claim about its predecessor, None without one, or if its first block is not linked."""
    first = check.counts.first
    if first is None or first.predecessor is None:
        return None
    named = first.predecessor
    return PredecessorClaim(Origin.parse(named.origin), named.size, named.root, frozenset(named.keys), first.origin)


def compare_log(check: LogCheck, head: Head | None, oldest: int | None) -> None:
    """Add a log's findings as a whole: that it is missing, contradicts its remembered head, or is out of date."""
    origin = check.start.origin
    if is_missing(check):
        absence = _absence(check.counts.objects, head)
        check.findings.add(_finding(Verdict.MISSING_LOG, origin, "origin", absence))
        return
    if head:
        compare_head(check, head)
    last = check.counts.last
    if last and check.is_end_known and oldest is not None and last.sealed_at < oldest:
        behind = (oldest - last.sealed_at) // 1_000_000
        problem = (
            f"the last block was sealed {behind} s before the oldest allowed time: the log has stopped, or this is an"
            " old copy"
        )
        check.findings.add(_finding(Verdict.STALE, origin, "sealed_at", problem, height=last.height))


def is_missing(check: LogCheck) -> bool:
    """Return whether nothing shows that the log exists. A check that continues may find its blocks further down."""
    is_below = check.start.remembered is not None and check.first_missing > 0
    return check.counts.parsed == 0 and check.is_end_known and not is_below


def _absence(objects: int, head: Head | None) -> str:
    """Say that a log is missing, whether other objects are at its keys, and whether it ever existed."""
    instead = f" (objects at its keys that are not valid blocks: {objects})" if objects else ""
    remembered = f"{head.checkpoint.size} blocks of it are remembered" if head else "or nothing was sealed in it yet"
    return f"the vault holds no block of it{instead}, {remembered}"


def compare_head(check: LogCheck, head: Head) -> None:
    """Add the finding that a log contradicts its remembered head: it has another root, or ends before."""
    origin, start = check.start.origin, check.start
    size, root = head.checkpoint.size, head.checkpoint.root
    if size in check.roots:
        found, note = check.roots[size]
        if found != root:
            problem = f"the first {size} blocks are not those that were verified before: the history was replaced"
            evidence = (head.note.format().decode(), note.format().decode())
            finding = _finding(Verdict.FORK, origin, "checkpoint.root", problem, height=size - 1, evidence=evidence)
            check.findings.add(finding)
    elif check.first_missing < size:
        problem = f"{size} blocks were verified before, and this one is not there any more"
        check.findings.add(_finding(Verdict.TRUNCATED, origin, "height", problem, height=check.first_missing))
    elif size < start.height:
        check.notices.append(f"the remembered head of {size} blocks is below the start: it was not compared")


def compare_claims(checks: Mapping[Origin, LogCheck], claims: Mapping[Origin, Sequence[PredecessorClaim]]) -> None:
    """Compare the claims of later runs with the earlier runs that they name, and add notices on what nobody pins."""
    for predecessor, of_log in claims.items():
        check = checks.get(predecessor)
        for claim in of_log:
            successor = checks[claim.successor]
            _note_other_successors(claim, of_log, successor)
            if check is None:
                what = f"{claim.size} blocks of {predecessor}, which the trust file doesn't pin"
                successor.notices.append(f"it continues {what}: they were not compared")
            elif check.is_whole and successor.is_whole and check.counts.parsed:  # else that is reported as such
                _compare_claim(claim, check, successor)


def _note_other_successors(claim: PredecessorClaim, of_log: Sequence[PredecessorClaim], successor: LogCheck) -> None:
    others = [str(other.successor) for other in of_log if other.successor != claim.successor]
    if others:
        named = ", ".join(others)
        successor.notices.append(f"{claim.predecessor} has other successors too, {named}: only one can be true")


def _compare_claim(claim: PredecessorClaim, check: LogCheck, successor: LogCheck) -> None:
    """Compare a claim with its predecessor's check."""
    if check.counts.size > claim.size:
        grown = f"it continues {claim.size} blocks of {claim.predecessor}, which has {check.counts.size} by now"
        successor.notices.append(f"{grown}: the earlier run went on after this one began")
    root = _root_at(claim.size, check)
    if root is None and claim.size < check.start.height:
        where = "below the remembered head" if check.start.remembered else "below the start that is pinned"
        successor.notices.append(
            f"it continues {claim.size} blocks of {claim.predecessor}, which are {where}: they were not compared"
        )
    elif root is None and check.first_missing >= claim.size:
        return  # the block at that size exists and is at fault, which is reported as such
    elif root != claim.root:
        _add_false_claim(claim, successor, "which has fewer" if root is None else "which are others")
    elif (signers := _signers_at(claim.size, check)) and signers != claim.keys:
        _add_false_claim(claim, successor, "and names other keys than those that signed the last of them")


def _add_false_claim(claim: PredecessorClaim, successor: LogCheck, found: str) -> None:
    problem = f"it continues {claim.size} blocks of {claim.predecessor}, {found}"
    successor.findings.add(_finding(Verdict.BROKEN_CHAIN, claim.successor, "predecessor", problem, height=0))


def _signers_at(size: int, check: LogCheck) -> frozenset[str]:
    """Return the keys valid at the last of a log's first blocks, at height 0 for none; empty if they are not known."""
    is_from_the_beginning = check.start.height == 0 and check.start.remembered is None
    keys = check.start.keys if size == 0 and is_from_the_beginning else check.signers.get(size, ())
    return frozenset(map(str, keys))


def _root_at(size: int, check: LogCheck) -> bytes | None:
    """Return the root of a log's first headers: of no headers, as pinned, or as read; None where it is not known."""
    if size == 0:
        return EMPTY_ROOT
    if check.start.root is not None and size == check.start.height:
        return check.start.root
    return check.roots[size][0] if size in check.roots else None


def compare_partitions(checks: Mapping[Origin, LogCheck]) -> None:
    """Add a finding for each partition that a topic has, by its last headers, and of which no run is pinned."""
    pinned: dict[tuple[str, str], set[int]] = {}
    widest: dict[tuple[str, str], tuple[Header, LogCheck]] = {}
    for origin, check in checks.items():
        topic = (origin.cluster, origin.topic)
        pinned.setdefault(topic, set()).add(origin.partition)
        last = check.counts.last
        if last and (topic not in widest or last.partitions > widest[topic][0].partitions):
            widest[topic] = (last, check)
    for topic, (last, check) in widest.items():
        bounds = [-1, *sorted(number for number in pinned[topic] if number < last.partitions), last.partitions]
        for below, above in pairwise(bounds):
            check.findings.add_each(Verdict.MISSING_LOG, range(below + 1, above), partial(_unpinned, last))


def _unpinned(header: Header, partition: int) -> Finding:
    topic = f"{header.origin.cluster}/{header.origin.topic}"
    problem = f"{topic} has {header.partitions} partitions, and no log of partition {partition} is pinned"
    return _finding(Verdict.MISSING_LOG, header.origin, "partitions", problem, height=header.height)


def _finding(
    verdict: Verdict,
    origin: Origin,
    field: str,
    detail: str,
    *,
    height: int | None = None,
    evidence: tuple[str, ...] = (),
) -> Finding:
    key = None if height is None else origin.block_key(height)
    return Finding(
        verdict=verdict, origin=origin, height=height, field=field, detail=detail, object=key, evidence=evidence
    )
