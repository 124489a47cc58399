"""Signature lines altered, and parts of an object replaced by another object's; without the log's key."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import permutations, product

from auditseal_schemas.note import NoteSignature, sign_note
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import SIGNER
from tests.factory.vaults import ORIGINS
from tests.tamper.case import Expected, Family, Kind, Vault, find, no_block, with_object
from tests.tamper.records import ATTACKER, EVERYTHING
from tests.tamper.world import HEIGHTS, OFFSETS, history
from tests.vectors.sealed import Sealed
from tests.vectors.tampered import GROUP_ORDER

WITNESS = "witness.example.com/w"


def families() -> Iterator[Family]:
    yield Family("signature lines altered", EVERYTHING, _lines)
    yield Family("strangers' lines added", "nobody", _strangers, Kind.LAWFUL)
    yield Family("a part of an object replaced by another object's", EVERYTHING, _transplanted)


def _lines() -> Iterator[Vault]:
    for origin, height in product(ORIGINS, HEIGHTS):
        sealed, key = history(origin).sealed(height), origin.block_key(height)
        for name, lines in _bad_lines(origin, sealed):
            data = sealed.with_lines(*map(str, lines)).object()
            expected = find(Verdict.BAD_SIGNATURE, origin, height, "note")
            yield Vault(f"{key}: {name}", with_object(key, data), (expected,))
        (line,) = sealed.lines
        for name, texts in (
            ("none", []),
            ("unpadded", [line[:-1]]),
            ("33 lines", [line] * 33),
            ("no name", [line.replace(f"{origin} ", "")]),
            ("a space more", [line.replace(" ", "  ", 1)]),
            ("carriage return", [line + "\r"]),
            ("another dash", [line.replace("—", "-")]),
        ):
            data = sealed.with_lines(*texts).object()
            yield Vault(f"{key}: {name}", with_object(key, data), (no_block(origin, height),))


def _bad_lines(origin: Origin, sealed: Sealed) -> Iterator[tuple[str, list[NoteSignature]]]:
    line = NoteSignature.parse(sealed.lines[0])
    raw = line.signature
    (own,) = sign_note(sealed.text, str(origin), [ATTACKER]).signatures
    (witness,) = sign_note(sealed.text, WITNESS, [SIGNER]).signatures
    cosigned = (1).to_bytes(8, "big") + SIGNER.sign(f"cosignature/v1\ntime 1\n{sealed.text}".encode())
    as_witness = sha256(f"{origin}\n".encode() + b"\x04" + SIGNER.public).digest()[:4]
    scalar = (int.from_bytes(raw[32:], "little") + GROUP_ORDER).to_bytes(32, "little")
    yield "cut", [replace(line, signature=raw[:-1])]
    yield "extended", [replace(line, signature=raw + b"\0")]
    yield "zero", [replace(line, signature=bytes(64))]
    yield "R is the identity, S is 0", [replace(line, signature=b"\1" + bytes(63))]
    yield "halves swapped", [replace(line, signature=raw[32:] + raw[:32])]
    yield "the group's order added to S", [replace(line, signature=raw[:32] + scalar)]
    yield "by an unknown key", [own]
    yield "by an unknown key with the log's id", [replace(own, key_id=line.key_id)]
    yield "under a witness's name", [witness]
    yield "the name is another log's", [replace(line, name=str(ORIGINS[1 - origin.partition]))]
    yield "as a witness's signature", [NoteSignature(str(origin), as_witness, cosigned)]
    yield "a witness's signature with the log's id", [replace(line, signature=cosigned[8:])]
    yield "twice", [line, line]
    yield "twice, one of them wrong", [line, replace(line, signature=bytes(64))]
    for log, height in product(ORIGINS, HEIGHTS):
        if (log, height) != (origin, sealed.height):
            other = NoteSignature.parse(history(log).sealed(height).lines[0])
            yield f"that of {log}, {height}", [replace(line, signature=other.signature)]


def _strangers() -> Iterator[Vault]:
    for origin, height in product(ORIGINS, HEIGHTS):
        sealed, key = history(origin).sealed(height), origin.block_key(height)
        line = sealed.lines[0]
        own, witness = (str(sign_note(sealed.text, name, [ATTACKER]).signatures[0]) for name in (str(origin), WITNESS))
        for lines in (
            (line, own),
            (own, line),
            (witness, line, own),
            (line, witness, witness),
            (line, *[witness] * 31),
        ):
            data = sealed.with_lines(*lines).object()
            yield Vault(f"{key}: {len(lines)} lines", with_object(key, data))


def _transplanted() -> Iterator[Vault]:
    places = list(product(ORIGINS, HEIGHTS))
    for (origin, height), (log, number) in permutations(places, 2):
        sealed, other = history(origin).sealed(height), history(log).sealed(number)
        key = origin.block_key(height)
        for part, altered, expected in _transplants(sealed, other):
            if altered.object() != sealed.object():
                yield Vault(f"{key}: {part} of {log}, {number}", with_object(key, altered.object()), (expected,))


def _transplants(sealed: Sealed, other: Sealed) -> Iterator[tuple[str, Sealed, Expected]]:
    origin, height = sealed.origin, sealed.height
    fits = height.bit_count() == other.height.bit_count()
    is_same_log = origin == other.origin
    place = find(Verdict.BROKEN_CHAIN, origin, height, "height" if is_same_log else "origin")
    frontier = find(Verdict.BROKEN_CHAIN, origin, height, "frontier")
    checkpoint = "checkpoint.size" if is_same_log else "checkpoint.origin"
    yield "header", replace(sealed, header=other.header), place if fits else no_block(origin, height)
    yield "frontier", replace(sealed, frontier=other.frontier), frontier if fits else no_block(origin, height)
    yield "note", replace(sealed, note=other.note), find(Verdict.BAD_ROOT, origin, height, checkpoint)
    locators = find(Verdict.BAD_ROOT, origin, height, "locators")
    yield "locators", replace(sealed, locators=other.locators), locators
    first = find(Verdict.BAD_RECORD, origin, height, "record", OFFSETS[height][0])
    yield "data blocks", replace(sealed, chunks=other.chunks), first
