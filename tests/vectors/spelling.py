"""Vaults with a second spelling of something that has one: a lenient reader takes it for the right one."""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

from auditseal_schemas.varint import encode_long
from tests.factory.keys import signing_key
from tests.vectors.good import message, plain, plain_contents, plain_trust
from tests.vectors.sealed import flipped, replaced
from tests.vectors.signed import THIEF, last, lie
from tests.vectors.tampered import at, changed, middle, one
from tests.vectors.vector import Vector, plain_objects


def spelling_vectors() -> Iterator[Vector]:
    yield from records()
    yield from wrappers()
    yield from notes()
    yield from trust_files()


def records() -> Iterator[Vector]:
    block = last()
    first, second, third = block.records()
    head = second[: len(encode_long(10)) + len(encode_long(message(10, None).ms))]
    key, none, value, end = b"\x02\x02k", b"\x02\x00", b"\x02\x02v", b"\x00\x00"
    large = encode_long((8 << 20) + 1) + b"\x40" + sha256(b"").digest()
    cases = (
        ("null-branch", "its key is null by a third branch", head + b"\x04" + none + value + end),
        ("headers-branch", "its headers are in a third branch", head + key + b"\x04\x02\x02a\x00\x00" + value + end),
        ("headers-end", "its headers don't end in 00", head + key + b"\x02\x02\x02a\x00\x02" + value + end),
        ("oversize-branch", "its oversize is in a third branch", head + b"\x00\x00\x00\x04" + large + b"\x00"),
        ("name-length", "a header's name has the length -3", head + key + b"\x02\x02\x05\x00" + value + end),
    )
    for name, about, record in cases:
        altered = block.resealed([first, record, third])
        told = THIEF.format(f"a record is not canonical: {about}.")
        yield lie(f"spelling-record-{name}", told, altered, "MALFORMED", None, 10, quick=False)
    cut = third[:-1] + b"\x20abc"
    told = THIEF.format("the last record's salt is cut off.")
    yield lie("spelling-record-salt", told, block.resealed([first, second, cut]), "MALFORMED", None, 11, quick=False)


def wrappers() -> Iterator[Vector]:
    block = middle()
    data = block.object()
    header = b64encode(block.header_bytes)
    frontier = b64encode(block.frontier)
    sync = sha256(block.header_bytes).digest()[:16]
    other = flipped(sync, 0)
    locators = b"\x28auditseal.locators".replace(b"\x28", bytes((2 * len("auditseal.locators"),)))
    start = data.index(locators) + len(locators) + 1 + len(b64encode(block.locators))
    assert data[start : start + 1] + sync == b"\x00" + sync
    assert frontier.endswith(b"=")
    assert header in data
    cases = (
        ("entries", "The metadata says seven entries, and has six.", replaced(data, (b"Obj\x01\x0c", b"Obj\x01\x0e"))),
        ("metadata-end", "The metadata doesn't end in 00.", data[:start] + b"\x01" + data[start + 1 :]),
        ("first-sync", "The first sync marker is another.", data[: start + 1] + other + data[start + 17 :]),
        ("base64", "The frontier's base64 has other spare bits.", replaced(data, (frontier, spare_bit(frontier)))),
    )
    for name, about, altered in cases:
        yield one(f"spelling-wrapper-{name}", about, altered, "MALFORMED", None)


def spare_bit(encoded: bytes) -> bytes:
    """Return base64 that ends in one `=` with its lowest spare bit flipped: it decodes to the same bytes."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    changed_text = encoded[:-2] + bytes((alphabet[alphabet.index(encoded[-2]) ^ 1],)) + b"="
    assert b64decode(changed_text) == b64decode(encoded)
    return changed_text


def notes() -> Iterator[Vector]:
    block = middle()
    (line,) = block.lines
    blob = b64encode(bytes(8)).decode()
    prefix, _, signature = line.rpartition(" ")
    cases = {
        "empty-name": ("An added line has an empty name.", block.with_lines(line, f"—  {blob}")),
        "no-break-space": ("An added line's name has U+00A0.", block.with_lines(line, f"— a\u00a0b {blob}")),
        "em-space": ("An added line's name has U+2003.", block.with_lines(line, f"— a\u2003b {blob}")),
        "ideographic-space": ("An added line's name has U+3000.", block.with_lines(line, f"— a\u3000b {blob}")),
        "base64": (
            "A signature's base64 has other spare bits.",
            block.with_lines(f"{prefix} {spare_bit(signature.encode()).decode()}"),
        ),
        "not-utf-8-in-a-name": (
            "An added line's name is not UTF-8.",
            replace(block, note=block.note + "— a".encode() + b"\xff " + blob.encode() + b"\n"),
        ),
    }
    for name, (about, altered) in cases.items():
        yield one(f"spelling-note-{name}", about, altered, "MALFORMED", None)
    top = last()
    (above,) = top.lines
    without = replace(top, note=f"\n\n{above}\n".encode())
    yield changed(
        "spelling-note-no-text",
        "The newest block's note has no text: the object doesn't parse, and could be anyone's.",
        {top.key: without.object()},
        at(2, "SQUATTED", None),
    )
    text = top.text.replace("\n3\n", "\n\n3\n")
    yield changed(
        "spelling-note-text",
        "The newest block's note has a text with an empty line: it parses, and its text is not a checkpoint.",
        {top.key: top.signed(signing_key("log 0"), text=text).object()},
        at(2, "MALFORMED", "checkpoint"),
    )
    text = top.text.replace("\n3\n", "\n03\n")
    yield changed(
        "spelling-checkpoint-size",
        "The newest block's checkpoint has a size with a leading zero, and is signed.",
        {top.key: top.signed(signing_key("log 0"), text=text).object()},
        at(2, "MALFORMED", "checkpoint"),
    )
    yield changed(
        "spelling-checkpoint-line",
        "The newest block's checkpoint has a further line, and is signed.",
        {top.key: top.signed(signing_key("log 0"), text=f"{top.text}extension\n").object()},
        at(2, "MALFORMED", "checkpoint"),
    )


def trust_files() -> Iterator[Vector]:
    """Yield trust files that are right although they look odd."""
    first, second = plain_trust().splitlines()
    run = plain()[0]
    start = f"start {run.origin} 2 {b64encode(run.blocks[1].root).decode()}"
    objects, spaced = plain_objects(plain_contents()), f"\t {first} \n\n{second}".replace("log ", "log \t ")
    yield Vector("trust-comment-in-a-word", "A comment begins within a word.", f"{first}#0\n{second}#1", objects)
    yield Vector(
        "trust-start-before-log", "A start line comes before its log's.", f"{start}\n{first}\n{second}\n", objects
    )
    yield Vector("trust-spaces", "Spaces and tabs surround the words.", spaced, objects)
