"""Vaults that show how a verifier walks on: after a fault, from a start, at a hole, and where nothing is left."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace

from auditseal_schemas.container import Chunk
from auditseal_schemas.limits import MAX_CHUNK_BYTES
from auditseal_schemas.varint import encode_long
from tests.factory.keys import signing_key
from tests.factory.streams import stored_deflate, zeros_deflate
from tests.vectors.good import Run, plain, plain_contents, plain_trust, simple_run, trust
from tests.vectors.signed import KEY, THIEF, last, lie
from tests.vectors.stored_state import locked, stored
from tests.vectors.tampered import ORIGIN, at, changed
from tests.vectors.vector import Vector, finding, plain_objects


def walk_vectors() -> Iterator[Vector]:
    yield from starts()
    yield from holes()
    yield from settled()
    yield beyond_the_bound()
    yield from versions()


def starts() -> Iterator[Vector]:
    """Yield a start whose block fails: no other block is held to the pinned root."""
    first, second = plain()
    start = f"start {ORIGIN} 1 {b64encode(first.blocks[0].root).decode()}\n"
    _, one, two = first.blocks
    foreign = {one.key: second.blocks[1].object(), two.key: two.object()}
    yield Vector(
        "walk-start-at-fault",
        "The block at the start is another log's: the next one is not held to the pinned root.",
        plain_trust() + start,
        plain_objects(foreign | second.objects),
        (at(1, "BROKEN_CHAIN", "origin"),),
    )
    yield Vector(
        "walk-start-foreign-key",
        "The log is checked from a start on, and a key doesn't belong there.",
        plain_trust() + start,
        plain_objects(plain_contents() | {f"v1/{ORIGIN}/README": b"hello"}),
        (finding("BAD_STORAGE", ORIGIN, None, "key"),),
    )

    size = first.blocks[2].root
    yield Vector(
        "walk-start-above-the-last-block",
        "The log is checked from its size on, and nothing was sealed since.",
        plain_trust() + f"start {ORIGIN} 3 {b64encode(size).decode()}\n",
        plain_objects(plain_contents()),
        (finding("MISSING_LOG", ORIGIN, None, "origin"),),
    )


def holes() -> Iterator[Vector]:
    """Yield a log with a hole in the middle and a tail that was cut off."""
    run, second = simple_run(0, (signing_key("log 0"),), 4), plain()[1]
    kept = {block.key: block.object() for number, block in enumerate(run.blocks) if number in {0, 2}}
    yield Vector(
        "walk-hole-and-truncated",
        "Block 1 is missing, and so is block 3, which was remembered.",
        plain_trust(),
        plain_objects(kept | second.objects),
        (at(1, "BROKEN_CHAIN", "height"), at(3, "TRUNCATED", "height")),
        remembered=(run.blocks[3].note.decode(),),
    )


def settled() -> Iterator[Vector]:
    """Yield cases in which two rules meet, or none seems to."""
    second = plain()[1]
    run = Run(ORIGIN, (KEY,))
    empty = run.add()
    record = last().records()[0]
    holding = replace(empty, chunks=(Chunk(1, stored_deflate(record)),)).committed().signed(KEY)
    yield Vector(
        "walk-records-without-count",
        THIEF.format("a block with a count of 0 has a data block."),
        trust(*run.pinned, *second.pinned),
        plain_objects({holding.key: holding.object()} | second.objects),
        (at(0, "BAD_RECORD", "count"),),
    )
    block = last()
    first, middle_one, third = block.records()
    short = replace(block, locators=block.locators[:-2]).committed()
    payload = short.header["payload"]
    harmed = short.stored([first, middle_one, third[:-3] + b"!" + third[-2:]]).altered(payload=payload)
    yield lie(
        "walk-short-locators-and-payload",
        THIEF.format("there are too few locators, and the data blocks were changed: no record can be named."),
        harmed,
        "BAD_ROOT",
        "payload",
        quick=True,
    )
    unknown = last().altered(last_leader_epoch=-1)
    about = THIEF.format("the leader epoch is unknown after a known one.")
    yield lie("walk-unknown-epoch", about, unknown, "BROKEN_CHAIN", "last_leader_epoch", quick=True)
    stranger = plain()[0].blocks[0].signed(signing_key("attacker"))
    yield Vector(
        "walk-stale-without-a-block",
        "No block of a log is linked, so nothing says how old it is.",
        plain_trust(),
        plain_objects({stranger.key: stranger.object()} | second.objects),
        (at(0, "BAD_SIGNATURE", "note"),),
        newest_after=second.blocks[2].header["sealed_at"],
    )
    yield changed(
        "walk-step-4-on-top",
        "The newest block's checkpoint is not one: the object parses, so it is not a squatter's.",
        {block.key: block.with_lines(*block.lines, text="not\na\ncheckpoint\n").object()},
        at(2, "MALFORMED", "checkpoint"),
    )


def beyond_the_bound() -> Vector:
    """Return a block whose two data blocks were made one, which is larger than one of two records may be."""
    block = last()
    first, *_ = block.records()
    stamp = block.header["min_timestamp"]
    before = encode_long(10) + encode_long(stamp) + b"\x00\x02\x00\x02" + encode_long(MAX_CHUNK_BYTES)
    large = before + bytes(MAX_CHUNK_BYTES + 2)
    sealed = block.resealed([first], [large], last_offset=10, min_timestamp=stamp, max_timestamp=stamp)
    chunks = Chunk(1, stored_deflate(first)), Chunk(1, zeros_deflate(before, MAX_CHUNK_BYTES + 2))
    honest = replace(sealed, chunks=chunks).committed().signed(KEY)
    merged = replace(honest, chunks=(Chunk(2, zeros_deflate(first + before, MAX_CHUNK_BYTES + 2)),))
    return changed(
        "walk-merged-data-blocks",
        "Two data blocks were made one of more than 4 MiB. All records are there, and none can be named.",
        {block.key: merged.object()},
        at(2, "BAD_ROOT", "payload"),
    )


def versions() -> Iterator[Vector]:
    """Yield a second version that the log's key signed for another size: it proves no fork."""
    zero, one, _ = plain()[0].blocks
    (original,) = locked()[one.key]
    again = replace(original, content=zero.object(), version_id="version-2")
    yield stored(
        "walk-version-of-another-size",
        "A second version is the block below.",
        {one.key: (again, original)},
        at(1, "BAD_STORAGE", "versions"),
    )
