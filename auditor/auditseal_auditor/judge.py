"""What only a whole log, or several beside each other, can show: what is missing, forked, cut off or out of date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from auditseal_auditor.finding import Finding
from auditseal_auditor.heads import Head
from auditseal_auditor.walk import LogWalk
from auditseal_schemas.header import Header
from auditseal_schemas.merkle import EMPTY_ROOT
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Claim:
    """What a log's first header says of the run that it goes on from."""

    predecessor: Origin
    size: int
    root: bytes
    successor: Origin


def claim_of(walk: LogWalk) -> Claim | None:
    """Return what a walked log says of its predecessor, None where it has none or its first block isn't linked."""
    first = walk.tally.first
    if first is None or first.predecessor is None:
        return None
    return Claim(Origin.parse(first.predecessor.origin), first.predecessor.size, first.predecessor.root, first.origin)


def judge_log(pinned: PinnedLog, walk: LogWalk, head: Head | None, oldest: int | None) -> None:
    """Add to a walked log's findings: absent altogether, against its remembered head, and out of date."""
    if walk.tally.parsed == 0:
        walk.findings.add(_finding(Verdict.MISSING_LOG, pinned.origin, "origin", _absence(walk.tally.objects, head)))
        return
    if head:
        _judge_head(pinned, walk, head)
    last = walk.tally.last
    if last and oldest is not None and last.sealed_at < oldest:
        behind = (oldest - last.sealed_at) // 1_000_000
        problem = f"the last block was sealed {behind} s before what is allowed: the log has stopped, or is an old copy"
        walk.findings.add(_finding(Verdict.STALE, pinned.origin, "sealed_at", problem, height=last.height))


def _absence(objects: int, head: Head | None) -> str:
    """Say that a log isn't there, what lies in its place, and whether it ever was there."""
    instead = f" (objects at its keys that are no blocks: {objects})" if objects else ""
    remembered = f"{head.checkpoint.size} blocks of it are remembered" if head else "or nothing was sealed in it yet"
    return f"the vault holds no block of it{instead}, {remembered}"


def _judge_head(pinned: PinnedLog, walk: LogWalk, head: Head) -> None:
    """Compare a log with its remembered head."""
    size, root = head.checkpoint.size, head.checkpoint.root
    if size in walk.roots:
        found, note = walk.roots[size]
        if found != root:
            problem = f"the first {size} blocks are not those that were verified before: the history was replaced"
            evidence = (head.note.format().decode(), note.format().decode())
            finding = _finding(
                Verdict.FORK, pinned.origin, "checkpoint.root", problem, height=size - 1, evidence=evidence
            )
            walk.findings.add(finding)
    elif walk.first_missing < size:
        problem = f"{size} blocks were verified before, and this one is not there any more"
        walk.findings.add(_finding(Verdict.TRUNCATED, pinned.origin, "height", problem, height=walk.first_missing))
    elif pinned.start and size < pinned.start.height:
        walk.notices.append(f"the remembered head of {size} blocks lies below the start: it was not compared")


def judge_claims(walks: Mapping[Origin, LogWalk], claims: Mapping[Origin, Sequence[Claim]]) -> None:
    """Compare what later runs say of earlier ones with what those are."""
    for claim in (claim for of_log in claims.values() for claim in of_log):
        walk = walks.get(claim.predecessor)
        if walk is None or claim.successor not in walks or walk.tally.parsed == 0:
            continue  # not pinned, not readable, or missing, which is told as such
        _judge_claim(claim, walk, walks[claim.successor])


def _judge_claim(claim: Claim, walk: LogWalk, successor: LogWalk) -> None:
    """Compare a claim with its predecessor's walk."""
    root = _root_at(claim.size, walk)
    if root is None and walk.start and claim.size < walk.start.height:
        successor.notices.append(
            f"it goes on from {claim.size} blocks of {claim.predecessor}, which lie below the start that is pinned:"
            " they were not compared"
        )
    elif root is None and walk.first_missing >= claim.size:
        return  # the block at that size is there and at fault, which is told as such
    elif root != claim.root:
        found = "has fewer" if root is None else "are others"
        problem = f"it goes on from {claim.size} blocks of {claim.predecessor}, which {found}"
        finding = _finding(Verdict.BROKEN_CHAIN, claim.successor, "predecessor", problem, height=0)
        successor.findings.add(finding)


def _root_at(size: int, walk: LogWalk) -> bytes | None:
    """Return the root of a log's first headers: of none, as pinned, or as seen; None where it can't be told."""
    if size == 0:
        return EMPTY_ROOT
    if walk.start and size == walk.start.height:
        return walk.start.root
    return walk.roots[size][0] if size in walk.roots else None


def judge_partitions(walks: Mapping[Origin, LogWalk]) -> None:
    """Add a finding for each partition that a topic has, by its last headers, and of which no run is pinned."""
    pinned: dict[tuple[str, str], set[int]] = {}
    widest: dict[tuple[str, str], tuple[Header, LogWalk]] = {}
    for origin, walk in walks.items():
        topic = (origin.cluster, origin.topic)
        pinned.setdefault(topic, set()).add(origin.partition)
        last = walk.tally.last
        if last and (topic not in widest or last.partitions > widest[topic][0].partitions):
            widest[topic] = (last, walk)
    for topic, (last, walk) in widest.items():
        bounds = [-1, *sorted(number for number in pinned[topic] if number < last.partitions), last.partitions]
        for below, above in pairwise(bounds):
            walk.findings.add_each(Verdict.MISSING_LOG, range(below + 1, above), partial(_unpinned, last))


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
