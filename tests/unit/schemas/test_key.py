"""Keys: one spelling each, none that accepts signatures nobody made, none that can't be opened."""

from base64 import b64decode, b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import ConfigurationError, VerificationError
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.public_key import ED25519, ML_DSA_44
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import KEY, ORIGIN, OTHER_KEY, SIGNER

# RFC 8032 section 5.1: the field, the curve's d, and the order of the base point.
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
L = 2**252 + 27742317777372353535851937790883648493
Point = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(one: Point, other: Point) -> Point:
    """The complete addition law of the twisted Edwards curve -x² + y² = 1 + dx²y²."""
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P


def multiply(scalar: int, point: Point) -> Point:
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def point_at(y: int) -> Point | None:
    """Return a point with this y, if there is one (RFC 8032 section 5.1.3)."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (x, y) if (x * x - square) % P == 0 else None


def encode(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def small_order_points() -> set[Point]:
    """L times any point is of order 1, 2, 4 or 8; the multiples of one of order 8 are all that there are."""
    for y in range(2, 100):
        point = point_at(y)
        if point and multiply(4, generator := multiply(L, point)) != IDENTITY:
            return {multiply(factor, generator) for factor in range(8)}
    raise AssertionError


def refused(verdict: Verdict, error: pytest.ExceptionInfo[VerificationError]) -> None:
    assert error.value.verdict is verdict
    assert str(error.value).isprintable()


def test_all_eight_points_of_small_order_are_refused() -> None:
    points = small_order_points()
    assert len(points) == 8
    assert all(multiply(8, point) == IDENTITY for point in points)
    for point in points:
        with pytest.raises(VerificationError) as caught:
            VerifierKey("name", encode(point))
        refused(Verdict.BAD_KEY, caught)


@pytest.mark.parametrize("y", [*range(P, 2**255), 0, 1, P - 1])
@pytest.mark.parametrize("sign", [0, 1])
def test_no_key_has_two_encodings(y: int, sign: int) -> None:
    """Beyond the field's prime the number is not reduced; and minus zero, x = 0 with its sign, is at y = 1 and -1."""
    with pytest.raises(VerificationError) as caught:
        VerifierKey("name", (y | sign << 255).to_bytes(32, "little"))
    refused(Verdict.BAD_KEY, caught)


def test_why_low_order_is_refused() -> None:
    """The library accepts the identity's signature by nobody over anything: should that change, so may the check."""
    identity = encode(IDENTITY)
    Ed25519PublicKey.from_public_bytes(identity).verify(identity + bytes(32), b"anything")


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(VerificationError, match="32 bytes"):
        VerifierKey("name", b"\x09" * length)


def test_a_key_off_the_curve_never_verifies() -> None:
    off = next(y for y in range(2, 100) if point_at(y) is None)
    with pytest.raises(VerificationError) as caught:
        VerifierKey("name", off.to_bytes(32, "little")).check("text", bytes(64))
    refused(Verdict.BAD_SIGNATURE, caught)


def test_the_key_id_is_as_specified() -> None:
    expected = sha256(str(ORIGIN).encode() + b"\n\x01" + SIGNER.public).digest()[:4]
    assert KEY.key_id == expected
    assert str(KEY) == f"{ORIGIN}+{expected.hex()}+{b64encode(bytes((1,)) + SIGNER.public).decode()}"
    assert VerifierKey.parse(str(KEY)) == KEY


def test_a_signer_says_the_algorithm_that_its_verifier_key_names() -> None:
    blob = b64decode(str(VerifierKey(str(ORIGIN), SIGNER.public)).split("+", 2)[2])
    assert blob == SIGNER.algorithm + SIGNER.public


def test_every_mangled_key_is_refused() -> None:
    vkey = str(KEY)
    mangled = [
        vkey[:place] + chr(ord(vkey[place]) ^ bit) + vkey[place + 1 :]
        for place in range(len(vkey))
        for bit in (1, 32, 128)
    ]
    mangled += [vkey[:end] for end in range(len(vkey))] + [vkey[start:] for start in range(1, len(vkey))]
    mangled += [vkey + "\n", " " + vkey, vkey + "=", vkey + "+", vkey.upper(), f"{vkey}AAAA"]
    for text in mangled:
        with pytest.raises(VerificationError) as caught:
            VerifierKey.parse(text)
        refused(Verdict.BAD_KEY, caught)


@pytest.mark.parametrize(
    ("blob", "problem"),
    [
        ("A", "base64"),
        ("AQ=", "base64"),
        (b64encode(b"\x02" + KEY.public).decode(), "only types 0x01"),
        (b64encode(b"\x04" + KEY.public).decode(), "only types 0x01"),
        (b64encode(b"\x01" + KEY.public[:-1]).decode(), "32 bytes"),
        (b64encode(b"\x01" + KEY.public + b"\0").decode(), "32 bytes"),
    ],
)
def test_a_key_of_another_kind_is_refused(blob: str, problem: str) -> None:
    with pytest.raises(VerificationError, match=problem):
        VerifierKey.parse(f"name+00000000+{blob}")


def test_another_base64_of_the_same_key_is_refused() -> None:
    """33 bytes need no padding, so padding itself is the only other spelling."""
    assert len(str(KEY).split("+", 2)[2]) == 44
    with pytest.raises(VerificationError):
        VerifierKey.parse(f"{KEY}==")


def test_a_signature_holds_and_no_other_does() -> None:
    message = "message"
    signature = SIGNER.sign(message.encode())
    KEY.check(message, signature)
    wrong = [
        signature[:place] + bytes((signature[place] ^ 1 << bit,)) + signature[place + 1 :]
        for place in range(64)
        for bit in range(8)
    ]
    wrong += [signature[:length] for length in range(64)] + [signature + b"\0", signature * 2, signature + bytes(2356)]
    for bad in wrong:
        with pytest.raises(VerificationError) as caught:
            KEY.check(message, bad)
        refused(Verdict.BAD_SIGNATURE, caught)
    for key, text in ((OTHER_KEY, message), (KEY, message + "\n"), (KEY, "")):
        with pytest.raises(VerificationError):
            key.check(text, signature)


def test_a_signature_with_s_plus_l_is_refused() -> None:
    signature = SIGNER.sign(b"message")
    scalar = int.from_bytes(signature[32:], "little")
    for factor in range(1, (2**256 - scalar) // L + 1):
        malleable = signature[:32] + (scalar + factor * L).to_bytes(32, "little")
        with pytest.raises(VerificationError, match="BAD_SIGNATURE"):
            KEY.check("message", malleable)


@pytest.mark.parametrize("algorithm", [ED25519, ML_DSA_44], ids=["Ed25519", "ML-DSA-44"])
@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_a_signing_key_survives_its_pem(passphrase: bytes | None, algorithm: bytes) -> None:
    key = SigningKey.generate(algorithm)
    pem = key.to_pem(passphrase)
    assert (b"ENCRYPTED" in pem) == (passphrase is not None)
    again = SigningKey.from_pem(pem, passphrase)
    assert (again.algorithm, again.public) == (algorithm, key.public)
    text = Checkpoint(ORIGIN, 1, bytes(32)).format()
    pinned = VerifierKey.of("name", key)
    pinned.check(text, pinned.sign(text, again))


def test_an_empty_passphrase_never_writes_a_key_in_the_clear() -> None:
    with pytest.raises(ConfigurationError, match="passphrase"):
        SIGNER.to_pem(b"")


@pytest.mark.parametrize(
    ("pem", "passphrase"),
    [
        (b"", None),
        (b"no pem", None),
        (SIGNER.to_pem(None)[:-40], None),
        (SIGNER.to_pem(None), b"needless"),
        (SIGNER.to_pem(b"right"), b"wrong"),
        (SIGNER.to_pem(b"right"), None),
        (X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), None),
    ],
    ids=["empty", "no pem", "cut", "needless passphrase", "wrong passphrase", "no passphrase", "another kind"],
)
def test_a_key_file_that_cannot_be_opened_says_so(pem: bytes, passphrase: bytes | None) -> None:
    with pytest.raises(ConfigurationError, match="signing key"):
        SigningKey.from_pem(pem, passphrase)


def test_rfc_8032_test_1() -> None:
    """RFC 8032 section 7.1, TEST 1: the empty message."""
    key = SigningKey.from_seed(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    assert key.public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert b64decode(b64encode(key.sign(b""))).hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


PRIME = 2**255 - 19
REFUSED = {0, 1, PRIME - 1, PRIME, PRIME + 1, 2**255 - 1}


@pytest.mark.parametrize("sign", [0, 1 << 255], ids=["even", "odd"])
@pytest.mark.parametrize("y", [0, 1, 2, PRIME - 2, PRIME - 1, PRIME, PRIME + 1, 2**255 - 1], ids=hex)
def test_only_points_of_small_order_and_numbers_from_the_prime_on_are_refused(y: int, sign: int) -> None:
    public = (y | sign).to_bytes(32, "little")
    if y in REFUSED:
        with pytest.raises(VerificationError, match="BAD_KEY"):
            VerifierKey("a.example/t/0/0", public)
    else:
        assert VerifierKey("a.example/t/0/0", public).public == public
