"""Vaults in which the store lists an object and has no content for it."""

from collections.abc import Iterator
from dataclasses import replace

from tests.vectors.good import plain, plain_contents, plain_trust
from tests.vectors.sealed import flipped
from tests.vectors.stored_state import MIDDLE, forked, locked, stored
from tests.vectors.tampered import ORIGIN, at
from tests.vectors.vector import Vector, Version, plain_objects

NOTHING = Version(None, is_unreadable=True)
OBJECT = at(1, "BAD_STORAGE", "object")


def without_content_vectors() -> Iterator[Vector]:
    yield from directories()
    yield from stores()


def directories() -> Iterator[Vector]:
    """Yield directories with something else than a file at a block's key."""
    two = plain()[0].blocks[2]
    first, *rest = two.records()
    altered = two.stored([flipped(first, -4 % len(first)), *rest]).object()
    good = plain_objects(plain_contents())
    yield Vector(
        "without-content",
        "A block is not a regular file.",
        plain_trust(),
        good | {MIDDLE: (NOTHING,)},
        (OBJECT,),
    )
    yield Vector(
        "without-content-below-a-fault",
        "A block is not a regular file, and a record above it was altered: both are found.",
        plain_trust(),
        good | {MIDDLE: (NOTHING,), two.key: (Version(altered),)},
        (OBJECT, at(2, "BAD_RECORD", "record", 8)),
        (OBJECT, at(2, "BAD_ROOT", "payload")),
    )
    yield Vector(
        "without-content-on-top",
        "Above the last block there is something else than a file: it is not a squatter's.",
        plain_trust(),
        good | {ORIGIN.block_key(3): (NOTHING,)},
        (at(3, "BAD_STORAGE", "object"),),
    )
    yield Vector(
        "without-content-remembered",
        "The newest block is not a regular file, and was remembered: it holds its height.",
        plain_trust(),
        good | {two.key: (NOTHING,)},
        (at(2, "BAD_STORAGE", "object"),),
        remembered=(two.note.decode(),),
    )


def stores() -> Iterator[Vector]:
    """Yield stores that answer NoSuchVersion, or InvalidObjectState, to reading a version."""
    (original,) = locked()[MIDDLE]
    nothing = replace(original, content=None, is_unreadable=True)
    yield stored(
        "without-content-unlocked",
        "A version has no content and no lock.",
        {MIDDLE: (replace(nothing, lock=None),)},
        OBJECT,
    )
    again = replace(nothing, version_id="version-2")
    versions = at(1, "BAD_STORAGE", "versions")
    yield stored("without-content-newer", "A second version has no content.", {MIDDLE: (again, original)}, versions)
    fork = replace(original, content=forked().blocks[1].object(), version_id="version-2")
    third = replace(original, version_id="version-3")
    yield stored(
        "without-content-over-a-fork",
        "The first version has no content; two versions above it, both signed, have different roots.",
        {MIDDLE: (third, fork, nothing)},
        OBJECT,
        versions,
        at(1, "FORK", "checkpoint.root"),
    )
