"""Vaults with a value right at a limit of docs/reference/format.md, section 15, or right beyond it."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

from auditseal_schemas.container import Chunk, payload_digest
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.limits import MAX_CHUNK_BYTES, MAX_CONTENT_BYTES, MAX_HEIGHT, MAX_OBJECT_BYTES
from auditseal_schemas.origin import Origin
from tests.factory.keys import signing_key
from tests.factory.streams import stored_deflate, zeros_deflate
from tests.vectors.good import plain_contents, plain_trust
from tests.vectors.malformed import rejected
from tests.vectors.signed import KEY, THIEF, key_text, last, lie
from tests.vectors.tampered import at, changed, middle, one
from tests.vectors.vector import Pieces, Vector, Version, plain_objects

_EMPTY_STORED = b"\x00\x00\x00\xff\xff"
"""A stored deflate block of no bytes, which is not the last one."""


def limit_vectors() -> Iterator[Vector]:
    yield from names()
    yield from heights()
    yield from notes()
    yield from keys()
    yield from streams()
    yield large_object()
    yield from large_trust_files()


def names() -> Iterator[Vector]:
    """Yield origins of 256 characters: in a header, and in a trust file."""
    cluster = "a" * (256 - len("/audit.events/0/0"))
    long = f"{cluster}/audit.events/0/0"
    assert len(long) == 256
    yield rejected("limit-origin", THIEF.format("an origin has 256 characters."), middle().altered(origin=long))
    shorter = Origin(cluster[1:], "audit.events", 0, 0)
    vkey = str(VerifierKey(str(shorter), signing_key("log 0").public)).replace(str(shorter), long)
    key_id = sha256(long.encode() + b"\n\x01" + signing_key("log 0").public).hexdigest()[:8]
    line = f"log {long}+{key_id}+{vkey.rpartition('+')[2]}\n"
    about = "A log's name has 256 characters."
    yield Vector(
        "limit-origin-in-trust", about, plain_trust() + line, plain_objects(plain_contents()), trust_error=True
    )


def heights() -> Iterator[Vector]:
    """Yield headers whose height is out of range, with as many hashes in the frontier as that height would have."""
    for name, height, hashes in (("above", MAX_HEIGHT + 1, (MAX_HEIGHT + 1).bit_count()), ("below", -1, 1)):
        block = replace(middle().altered(height=height), frontier=bytes(32 * hashes))
        yield one(f"limit-height-{name}", "A header's height is out of range.", block, "MALFORMED", None)


def notes() -> Iterator[Vector]:
    block = middle()
    (line,) = block.lines
    blob = b64encode(bytes(8)).decode()
    for length in (255, 256):
        named = block.with_lines(line, f"— {'é' * length} {blob}")
        name, about = (
            f"limit-note-name-{length}",
            f"A stranger's line has a name of {length} characters, two bytes each.",
        )
        if length == 255:
            yield changed(name, about, {block.key: named.object()})
        else:
            yield one(name, about, named, "MALFORMED", None)
    largest = block.with_lines(line, f"— witness {b64encode(bytes(6_144)).decode()}")
    yield changed("limit-note-blob", "A stranger's line has 6,144 bytes.", {block.key: largest.object()})
    text = f"{block.origin}\n10000000000000000\n{b64encode(block.root).decode()}\n"
    about = "A checkpoint's size has 17 digits."
    yield one("limit-checkpoint-size", about, block.with_lines(line, text=text), "MALFORMED", "checkpoint")


def keys() -> Iterator[Vector]:
    """Yield keys of another length, with the right id: in a trust file and as a next key."""
    for length in (31, 33):
        vkey = key_text(b"\x01" + signing_key("log 0").public[:31] + bytes(length - 31))
        about = f"A public key has {length} bytes."
        name = f"limit-key-of-{length}-bytes"
        yield Vector(name, about, f"log {vkey}\n", plain_objects(plain_contents()), trust_error=True)
        block = last().altered(next_keys=[vkey])
        yield lie(f"limit-next-key-of-{length}-bytes", THIEF.format(about), block, "BAD_KEY", "next_keys", quick=True)
    other = b"\x07" + signing_key("log 0").public
    typed = f"log {key_text(other)}\n"
    about = "A key's type is not known."
    yield Vector("key-type", about, typed, plain_objects(plain_contents()), trust_error=True)


def streams() -> Iterator[Vector]:
    """Yield data blocks that inflate to their bound, and to a byte more; the records are followed by zeros."""
    block = last()
    first, second, third = block.records()
    pair, single = MAX_CHUNK_BYTES, MAX_CONTENT_BYTES + 64
    cases = (
        ("two-records", (first, second), (third,), pair, "record"),
        ("two-records-more", (first, second), (third,), pair + 1, "payload"),
        ("one-record", (first,), (second, third), single, "record"),
        ("one-record-more", (first,), (second, third), single + 1, "payload"),
    )
    for name, padded, rest, length, field in cases:
        before, size = b"".join(padded), sum(map(len, rest))
        chunks = (
            Chunk(len(padded), zeros_deflate(before, length - len(before))),
            Chunk(len(rest), stored_deflate(b"".join(rest))),
        )
        sealed = replace(block, chunks=chunks).committed().altered(size=length + size)
        about = THIEF.format(f"a data block of {len(padded)} record(s) inflates to {length:,} bytes.")
        yield lie(f"limit-stream-{name}", about, sealed, "MALFORMED", field, quick=False)


def large_object() -> Vector:
    """Return a block of more than 12 MiB: right in everything else, with empty deflate blocks before the last one."""
    block = last()
    (chunk,) = block.chunks
    times = MAX_OBJECT_BYTES // len(_EMPTY_STORED)
    deflated = _EMPTY_STORED * times + chunk.deflated
    large = replace(block, chunks=(Chunk(chunk.count, deflated),))
    large = large.altered(payload=payload_digest(large.chunks)).signed(KEY)
    content = large.object()
    start = content.index(_EMPTY_STORED * 2)
    end = start + len(_EMPTY_STORED) * times
    assert len(content) > MAX_OBJECT_BYTES
    pieces: Pieces = ((content[:start], 1), (_EMPTY_STORED, times), (content[end:], 1))
    objects = plain_objects(plain_contents()) | {block.key: (Version(content, pieces=pieces),)}
    about = THIEF.format("an object has more than 12 MiB.")
    return Vector("limit-object", about, plain_trust(), objects, (at(2, "SQUATTED", None),))


def large_trust_files() -> Iterator[Vector]:
    """Yield trust files of 1 MiB, and of a comment more."""
    comments = ((1 << 20) - len(plain_trust())) // len("#\n")
    objects = plain_objects(plain_contents())
    assert len(plain_trust()) % 2 == 0
    yield Vector("limit-trust", "The trust file has 1 MiB.", plain_trust(), objects, trust_comments=comments)
    yield Vector(
        "limit-trust-more",
        "The trust file has more than 1 MiB.",
        plain_trust(),
        objects,
        trust_error=True,
        trust_comments=comments + 1,
    )
