"""Vaults that a remembered head is compared with where little is left to compare, and how such a head is taken."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace

from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.note import Note, NoteSignature, sign_note
from tests.factory.keys import signing_key
from tests.vectors.good import STARTED, Run, message, plain, plain_contents, plain_trust
from tests.vectors.sealed import flipped
from tests.vectors.stored_state import ORIGIN, forked
from tests.vectors.tampered import at
from tests.vectors.vector import Finding, Vector, plain_objects

NOWHERE = bytes(32)


def remembered_vectors() -> Iterator[Vector]:
    yield from unsigned()
    yield from damaged()
    yield from started()
    yield through_a_frontier()
    yield ended()


def with_head(
    name: str, about: str, changes: Mapping[str, bytes | None], head: str, *findings: Finding, lines: str = ""
) -> Vector:
    """Return the plain vault with objects replaced or (None) removed, to an auditor who remembers a head of log 0."""
    contents = {key: content for key, content in {**plain_contents(), **changes}.items() if content is not None}
    objects = plain_objects(contents)
    return Vector(name, about, plain_trust() + lines, objects, findings, remembered=(head,))


def head_of(size: int, root: bytes | None = None) -> str:
    """Return the note of log 0 at a size, by another root where one is given."""
    block = plain()[0].blocks[size - 1]
    if root is None:
        return block.note.decode()
    text = Checkpoint(ORIGIN, size, root).format()
    return sign_note(text, str(ORIGIN), [signing_key("log 0")]).format().decode()


def unsigned() -> Iterator[Vector]:
    """Yield heads whose signature doesn't hold: it was checked when they were verified, and isn't any more."""
    for name, about, root, found in (
        ("remembered-unsigned", "A remembered head's signature doesn't hold; it isn't asked.", None, ()),
        (
            "fork-unsigned",
            "A remembered head's signature doesn't hold, and the head is another one: it isn't asked.",
            NOWHERE,
            (at(2, "FORK", "checkpoint.root"),),
        ),
    ):
        note = Note.parse(head_of(3, root).encode())
        (line,) = note.signatures
        harmed = NoteSignature(line.name, line.key_id, flipped(line.signature, 10))
        yield with_head(name, about, {}, replace(note, signatures=(harmed,)).format().decode(), *found)


def damaged() -> Iterator[Vector]:
    _, one, two = plain()[0].blocks
    keys = [ORIGIN.block_key(height) for height in range(6)]
    yield with_head(
        "remembered-damaged",
        "The newest block is cut off, and was verified before: it is not SQUATTED.",
        {two.key: two.object()[:-1]},
        head_of(3),
        at(2, "MALFORMED", None),
    )
    yield with_head(
        "remembered-squatted",
        "An object that is not a block is right above the remembered head.",
        {keys[3]: b"not a block"},
        head_of(3),
        at(3, "SQUATTED", None),
    )
    yield with_head(
        "truncated-below-garbage",
        "Two blocks are gone. Above the first, and above the remembered head, are objects that are not blocks.",
        {one.key: None, two.key: b"not a block", keys[5]: b""},
        head_of(3),
        at(1, "TRUNCATED", "height"),
        at(2, "MALFORMED", None),
        at(5, "SQUATTED", None),
    )
    yield with_head(
        "remembered-garbage",
        "The two newest blocks are damaged: their heights are not missing, so nothing was cut off.",
        {one.key: b"not a block", two.key: b""},
        head_of(3),
        at(1, "MALFORMED", None),
        at(2, "MALFORMED", None),
    )


def started() -> Iterator[Vector]:
    """Yield heads at and below the start that the trust file has."""
    zero, one, _ = plain()[0].blocks
    gone: dict[str, bytes | None] = {zero.key: None, one.key: None}
    line = f"start {ORIGIN} 2 {b64encode(one.root).decode()}\n"
    fork = at(1, "FORK", "checkpoint.root")
    yield with_head("remembered-at-start", "The remembered head is the start.", gone, head_of(2), lines=line)
    yield with_head(
        "fork-at-start",
        "The remembered head is another one than the start.",
        gone,
        head_of(2, NOWHERE),
        fork,
        lines=line,
    )
    yield with_head(
        "remembered-below-start",
        "The remembered head is below the start: nothing shows whether it is right.",
        gone,
        head_of(1, NOWHERE),
        lines=line,
    )


def through_a_frontier() -> Vector:
    rewritten = forked()
    foreign = plain()[1].blocks[1].object()
    return with_head(
        "fork-by-frontier",
        "The log was rewritten and the block at the remembered head replaced: the frontier above it shows the fork.",
        rewritten.objects | {rewritten.blocks[1].key: foreign},
        head_of(2),
        at(1, "BROKEN_CHAIN", "origin"),
        at(1, "FORK", "checkpoint.root"),
    )


def ended() -> Vector:
    first = Run(ORIGIN, (signing_key("log 0"),))
    first.add([message(0, b"the last one")], final=True)
    return Vector(
        "stale-final",
        "A log that has ended is older than the auditor asks for.",
        plain_trust(),
        plain_objects(first.objects | plain()[1].objects),
        (at(0, "STALE", "sealed_at"),),
        newest_after=STARTED + 1,
    )
