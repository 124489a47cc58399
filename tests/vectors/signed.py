"""Vaults made by a dishonest or faulty sealer, or by the thief of its key: the altered block is signed."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import accumulate
from typing import Any

from auditseal_schemas.block import make_locators
from auditseal_schemas.container import Chunk
from auditseal_schemas.header import Predecessor
from auditseal_schemas.key import SigningKey
from auditseal_schemas.limits import MAX_CONTENT_BYTES
from auditseal_schemas.merkle import Frontier, leaf_hash
from auditseal_schemas.record import next_link
from auditseal_schemas.varint import encode_long
from tests.factory.keys import signing_key, verifier_key
from tests.factory.streams import repeated_deflate, stored_deflate, zeros_deflate
from tests.vectors.good import CREATED, Run, message, origin, plain, plain_contents, plain_trust, simple_run, trust
from tests.vectors.sealed import Sealed, flipped
from tests.vectors.tampered import at, changed
from tests.vectors.vector import Vector, finding, plain_objects

KEY = signing_key("log 0")
ORIGIN = origin(0)
NOTHING = ()
THIEF = "The sealer lies: everything is signed anew, and {}"


def last() -> Sealed:
    """Return block 2 of log 0: records at 8, 10 and 11."""
    return plain()[0].blocks[2]


def lie(
    name: str, about: str, block: Sealed, verdict: str, field: str | None, offset: int | None = None, *, quick: bool
) -> Vector:
    """Return the plain vault with block 2 of log 0 replaced and signed; `quick`: a quick check finds it, too."""
    findings = (at(2, verdict, field, offset),)
    contents = plain_contents() | {block.key: block.signed(KEY).object()}
    return Vector(name, about, plain_trust(), plain_objects(contents), findings, None if quick else NOTHING)


def signed_vectors() -> Iterator[Vector]:
    yield from headers()
    yield from chains()
    yield from claims()
    yield from contents()
    yield from malformed_records()
    yield from keys()


def headers() -> Iterator[Vector]:
    block, zeros = last(), bytes(32)
    h = block.header
    cases: tuple[tuple[str, dict[str, Any], str, str, bool], ...] = (
        ("origin", {"origin": str(origin(1))}, "BROKEN_CHAIN", "origin", True),
        ("height", {"height": 1}, "BROKEN_CHAIN", "height", True),
        ("previous", {"previous": zeros}, "BROKEN_CHAIN", "previous", True),
        ("first-link", {"first_link": zeros}, "BROKEN_CHAIN", "first_link", True),
        ("cluster", {"cluster_id": "cluster-2"}, "BROKEN_CHAIN", "cluster_id", True),
        ("topic", {"topic_id": "topic-2"}, "BROKEN_CHAIN", "topic_id", True),
        ("partitions", {"partitions": 1}, "BROKEN_CHAIN", "partitions", True),
        ("epoch", {"last_leader_epoch": 3}, "BROKEN_CHAIN", "last_leader_epoch", True),
        ("time", {"sealed_at": h["sealed_at"] - 60_000_001}, "BROKEN_CHAIN", "sealed_at", True),
        ("payload", {"payload": zeros}, "BAD_ROOT", "payload", True),
        ("locators", {"locators": zeros}, "BAD_ROOT", "locators", True),
        ("last-link", {"last_link": zeros}, "BAD_RECORD", "last_link", False),
        ("size", {"size": h["size"] + 1}, "BAD_RECORD", "count", False),
        ("size-of-none", {"size": 0}, "MALFORMED", "payload", False),
        ("min-timestamp", {"min_timestamp": 0}, "BAD_RECORD", "min_timestamp", False),
        ("max-timestamp", {"max_timestamp": h["max_timestamp"] + 1}, "BAD_RECORD", "max_timestamp", False),
        ("events-root", {"events_root": zeros}, "BAD_ROOT", "events_root", False),
    )
    for name, fields, verdict, field, quick in cases:
        about = THIEF.format("one field of the header is wrong.")
        yield lie(f"signed-{name}", about, block.altered(**fields), verdict, field, quick=quick)
    counted = replace(block, locators=block.locators + bytes(2)).committed().altered(count=4, gaps=[])
    yield lie("signed-count", THIEF.format("a record more is counted."), counted, "BAD_RECORD", "count", quick=True)
    gaps = [{"first": 10, "last": 10, "cause": 0}]
    hidden = block.altered(gaps=gaps)
    yield lie(
        "signed-gap",
        THIEF.format("the gap is where a record is."),
        hidden,
        "BAD_RECORD",
        "record.offset",
        9,
        quick=False,
    )
    records = block.records()
    moved = block.resealed(records[1:], first_offset=9, gaps=[{"first": 9, "last": 9, "cause": 0}])
    yield lie(
        "signed-offset-gap",
        THIEF.format("an offset is left out between blocks."),
        moved,
        "BROKEN_CHAIN",
        "first_offset",
        quick=True,
    )
    overlap = block.altered(
        first_offset=7, gaps=[{"first": 7, "last": 7, "cause": 0}, {"first": 9, "last": 9, "cause": 0}]
    )
    yield lie(
        "signed-offset-overlap",
        THIEF.format("the ranges of two blocks overlap."),
        overlap,
        "BROKEN_CHAIN",
        "first_offset",
        quick=True,
    )
    frontier = replace(block, frontier=zeros)
    yield lie(
        "signed-frontier",
        THIEF.format("the frontier is another tree's."),
        frontier,
        "BROKEN_CHAIN",
        "frontier",
        quick=True,
    )


def chains() -> Iterator[Vector]:
    first, second = plain()
    fresh = Run(ORIGIN, (KEY,))
    fresh.add([message(at_, b"another history") for at_ in range(4)])
    fork = fresh.blocks[0]
    yield changed(
        "new-genesis",
        THIEF.format("block 0 is another; the blocks above it are the old ones."),
        {fork.key: fork.object()},
        at(1, "BROKEN_CHAIN", "previous"),
    )
    ended = Run(ORIGIN, (KEY,))
    ended.add([message(0, b"the last one")], final=True)
    ended.state = replace(ended.state, head=replace(ended.state.head, final=False)) if ended.state.head else ended.state
    ended.add([message(1, b"and yet it goes on")])
    yield Vector(
        "after-final",
        THIEF.format("a block follows the final one."),
        plain_trust(),
        plain_objects(ended.objects | second.objects),
        (at(1, "BROKEN_CHAIN", "final"),),
    )
    more = last().altered(partitions=3).signed(KEY)
    yield changed(
        "partition-not-pinned",
        "The topic has a partition that the trust file doesn't pin.",
        {more.key: more.object()},
        at(2, "MISSING_LOG", "partitions"),
    )
    later = Run(origin(0, 1), (signing_key("log 0, run 1"),))
    later.add(log_start=0, predecessor=Predecessor(str(ORIGIN), 2, bytes(32), (str(verifier_key(ORIGIN, KEY)),)))
    yield Vector(
        "predecessor",
        THIEF.format("the next run names another root of its predecessor."),
        trust(*first.pinned, *second.pinned, *later.pinned),
        plain_objects(plain_contents() | later.objects),
        (finding("BROKEN_CHAIN", later.origin, 0, "predecessor"),),
    )


def claims() -> Iterator[Vector]:
    """Yield vaults whose run 1 continues from a run 0 checked from a start on: above, at and below it."""
    first, second = plain()
    broken = (finding("BROKEN_CHAIN", origin(0, 1), 0, "predecessor"),)
    nothing, other = sha256(b"").digest(), bytes(32)
    cases = (
        ("above", "names a root of run 0 above its start", 1, 2, first.blocks[1].root, NOTHING),
        ("above-wrong", "names another root of run 0, above its start", 1, 2, other, broken),
        ("more", "names more blocks of run 0 than there are", 1, 4, other, broken),
        ("at", "names the blocks of run 0 below its start", 2, 2, first.blocks[1].root, NOTHING),
        ("at-wrong", "names another root than is pinned for the start of run 0", 2, 2, other, broken),
        ("below", "names a root below the start of run 0: nothing shows whether it is right", 2, 1, other, NOTHING),
        ("none", "continues no block of run 0", 2, 0, nothing, NOTHING),
        (
            "none-wrong",
            "continues no block of run 0, by a root that isn't that of an empty tree",
            2,
            0,
            other,
            broken,
        ),
    )
    for name, about, start, size, root, found in cases:
        run = Run(origin(0, 1), (signing_key("log 0, run 1"),))
        run.add(log_start=0, predecessor=Predecessor(str(ORIGIN), size, root, (str(verifier_key(ORIGIN, KEY)),)))
        line = f"start {ORIGIN} {start} {b64encode(first.blocks[start - 1].root).decode()}\n"
        kept = {block.key: block.object() for block in first.blocks[start:]}
        objects = plain_objects(kept | second.objects | run.objects)
        pinned = trust(*first.pinned, *second.pinned, *run.pinned, lines=line)
        yield Vector(f"claim-{name}-start", f"Run 1 {about}.", pinned, objects, found)


def contents() -> Iterator[Vector]:
    block = last()
    first, second, third = block.records()
    size = len(first + second + third)
    links = list(accumulate((first, second, third), next_link, initial=block.header["first_link"]))[1:]
    lying = replace(block, locators=flipped(make_locators(links), 3)).committed()
    yield lie(
        "signed-locator",
        THIEF.format("a locator isn't the link's beginning."),
        lying,
        "BAD_RECORD",
        "record",
        10,
        quick=False,
    )
    short = replace(block, locators=block.locators[:-2]).committed()
    yield lie(
        "signed-locators-short", THIEF.format("there are too few locators."), short, "BAD_ROOT", "locators", quick=True
    )
    for name, about, chunk in (
        (
            "trailing-in-chunk",
            "bytes follow the last record of a data block.",
            Chunk(3, stored_deflate(first + second + third + b"\x00")),
        ),
        (
            "trailing-after-stream",
            "a byte follows the compressed stream.",
            Chunk(3, stored_deflate(first + second + third) + b"\x00"),
        ),
        ("cut-stream", "the compressed stream is cut.", Chunk(3, stored_deflate(first + second + third)[:-1])),
        ("bomb", "a data block inflates to 5 MiB.", Chunk(3, repeated_deflate(0, 20_321))),
    ):
        data = replace(block, chunks=(chunk,)).committed().altered(size=size + (name == "trailing-in-chunk"))
        data = data.altered(size=11 << 20) if name == "bomb" else data
        yield lie(f"signed-{name}", THIEF.format(about), data, "MALFORMED", None, quick=False)
    moved = b"\x12" + first[1:]
    cut_too = replace(block, chunks=(Chunk(3, stored_deflate(moved + second + third)[:-1]),)).committed()
    about = "a record is at another offset, in a compressed stream that is cut: the stream is judged first."
    yield lie("signed-cut-stream-and-offset", THIEF.format(about), cut_too, "MALFORMED", "payload", quick=False)
    yield from largest_contents()


def largest_contents() -> Iterator[Vector]:
    """Yield a record with as much content as there may be, and one with a byte more: compressed by hand, to 8 KiB."""
    block = last()
    head = encode_long(8) + encode_long(block.header["min_timestamp"]) + b"\x00\x02\x00\x02"
    cases = (
        ("", "and `max_timestamp` is wrong, which comes later", 0, 1, ("BAD_RECORD", "max_timestamp", None)),
        ("-more", "and one byte", 1, 0, ("MALFORMED", None, 8)),
    )
    for name, about, more, late, (verdict, field, offset) in cases:
        length = MAX_CONTENT_BYTES + more - len(b"\x00\x02\x00\x02") - 4  # 4: the bytes of the length itself
        before = head + encode_long(length)
        record = before + bytes(length + 2)
        extremes = {
            "min_timestamp": block.header["min_timestamp"],
            "max_timestamp": block.header["min_timestamp"] + late,
        }
        sealed = block.resealed([record], last_offset=8, gaps=[], **extremes)
        sealed = replace(sealed, chunks=(Chunk(1, zeros_deflate(before, length + 2)),)).committed()
        told = THIEF.format(f"a record has contents of 8 MiB, {about}.")
        yield lie(f"content-8-mib{name}", told, sealed, verdict, field, offset, quick=False)


def malformed_records() -> Iterator[Vector]:
    block = last()
    first, second, third = block.records()
    start = len(encode_long(10)) + len(encode_long(message(10, None).ms))
    head, value = second[:start], b"\x02\x02v"
    assert message(10, None).kind == CREATED
    large = encode_long((8 << 20) + 1) + b"\x40" + sha256(b"").digest()
    cases = (
        ("padded-varint", "its offset's varint is padded", b"\x94\x00" + second[1:]),
        ("long-varint", "its timestamp has more than 64 bits", second[:1] + b"\xff" * 9 + b"\x7f" + second[start:]),
        ("negative-length", "its key has a negative length", head + b"\x02\x01" + b"\x02\x00" + value + b"\x00\x00"),
        (
            "huge-length",
            "its key's length is 2^62",
            head + b"\x02" + b"\x80" * 8 + b"\x80\x01" + b"\x02\x00" + value + b"\x00\x00",
        ),
        ("union-branch", "its key has a third union branch", head + b"\x04\x02k" + b"\x02\x00" + value + b"\x00\x00"),
        (
            "split-array",
            "its headers are in two blocks",
            head + b"\x00\x02" + (b"\x02\x02a\x00") * 2 + b"\x00" + value + b"\x00\x00",
        ),
        (
            "array-with-size",
            "its headers' block has a byte size",
            head + b"\x00\x02\x01\x06\x02a\x00\x00" + value + b"\x00\x00",
        ),
        ("header-name", "a header's name is not UTF-8", head + b"\x00\x02\x02\x02\xff\x00\x00" + value + b"\x00\x00"),
        (
            "oversize-beside-value",
            "it is oversize and has a value",
            head + b"\x00\x00" + value + b"\x02" + large + b"\x00",
        ),
        (
            "oversize-small",
            "it is oversize with 8 MiB",
            head + b"\x00\x00\x00\x02" + encode_long(8 << 20) + large[4:] + b"\x00",
        ),
        (
            "oversize-hash",
            "its oversize hash has 31 bytes",
            head + b"\x00\x00\x00\x02" + large[:4] + b"\x3e" + bytes(31) + b"\x00",
        ),
        ("salt", "its salt has 5 bytes", head + b"\x00\x02\x00" + value + b"\x00\x0a12345"),
    )
    for name, about, record in cases:
        altered = block.resealed([first, record, third])
        yield lie(
            f"record-{name}",
            THIEF.format(f"a record is not canonical: {about}."),
            altered,
            "MALFORMED",
            None,
            10,
            quick=False,
        )
    stamp = encode_long(message(8, None).ms)
    assert first[1 : 1 + len(stamp)] == stamp
    endless = block.resealed([first[:1] + b"\xff" * 11 + first[1 + len(stamp) :], second, third])
    yield lie(
        "record-endless-timestamp",
        THIEF.format("the first record's timestamp is eleven bytes FF."),
        endless,
        "MALFORMED",
        None,
        8,
        quick=False,
    )
    negative = block.resealed([b"\x01" + first[1:], second, third])
    yield lie(
        "record-negative-offset",
        THIEF.format("a record's offset is negative."),
        negative,
        "MALFORMED",
        None,
        8,
        quick=False,
    )


def keys() -> Iterator[Vector]:
    second = simple_run(1, (signing_key("log 1"),))
    old, new = KEY, signing_key("log 0, second")
    run = Run(ORIGIN, (old,))
    run.add([message(0, b"by the first key")])
    run.add([message(1, b"names the next")], rotate=(new,))
    run.add([message(2, b"by the second key")])
    good = run.objects | second.objects
    pinned = plain_trust()
    yield Vector("rotation", "A valid rotation of keys.", pinned, plain_objects(good))
    cases = (
        ("retired-key", "The retired key signs a block.", run.blocks[2].signed(old), [2]),
        (
            "early-key",
            "The next key signs the block that names it; so nothing vouches for it above, either.",
            run.blocks[1].signed(new),
            [1, 2],
        ),
    )
    for name, about, block, heights in cases:
        yield Vector(
            name,
            about,
            pinned,
            plain_objects(good | {block.key: block.object()}),
            tuple(at(height, "BAD_SIGNATURE", "note") for height in heights),
        )
    identity = b"\x01" + bytes(31)
    low_id = sha256(f"{ORIGIN}\n".encode() + b"\x01" + identity).hexdigest()[:8]
    vkeys = (
        (
            "low-order",
            "A next key is of small order.",
            f"{ORIGIN}+{low_id}+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ),
        ("foreign-name", "A next key has another log's name.", str(verifier_key(origin(1), new))),
        ("broken", "A next key is not a key.", "not a key"),
        ("type", "A next key is of an unknown type.", unknown_type()),
    )
    for name, about, vkey in vkeys:
        block = last().altered(next_keys=[vkey])
        yield lie(f"next-key-{name}", THIEF.format(about), block, "BAD_KEY", "next_keys", quick=True)
    yield from spoiled_keys(new)
    both = Run(ORIGIN, (old, new))
    both.add([message(0, b"by two keys")])
    block = both.blocks[0]
    double = trust(*both.pinned, *second.pinned)
    yield Vector("two-keys", "Two pinned keys signed.", double, plain_objects(both.objects | second.objects))
    one = {block.key: block.with_lines(block.lines[0]).object()}
    yield Vector(
        "two-keys-one-line",
        "Of two pinned keys one's line is stripped.",
        double,
        plain_objects(one | second.objects),
        (at(0, "BAD_SIGNATURE", "note"),),
    )


def spoiled_keys(new: SigningKey) -> Iterator[Vector]:
    """Yield vaults whose next keys are not keys, not announced, or can't sign."""
    block = last()
    off_curve = key_text(b"\x01\x02" + bytes(31))
    yield changed(
        "next-key-off-the-curve",
        "A next key is not a point of the curve: no signature by it will ever hold, and this block is right.",
        {block.key: block.altered(next_keys=[off_curve]).signed(KEY).object()},
    )
    below = plain()[0].blocks[1].altered(next_keys=[str(verifier_key(ORIGIN, new)), "not a key"]).signed(KEY)
    above = on_top(block, below)
    spoiled = at(1, "BAD_KEY", "next_keys")
    yield changed(
        "next-keys-spoiled",
        THIEF.format("one of two next keys is not a key: the old key stays, and signs the next block."),
        {below.key: below.object(), above.key: above.signed(KEY).object()},
        spoiled,
    )
    yield changed(
        "next-keys-spoiled-and-used",
        THIEF.format("one of two next keys is not a key: the old key stays, and the other signs the next block."),
        {below.key: below.object(), above.key: above.signed(new).object()},
        spoiled,
        at(2, "BAD_SIGNATURE", "note"),
    )
    yield changed(
        "signature-and-next-key",
        "A stranger signed a block, which names a next key that is not a key. The log's key didn't announce it.",
        {block.key: block.altered(next_keys=["not a key"]).signed(new).object()},
        at(2, "BAD_SIGNATURE", "note"),
    )


def on_top(block: Sealed, below: Sealed) -> Sealed:
    """Return a block as it continues from another one below it."""
    leaf = leaf_hash(below.header_bytes)
    frontier = Frontier.parse(below.height, below.frontier).append(leaf)
    return replace(block.altered(previous=leaf), frontier=frontier.format())


def unknown_type() -> str:
    """Return a verifier key of type 07, right in everything else."""
    return key_text(b"\x07" + bytes(range(32)))


def key_text(blob: bytes) -> str:
    """Return the text of a key whose type and bytes are given."""
    return f"{ORIGIN}+{sha256(f'{ORIGIN}'.encode() + bytes((10,)) + blob).hexdigest()[:8]}+{b64encode(blob).decode()}"
