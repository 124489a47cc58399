"""Vaults whose checkpoints have a second signature, by an ML-DSA-44 key."""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache

from auditseal_schemas.cosignature import TimestampedSignature, cosigned_message
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.note import NoteSignature
from tests.factory.keys import signing_key, verifier_key
from tests.vectors.good import Run, message, plain, plain_trust, trust
from tests.vectors.recorded import RecordedKey
from tests.vectors.sealed import Sealed, flipped
from tests.vectors.signed import key_text
from tests.vectors.tampered import ORIGIN, at, changed
from tests.vectors.vector import Finding, Vector, plain_objects

FIRST = signing_key("log 0")
SECOND, THIRD = RecordedKey("log 0, ML-DSA-44"), RecordedKey("log 0, another ML-DSA-44")
SECOND_KEY, THIRD_KEY = verifier_key(ORIGIN, SECOND), verifier_key(ORIGIN, THIRD)


@cache
def both() -> Run:
    """Return a log that both keys sign from its first block on."""
    run = Run(ORIGIN, (FIRST, SECOND))
    for offset in range(3):
        run.add([message(offset, b"by two keys")])
    return run


def second_signature_vectors() -> Iterator[Vector]:
    other = plain()[1]
    objects = plain_objects(both().objects | other.objects)
    pinned = trust(*both().pinned, *other.pinned)
    yield Vector("second-signature", "An Ed25519 and an ML-DSA-44 key sign, and both are pinned.", pinned, objects)
    about = "Both keys sign, and the Ed25519 key alone is pinned: the other line is ignored."
    yield Vector("second-signature-not-pinned", about, plain_trust(), objects)
    line = f"start {ORIGIN} 1 {b64encode(both().blocks[0].root).decode()}\n"
    above = {block.key: block.object() for block in both().blocks[1:]}
    about = "Both keys are pinned from a start on."
    yield Vector("second-signature-start", about, pinned + line, plain_objects(above | other.objects))
    yield from lines()
    yield from announced()
    yield from lengths()


def lines() -> Iterator[Vector]:
    """Yield vaults in which the ML-DSA-44 line of block 1 is another one."""
    before, block, _ = both().blocks
    first, _ = block.lines
    text, zero = block.text, signature(block.text, 0)
    short, long = zero.format()[:-1], zero.format() + b"\0"
    moved = TimestampedSignature(1, zero.signature)
    over_text = TimestampedSignature(0, SECOND.sign(text.encode()))
    elsewhere = TimestampedSignature(0, SECOND.sign(cosigned_message("witness.example.com/w", 0, text)))
    by_third = TimestampedSignature(0, THIRD.sign(cosigned_message(str(ORIGIN), 0, text)))
    subtree = cosigned_message(str(ORIGIN), 0, text).replace(bytes(8) + (2).to_bytes(8), bytes(7) + b"\1" * 2, 1)
    cases = (
        ("missing", "The ML-DSA-44 line is stripped.", ()),
        ("doubled", "The ML-DSA-44 line is there twice.", (line(zero.format()), line(zero.format()))),
        ("bit", "A bit of the signature is flipped.", (line(flipped(zero.format(), 1000)),)),
        ("cut", "The signature lacks its last byte.", (line(short),)),
        ("longer", "The signature has a byte more.", (line(long),)),
        ("time-changed", "The time, which is signed, is another one.", (line(moved.format()),)),
        ("time-too-large", "The signed time is 2^63.", (line(signature(text, 2**63).format()),)),
        ("over-the-text", "The signature is over the text, as one by Ed25519.", (line(over_text.format()),)),
        ("other-name", "The signature is one under another name.", (line(elsewhere.format()),)),
        ("other-block", "The signature is that of block 0.", (line(signature(before.text, 0).format()),)),
        ("subtree", "The signature is over a tree that doesn't begin at 0.", (line(time_0(subtree)),)),
        ("other-key", "Another ML-DSA-44 key signed.", (line(by_third.format(), THIRD_KEY),)),
        ("forged", "Another ML-DSA-44 key signed, under the key id of the pinned one.", (line(by_third.format()),)),
    )
    for name, about, others in cases:
        yield replaced(name, about, block.with_lines(first, *others), at(1, "BAD_SIGNATURE", "note"))
    timed = block.with_lines(first, line(signature(text, 2**63 - 1).format()))
    yield replaced("time", "The signature has the largest time.", timed)
    alone = block.with_lines(line(zero.format()))
    yield replaced("first-missing", "The Ed25519 line is stripped.", alone, at(1, "BAD_SIGNATURE", "note"))


def replaced(name: str, about: str, block: Sealed, *findings: Finding) -> Vector:
    """Return the vault of both keys with one block replaced."""
    other = plain()[1]
    objects = plain_objects(both().objects | {block.key: block.object()} | other.objects)
    return Vector(f"second-signature-{name}", about, trust(*both().pinned, *other.pinned), objects, findings)


def announced() -> Iterator[Vector]:
    """Yield vaults in which the Ed25519 key, which alone is pinned, announces an ML-DSA-44 key, and then another."""
    run, other = Run(ORIGIN, (FIRST,)), plain()[1]
    run.add([message(0, b"by one key")], rotate=(FIRST, SECOND))
    run.add([message(1, b"by both")], rotate=(FIRST, THIRD))
    run.add([message(2, b"by the first and the third")])
    good = run.objects | other.objects
    about = "A block announces an ML-DSA-44 key, and the next block another one in its place."
    yield Vector("second-key-announced", about, plain_trust(), plain_objects(good))
    one, two = run.blocks[1], run.blocks[2]
    stripped = one.with_lines(one.lines[0])
    about = "The line of an ML-DSA-44 key that is announced is stripped."
    found = at(1, "BAD_SIGNATURE", "note")
    objects = plain_objects(good | {one.key: stripped.object()})
    # The block's announcement doesn't count, so the keys stay, and the retired one must sign the block above it.
    yield Vector("second-key-announced-missing", about, plain_trust(), objects, (found, at(2, "BAD_SIGNATURE", "note")))
    retired = two.with_lines(two.lines[0], line(signature(two.text, 0).format()))
    about = "The ML-DSA-44 key that was replaced signs."
    objects = plain_objects(good | {two.key: retired.object()})
    yield Vector("second-key-retired", about, plain_trust(), objects, (at(2, "BAD_SIGNATURE", "note"),))


def lengths() -> Iterator[Vector]:
    """Yield ML-DSA-44 keys of another length, with the right id: in a trust file and as a next key."""
    block = plain()[0].blocks[2]
    for length in (1_311, 1_313):
        vkey = key_text(b"\x06" + SECOND.public[:1_311] + bytes(length - 1_311))
        about = f"An ML-DSA-44 public key has {length} bytes."
        name, objects = f"limit-key-of-{length}-bytes", plain_objects(both().objects)
        yield Vector(name, about, plain_trust() + f"log {vkey}\n", objects, trust_error=True)
        sealed = block.altered(next_keys=[vkey]).signed(FIRST)
        found = at(2, "BAD_KEY", "next_keys")
        yield changed(f"limit-next-key-of-{length}-bytes", about, {block.key: sealed.object()}, found)


def signature(text: str, time: int) -> TimestampedSignature:
    return TimestampedSignature(time, SECOND.sign(cosigned_message(str(ORIGIN), time, text)))


def time_0(signed: bytes) -> bytes:
    """Return the bytes of a signature over a message, whose time is 0."""
    return TimestampedSignature(0, SECOND.sign(signed)).format()


def line(blob: bytes, key: VerifierKey = SECOND_KEY) -> str:
    """Return a signature line in the log's name."""
    return str(NoteSignature(str(ORIGIN), key.key_id, blob))
