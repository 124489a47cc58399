"""Vaults in which logs are compared with each other: where a run's predecessor ends, and which partitions there are."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

from auditseal_schemas.header import Predecessor
from tests.factory.keys import signing_key, verifier_key
from tests.vectors.good import Run, message, origin, plain, simple_run, trust
from tests.vectors.vector import Finding, Vector, finding, plain_objects

ORIGIN = origin(0)
LATER = origin(0, 1)
WRONG = bytes(32)
KEYS = (str(verifier_key(ORIGIN, signing_key("log 0"))),)
BROKEN = finding("BROKEN_CHAIN", LATER, 0, "predecessor")


def company_vectors() -> Iterator[Vector]:
    yield from roots()
    yield from signers()
    yield unlinked()
    yield from widths()


def later_run(size: int, root: bytes, keys: tuple[str, ...] = KEYS) -> Run:
    """Return a run 1 of log 0 that continues from that number of blocks of run 0, with that root and those keys."""
    run = Run(LATER, (signing_key("log 0, run 1"),))
    run.add(predecessor=Predecessor(str(ORIGIN), size, root, keys))
    return run


def signers() -> Iterator[Vector]:
    """Yield claims of a later run about the keys that signed the last block of the run before."""
    _, other = plain()
    run = Run(ORIGIN, (signing_key("log 0"),))
    run.add([message(0, b"one")])
    pair = (signing_key("next 1"), signing_key("next 2"))
    run.add(rotate=pair)
    run.add([message(1, b"two")])
    first, rotation, last = run.blocks
    old, new = KEYS, tuple(str(verifier_key(ORIGIN, key)) for key in pair)
    whole, nothing = run.objects, sha256(b"").digest()
    cut = finding("BROKEN_CHAIN", ORIGIN, 2, "origin")
    topless = whole | {last.key: other.blocks[0].object()}
    below = {key: data for key, data in whole.items() if key != first.key}
    start = f"start {ORIGIN} 1 {b64encode(first.root).decode()}\n"
    cases: tuple[tuple[str, str, dict[str, bytes], Run, tuple[Finding, ...], str], ...] = (
        (
            "after-a-rotation",
            "the keys after a rotation, in another order",
            whole,
            later_run(3, last.root, new[::-1]),
            (),
            "",
        ),
        ("before-a-rotation", "keys that a rotation retired", whole, later_run(3, last.root, old), (BROKEN,), ""),
        ("one-of-two", "one of the two keys", whole, later_run(3, last.root, new[:1]), (BROKEN,), ""),
        ("of-the-rotation", "the key that signed the rotation itself", whole, later_run(2, rotation.root, old), (), ""),
        ("too-early", "keys that sign only the next block", whole, later_run(2, rotation.root, new), (BROKEN,), ""),
        ("of-no-block", "the pinned key, and no block", whole, later_run(0, nothing, old), (), ""),
        (
            "of-no-block-wrong",
            "other keys than the pinned one, and no block",
            whole,
            later_run(0, nothing, new),
            (BROKEN,),
            "",
        ),
        ("at-fault", "retired keys of a block that is a foreign one", topless, later_run(3, WRONG, old), (cut,), ""),
        (
            "of-no-block-start",
            "other keys, and no block; run 0 is checked from a start on",
            below,
            later_run(0, nothing, new),
            (),
            start,
        ),
    )
    for name, about, objects, later, found, line in cases:
        yield Vector(
            f"keys-{name}",
            f"Run 1 continues run 0, and names {about}.",
            trust(*run.pinned, *other.pinned, *later.pinned, lines=line),
            plain_objects(objects | other.objects | later.objects),
            found,
        )


def roots() -> Iterator[Vector]:
    """Yield claims that only one block can prove wrong, or none."""
    first, second = plain()
    _, one, two = first.blocks
    foreign = second.blocks[0].object()
    lost, cut = (finding("BROKEN_CHAIN", ORIGIN, height, "origin") for height in (1, 2))
    squatted = finding("SQUATTED", ORIGIN, 2)
    start = f"start {ORIGIN} 2 {b64encode(one.root).decode()}\n"
    whole = first.objects
    holed, topless = whole | {one.key: foreign}, whole | {two.key: foreign}
    alone = {two.key: foreign}
    cases: tuple[tuple[str, str, dict[str, bytes], int, bytes, tuple[Finding, ...], str], ...] = (
        ("whole", "all blocks of run 0", whole, 3, two.root, (), ""),
        ("whole-wrong", "all blocks of run 0, by another root", whole, 3, WRONG, (BROKEN,), ""),
        ("frontier", "two blocks of run 0; the second is a foreign one", holed, 2, one.root, (lost,), ""),
        (
            "frontier-wrong",
            "two blocks of run 0, by another root; the second is a foreign one, and the frontier of the third shows it",
            holed,
            2,
            WRONG,
            (lost, BROKEN),
            "",
        ),
        (
            "at-fault",
            "three blocks of run 0, by another root; the third is a foreign one, and nothing shows which is right",
            topless,
            3,
            WRONG,
            (cut,),
            "",
        ),
        (
            "squatted",
            "three blocks of run 0, by another root; the third is not a block, and nothing shows which is right",
            whole | {two.key: b"not a block"},
            3,
            WRONG,
            (squatted,),
            "",
        ),
        ("start-alone", "the blocks below the start, where a foreign block lies", alone, 2, one.root, (cut,), start),
        (
            "start-alone-wrong",
            "the blocks below the start, where a foreign block lies, by another root than is pinned",
            alone,
            2,
            WRONG,
            (cut, BROKEN),
            start,
        ),
    )
    for name, about, contents, size, root, findings, line in cases:
        run = later_run(size, root)
        pinned = trust(*first.pinned, *second.pinned, *run.pinned, lines=line)
        objects = plain_objects(contents | second.objects | run.objects)
        yield Vector(f"claim-{name}", f"Run 1 continues {about}.", pinned, objects, findings)


def unlinked() -> Vector:
    first, second = plain()
    run = later_run(2, WRONG)
    block = run.blocks[0].signed(signing_key("attacker"))
    return Vector(
        "claim-unsigned",
        "A stranger signed run 1, which continues another root of run 0. The log's key didn't say so.",
        trust(*first.pinned, *second.pinned, *run.pinned),
        plain_objects(first.objects | second.objects | {block.key: block.object()}),
        (finding("BAD_SIGNATURE", LATER, 0, "note"),),
    )


def widths() -> Iterator[Vector]:
    """Yield topics of three partitions, of which two are pinned, and two logs say so."""
    second = plain()[1]
    wide = [Run(origin(partition), (signing_key(f"log {partition}"),), partitions=3) for partition in range(2)]
    for run in wide:
        run.add([message(0, b"one of three partitions")])
    one, other = wide
    yield Vector(
        "partitions-tie",
        "Two logs state a partition that isn't pinned. The finding is at the log that the trust file has first.",
        trust(*other.pinned, *one.pinned),
        plain_objects(one.objects | other.objects),
        (finding("MISSING_LOG", other.origin, 0, "partitions"),),
    )
    later = later_run(1, one.blocks[0].root)
    later.take_altered(later.blocks[0].altered(partitions=3))
    yield Vector(
        "partitions-tie-of-runs",
        "Two runs of a log state a partition that isn't pinned. The finding is at the later run.",
        trust(*one.pinned, *second.pinned, *later.pinned),
        plain_objects(one.objects | second.objects | later.objects),
        (finding("MISSING_LOG", later.origin, 0, "partitions"),),
    )
    narrow = simple_run(1, (signing_key("log 1"),), 1)
    grown = Run(ORIGIN, (signing_key("log 0"),), partitions=3)
    grown.add()
    yield Vector(
        "partitions-widest",
        "One of two logs knows of a partition that isn't pinned.",
        trust(*narrow.pinned, *grown.pinned),
        plain_objects(narrow.objects | grown.objects),
        (finding("MISSING_LOG", ORIGIN, 0, "partitions"),),
    )
