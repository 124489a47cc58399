"""Vaults whose signatures or keys are at an edge of Ed25519: signatures that only some implementations accept.

The arithmetic is that of RFC 8032, section 5.1, by affine coordinates: slow, and good for a handful of points.
"""

from collections.abc import Iterator
from hashlib import sha256, sha512

from auditseal_schemas.key import VerifierKey
from auditseal_schemas.note import NoteSignature
from tests.factory.keys import signing_key, verifier_key
from tests.vectors.good import Run, message, plain, trust
from tests.vectors.sealed import Sealed
from tests.vectors.tampered import GROUP_ORDER, ORIGIN, at, changed, middle, one
from tests.vectors.vector import Vector, plain_objects

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]
IDENTITY: Point = (0, 1)
COLLIDING = (4_450, 49_394)
"""The numbers of two keys with one key id for this origin."""


def curve_vectors() -> Iterator[Vector]:
    yield from small_order_signatures()
    yield mixed_order()
    yield colliding_ids()


def add(one_point: Point, other: Point) -> Point:
    (x1, y1), (x2, y2) = one_point, other
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P


def multiply(number: int, point: Point) -> Point:
    result = IDENTITY
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def recover(y: int, odd: int) -> Point:
    """Return the point of a y-coordinate (RFC 8032 section 5.1.3)."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0
    return (x if x % 2 == odd else P - x), y


def encode(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


BASE = recover(4 * pow(5, -1, P) % P, 0)
ORDER_8 = recover(0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7, 0)


def secret_scalar(seed: bytes) -> int:
    """Return the scalar of a seed (RFC 8032 section 5.1.5)."""
    number = int.from_bytes(sha512(seed).digest()[:32], "little")
    return number & ((1 << 254) - 8) | 1 << 254


def challenge(r: bytes, public: bytes, text: bytes) -> int:
    return int.from_bytes(sha512(r + public + text).digest(), "little") % GROUP_ORDER


def signature_of(nonce: int, scalar: int, public: bytes, text: bytes, r: bytes | None = None) -> bytes:
    r = encode(multiply(nonce, BASE)) if r is None else r
    s = (nonce + challenge(r, public, text) * scalar) % GROUP_ORDER
    return r + s.to_bytes(32, "little")


def small_order_signatures() -> Iterator[Vector]:
    """Yield signatures by the log's own key whose R is the identity, in its one encoding and in another."""
    block, seed = middle(), sha256(b"auditseal test key log 0").digest()
    (line,) = map(NoteSignature.parse, block.lines)
    public, scalar, text = signing_key("log 0").public, secret_scalar(seed), block.text.encode()
    assert encode(multiply(scalar, BASE)) == public

    def signed(r: bytes) -> Sealed:
        signature = signature_of(0, scalar, public, text, r)
        return block.with_lines(str(NoteSignature(line.name, line.key_id, signature)))

    canonical, other = encode(IDENTITY), (P + 1).to_bytes(32, "little")
    yield changed(
        "curve-r-identity",
        "A signature's R is the identity: odd, and valid.",
        {block.key: signed(canonical).object()},
    )
    about = "A signature's R is a second encoding of the identity: it is compared as bytes."
    yield one("curve-r-not-canonical", about, signed(other), "BAD_SIGNATURE", "note")


def mixed_order() -> Vector:
    """Return a log whose key has a part of order 8: a check with the cofactor would accept its signature."""
    scalar = secret_scalar(sha256(b"auditseal test key mixed").digest())
    public = encode(add(multiply(scalar, BASE), ORDER_8))
    key = VerifierKey(str(ORIGIN), public)
    run = Run(ORIGIN, (signing_key("log 0"),))
    block = run.add([message(0, b"by a key of mixed order")])
    text = block.text.encode()
    nonce = next(number for number in range(1, 100) if challenge(encode(multiply(number, BASE)), public, text) % 8)
    signature = NoteSignature(str(ORIGIN), key.key_id, signature_of(nonce, scalar, public, text))
    second = plain()[1]
    objects = {block.key: block.with_lines(str(signature)).object()} | second.objects
    return Vector(
        "curve-mixed-order",
        "A key has a part of order 8, and a signature holds with the cofactor only.",
        trust(key, *second.pinned),
        plain_objects(objects),
        (at(0, "BAD_SIGNATURE", "note"),),
    )


def colliding_ids() -> Vector:
    """Return a log of two keys with one key id: neither has exactly one line, though both signed."""
    keys = tuple(signing_key(f"collision {number}") for number in COLLIDING)
    one_key, other = (verifier_key(ORIGIN, key) for key in keys)
    assert one_key.key_id == other.key_id
    run = Run(ORIGIN, (keys[0],))
    block = run.add([message(0, b"by two keys of one id")]).signed(*keys)
    second = plain()[1]
    return Vector(
        "curve-colliding-ids",
        "Two pinned keys have one name and one key id, and both signed.",
        trust(one_key, other, *second.pinned),
        plain_objects({block.key: block.object()} | second.objects),
        (at(0, "BAD_SIGNATURE", "note"),),
    )
