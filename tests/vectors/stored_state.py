"""Vaults whose fault is in the store, or shows against what the auditor remembers."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.factory.keys import signing_key
from tests.vectors.good import STARTED, Run, message, next_run, origin, plain, plain_contents, plain_trust, trust
from tests.vectors.tampered import at
from tests.vectors.vector import Finding, Lock, Objects, Vector, Version, finding, plain_objects

ORIGIN = origin(0)
MIDDLE = ORIGIN.block_key(1)
DAYS = 10
ENOUGH = (datetime.fromtimestamp(STARTED // 10**6, UTC) + timedelta(days=DAYS, hours=1)).isoformat()
COMPLIANCE = Lock("COMPLIANCE", ENOUGH)


def locked() -> Objects:
    """Return the plain vault as a store with locks shows it."""
    return {key: (Version(content, "version-1", COMPLIANCE),) for key, content in sorted(plain_contents().items())}


def stored(name: str, about: str, versions: Mapping[str, tuple[Version, ...]], *findings: Finding) -> Vector:
    trust = plain_trust() + f"retention {DAYS}\n"
    objects = dict(sorted({**locked(), **versions}.items()))
    return Vector(name, about, trust, objects, findings, has_store=True)


def stored_state_vectors() -> Iterator[Vector]:
    yield from store()
    yield from locks()
    yield from covered()
    yield below_start()
    yield from remembered()


def store() -> Iterator[Vector]:
    (original,) = locked()[MIDDLE]
    again = replace(original, version_id="version-2")
    garbage = replace(again, content=b"garbage")
    marker = Version(None, "marker-1")
    longer = replace(original, lock=Lock("COMPLIANCE", "2099-01-01T00:00:00+00:00"))
    versions, deleted = at(1, "BAD_STORAGE", "versions"), at(1, "BAD_STORAGE", "delete_marker")
    yield stored("store", "Every object is locked long enough.", {})
    yield stored("store-retention-extended", "A lock ends later than it must.", {MIDDLE: (longer,)})
    yield stored(
        "store-second-version", "The same bytes were written once more.", {MIDDLE: (again, original)}, versions
    )
    yield stored(
        "store-covered",
        "Garbage was written over a block; the block is still there below.",
        {MIDDLE: (garbage, original)},
        versions,
    )
    yield stored(
        "store-delete-marker",
        "A block was deleted; it is still there below the marker.",
        {MIDDLE: (marker, original)},
        deleted,
    )
    yield stored(
        "store-marker-and-replacement",
        "A block was deleted and garbage written.",
        {MIDDLE: (garbage, marker, original)},
        versions,
        deleted,
    )
    governance = replace(original, lock=Lock("GOVERNANCE", ENOUGH))
    mode = at(1, "BAD_STORAGE", "retention.mode")
    yield stored("store-governance", "A lock that an administrator can lift.", {MIDDLE: (governance,)}, mode)
    unlocked = replace(original, lock=None)
    yield stored("store-no-lock", "No lock.", {MIDDLE: (unlocked,)}, at(1, "BAD_STORAGE", "retention"))
    short = (datetime.fromtimestamp(STARTED // 10**6 + 60, UTC) + timedelta(days=DAYS, seconds=-1)).isoformat()
    early = replace(original, lock=Lock("COMPLIANCE", short))
    yield stored(
        "store-retention-short",
        "A lock that ends a second too early.",
        {MIDDLE: (early,)},
        at(1, "BAD_STORAGE", "retention.until"),
    )
    foreign = finding("BAD_STORAGE", ORIGIN, None, "key")
    for name, key in (
        ("name", f"v1/{ORIGIN}/blocks/1.avro"),
        ("folder", f"v1/{ORIGIN}/README"),
        ("ending", f"v1/{ORIGIN}/blocks/000000000001.avro.bak"),
    ):
        yield stored(f"store-foreign-{name}", "A key that doesn't belong there.", {key: (original,)}, foreign)
    fork = forked().blocks[1].object()
    forked_versions = {MIDDLE: (replace(again, content=fork), original)}
    yield stored(
        "store-fork",
        "Two versions of a block, both signed, with different records.",
        forked_versions,
        versions,
        at(1, "FORK", "checkpoint.root"),
    )


def locks() -> Iterator[Vector]:
    """Yield whose lock is looked at, and what of it."""
    (original,) = locked()[MIDDLE]
    unlocked, again = replace(original, lock=None), replace(original, version_id="version-2")
    short = "2025-06-16T00:00:00+00:00"
    versions = at(1, "BAD_STORAGE", "versions")
    yield stored(
        "store-newer-unlocked",
        "A second version has no lock; that of the first is what counts.",
        {MIDDLE: (replace(again, lock=None), original)},
        versions,
    )
    yield stored(
        "store-older-unlocked",
        "A second version has a lock; that of the first is what counts, and it has none.",
        {MIDDLE: (again, unlocked)},
        versions,
        at(1, "BAD_STORAGE", "retention"),
    )
    yield stored(
        "store-governance-short",
        "A lock that an administrator can lift, and that is too short: the mode is the finding.",
        {MIDDLE: (replace(original, lock=Lock("GOVERNANCE", short)),)},
        at(1, "BAD_STORAGE", "retention.mode"),
    )
    keys = [ORIGIN.block_key(height) for height in range(3)]
    (zero,), (two,) = locked()[keys[0]], locked()[keys[2]]
    some = {
        keys[0]: (replace(zero, lock=Lock("COMPLIANCE", "2000-01-01T00:00:00+00:00")),),
        keys[1]: (unlocked,),
        keys[2]: (replace(two, lock=Lock("GOVERNANCE", ENOUGH)),),
    }
    yield replace(
        stored(
            "store-no-retention-pinned",
            "The trust file has no retention: only the end of a lock may be anything.",
            some,
            at(1, "BAD_STORAGE", "retention"),
            at(2, "BAD_STORAGE", "retention.mode"),
        ),
        trust=plain_trust(),
    )
    block = plain()[0].blocks[1]
    late = block.altered(sealed_at=block.header["sealed_at"] + 365 * 86_400_000_000).object()
    yield stored(
        "store-lock-of-an-altered-block",
        "A header says that it was sealed later than its lock allows, and its signature is of another one.",
        {MIDDLE: (replace(original, content=late),)},
        at(1, "BAD_ROOT", "checkpoint.root"),
    )
    yield stored(
        "store-garbage-unlocked",
        "An object that is not a block has no lock, either.",
        {MIDDLE: (replace(unlocked, content=b"not a block"),)},
        at(1, "MALFORMED", None),
        at(1, "BAD_STORAGE", "retention"),
    )
    yield stored(
        "store-foreign-marked",
        "A key that doesn't belong there, with versions, a marker and no lock: nothing of it is looked at.",
        {f"v1/{ORIGIN}/blocks/1.avro": (Version(None, "marker-1"), replace(again, lock=None), unlocked)},
        finding("BAD_STORAGE", ORIGIN, None, "key"),
    )


def below_start() -> Vector:
    """Return a store whose blocks below the pinned start may be gone, doubled or unlocked: nobody looks at them."""
    zero, one, _ = plain()[0].blocks
    (original,) = locked()[one.key]
    unlocked = replace(original, lock=None)
    below = {
        zero.key: (Version(None, "marker-1"),),
        one.key: (replace(unlocked, version_id="version-2"), replace(unlocked, content=b"not a block")),
    }
    vector = stored("store-below-start", "Below the pinned start are objects that would be faults above it.", below)
    return replace(vector, trust=vector.trust + f"start {ORIGIN} 2 {b64encode(one.root).decode()}\n")


def covered() -> Iterator[Vector]:
    """Yield forks whose versions are all else but blocks that could be the log's."""
    (original,) = locked()[MIDDLE]
    block, key = plain()[0].blocks[1], signing_key("log 0")
    again, third = replace(original, version_id="version-2"), replace(original, version_id="version-3")
    versions, fork = at(1, "BAD_STORAGE", "versions"), at(1, "FORK", "checkpoint.root")
    unlinked = block.altered(previous=bytes(32)).signed(key).object()
    stranger = block.altered(sealer="x").signed(signing_key("attacker")).object()
    yield stored(
        "store-fork-unlinked",
        "A second version continues nothing, and the log's key signed it all the same.",
        {MIDDLE: (replace(again, content=unlinked), original)},
        versions,
        fork,
    )
    yield stored(
        "store-fork-over-garbage",
        "Garbage came first; two versions above it, both signed, have different roots.",
        {MIDDLE: (replace(third, content=unlinked), again, replace(original, content=b"not a block"))},
        at(1, "MALFORMED", None),
        versions,
        fork,
    )
    yield stored(
        "store-no-fork",
        "A second version has another root, and a stranger's signature.",
        {MIDDLE: (replace(again, content=stranger), original)},
        versions,
    )


def forked() -> Run:
    """Return log 0 with another block 1, signed by the stolen key."""
    run = Run(ORIGIN, (signing_key("log 0"),))
    run.add([message(number, f"event {number} of 0".encode()) for number in range(4)])
    run.add([message(number, b"rewritten") for number in (4, 6, 7)])
    run.add([message(number, f"event {number} of 0".encode()) for number in (8, 10, 11)])
    return run


def handed_over() -> Run:
    """Return log 0 with another block 1, signed by the stolen key, that names the attacker's key as the next one."""
    run = Run(ORIGIN, (signing_key("log 0"),))
    run.add([message(number, f"event {number} of 0".encode()) for number in range(4)])
    run.add([message(number, b"rewritten") for number in (4, 6, 7)], rotate=(signing_key("attacker"),))
    run.add([message(number, f"event {number} of 0".encode()) for number in (8, 10, 11)])
    return run


def remembered() -> Iterator[Vector]:
    first, second = plain()
    head = first.blocks[2].note.decode()
    older = first.blocks[1].note.decode()
    objects = plain_objects(plain_contents())
    yield Vector(
        "remembered",
        "The remembered head is in the vault, and it has grown since.",
        plain_trust(),
        objects,
        remembered=(older,),
    )
    cut = plain_objects({key: content for key, content in plain_contents().items() if key != first.blocks[2].key})
    yield Vector(
        "truncated",
        "The newest block is gone.",
        plain_trust(),
        cut,
        (at(2, "TRUNCATED", "height"),),
        remembered=(head,),
    )
    yield Vector(
        "truncated-unseen", "The same, to an auditor who remembers nothing: nothing shows it.", plain_trust(), cut
    )
    gone = plain_objects(second.objects)
    yield Vector(
        "log-vanished",
        "All of a log is gone.",
        plain_trust(),
        gone,
        (finding("MISSING_LOG", ORIGIN, None, "origin"),),
        remembered=(head,),
    )
    yield from displaced()
    rewritten = plain_objects(plain_contents() | forked().objects)
    yield Vector(
        "fork",
        "The log was rewritten from block 1 on with the stolen key, and remembered before.",
        plain_trust(),
        rewritten,
        (at(2, "FORK", "checkpoint.root"),),
        remembered=(head,),
    )
    yield Vector(
        "fork-unseen", "The same, to an auditor who remembers nothing: nothing shows it.", plain_trust(), rewritten
    )
    handed = plain_objects(plain_contents() | handed_over().objects)
    yield Vector(
        "fork-rotated",
        "As `fork`, and block 1 names the attacker's key, which signed block 2: the head was verified once.",
        plain_trust(),
        handed,
        (at(2, "FORK", "checkpoint.root"),),
        remembered=(head,),
    )
    yield Vector(
        "fork-rotated-unseen", "The same, to an auditor who remembers nothing: nothing shows it.", plain_trust(), handed
    )
    yield from times()


def displaced() -> Iterator[Vector]:
    """Yield vaults of a log of which no block is left, and something else is there."""
    first, second = plain()
    missing = finding("MISSING_LOG", ORIGIN, None, "origin")
    for name, about, contents, findings, extra in (
        (
            "squatted",
            "All of a log is gone, and objects that are not blocks are at its keys.",
            {MIDDLE: b"not a block", ORIGIN.block_key(7): b""},
            (missing, at(1, "SQUATTED", None), at(7, "SQUATTED", None)),
            {"newest_after": STARTED},
        ),
        (
            "garbage",
            "The same, one of them below the remembered head.",
            {MIDDLE: b"not a block", ORIGIN.block_key(7): b""},
            (missing, at(1, "MALFORMED", None), at(7, "SQUATTED", None)),
            {"remembered": (first.blocks[2].note.decode(),)},
        ),
        (
            "foreign",
            "All of a log is gone, and a block of another one is at its key: a finding, and the log is not missing.",
            {MIDDLE: second.blocks[1].object()},
            (at(1, "BROKEN_CHAIN", "origin"),),
            {},
        ),
    ):
        objects = plain_objects(second.objects | contents)
        yield Vector(f"log-vanished-{name}", about, plain_trust(), objects, findings, **extra)
    later = next_run(first)
    left = {first.blocks[0].key: b"not a block"}
    yield Vector(
        "claim-missing",
        "Run 1 continues two blocks of run 0, of which none is left: that run 0 is missing is the only finding.",
        trust(*first.pinned, *second.pinned, *later.pinned),
        plain_objects(second.objects | later.objects | left),
        (missing, at(0, "SQUATTED", None)),
    )


def times() -> Iterator[Vector]:
    objects = plain_objects(plain_contents())
    newest = STARTED + 2 * 60_000_000
    yield Vector(
        "fresh", "The newest blocks are as new as the auditor asks for.", plain_trust(), objects, newest_after=newest
    )
    stale = tuple(finding("STALE", run.origin, 2, "sealed_at") for run in plain())
    yield Vector(
        "stale",
        "No block, not even an empty one, is as new as the auditor asks for.",
        plain_trust(),
        objects,
        stale,
        newest_after=newest + 1,
    )
