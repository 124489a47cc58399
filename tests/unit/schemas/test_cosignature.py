"""ML-DSA-44 cosignatures: the bytes that C2SP specifies, and what a platform without the algorithm says."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.backends.openssl import backend

from auditseal_schemas.checkpoint import Checkpoint, TreeHead
from auditseal_schemas.cosignature import TimestampedSignature, cosigned_message
from auditseal_schemas.errors import ConfigurationError, MalformedError, VerificationError
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.note import Note, sign_note
from auditseal_schemas.public_key import ML_DSA_44, verify_signature
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import KEY, ORIGIN, SIGNER

FOREIGN = json.loads((Path(__file__).parents[2] / "data/signed_note/cosignature.json").read_text("utf-8"))
SECOND = SigningKey.from_seed(bytes(range(32)), ML_DSA_44)
SECOND_KEY = VerifierKey.of(str(ORIGIN), SECOND)
ROOT = sha256(b"root").digest()
TEXT = Checkpoint(ORIGIN, 258, ROOT).format()


def test_a_cosignature_that_another_program_made_holds() -> None:
    """Made by github.com/transparency-dev/formats (Go); the README next to the file says how."""
    note = Note.parse(FOREIGN["note"].encode())
    key = VerifierKey.parse(FOREIGN["vkey"])
    note.check([key])
    assert TimestampedSignature.parse(note.signatures[-1].signature).time > 0
    with pytest.raises(VerificationError, match="BAD_SIGNATURE"):
        Note(note.text.replace("\n3\n", "\n4\n"), note.signatures).check([key])


def test_the_signed_message_is_the_specified_one() -> None:
    """Each part by hand, from c2sp.org/tlog-cosignature, "ML-DSA-44 signed message"."""
    name, origin = b"witness.example.com/w", str(ORIGIN).encode()
    message = cosigned_message(name.decode(), 0x0102, TEXT)
    parts = (
        b"\x73\x75\x62\x74\x72\x65\x65\x2f\x76\x31\x0a\x00",
        bytes([len(name)]) + name,
        b"\0\0\0\0\0\0\1\2",
        bytes([len(origin)]) + origin,
        bytes(8),
        b"\0\0\0\0\0\0\1\2",
        ROOT,
    )
    assert message == b"".join(parts)


def test_the_key_id_is_as_specified() -> None:
    blob = b"\x06" + SECOND.public
    expected = sha256(str(ORIGIN).encode() + b"\n" + blob).digest()[:4]
    assert SECOND_KEY.key_id == expected
    assert str(SECOND_KEY) == f"{ORIGIN}+{expected.hex()}+{b64encode(blob).decode()}"
    assert VerifierKey.parse(str(SECOND_KEY)) == SECOND_KEY


def test_both_keys_sign_one_note_and_each_is_checked() -> None:
    note = sign_note(TEXT, str(ORIGIN), [SIGNER, SECOND])
    for keys in ([KEY, SECOND_KEY], [KEY], [SECOND_KEY]):
        note.check(keys)
    timestamped = TimestampedSignature.parse(note.signatures[1].signature)
    assert (timestamped.time, len(timestamped.signature)) == (0, 2_420)
    for kept in note.signatures:
        with pytest.raises(VerificationError, match="BAD_SIGNATURE"):
            Note(TEXT, (kept,)).check([KEY, SECOND_KEY])


def test_no_byte_of_a_signature_can_be_changed() -> None:
    blob = SECOND_KEY.sign(TEXT, SECOND)
    wrong = [blob[:place] + bytes((blob[place] ^ 1,)) + blob[place + 1 :] for place in range(0, len(blob), 17)]
    wrong += [b"", blob[:8], blob[:-1], blob + b"\0", b"\x80" + blob[1:]]
    for bad in wrong:
        with pytest.raises(VerificationError) as caught:
            SECOND_KEY.check(TEXT, bad)
        assert caught.value.verdict is Verdict.BAD_SIGNATURE
        assert SECOND_KEY.short in str(caught.value)


def test_it_signs_checkpoints_alone() -> None:
    blob = SECOND_KEY.sign(TEXT, SECOND)
    for text in ("any text\n", TEXT + "extension\n", TEXT.replace("\n258\n", "\n0258\n")):
        with pytest.raises(MalformedError):
            SECOND_KEY.sign(text, SECOND)
        with pytest.raises(VerificationError, match="BAD_SIGNATURE"):
            SECOND_KEY.check(text, blob)


def test_a_name_of_256_bytes_cannot_be_signed() -> None:
    longest = TreeHead("é" * 127, 1, ROOT).format()
    assert cosigned_message("é" * 127, 0, longest).count(b"\xfe" + "é".encode() * 127) == 2
    for signer, text in (("n", TreeHead("é" * 128, 1, ROOT).format()), ("é" * 128, longest)):
        with pytest.raises(MalformedError, match="256 bytes"):
            cosigned_message(signer, 0, text)


@pytest.mark.parametrize("length", [0, 32, 1_311, 1_313])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(VerificationError, match="BAD_KEY: key: an ML-DSA-44 public key has 1312 bytes"):
        VerifierKey("name", bytes(length), ML_DSA_44)


@pytest.mark.parametrize("byte", [0, 0xFF])
def test_any_1312_bytes_are_a_key_under_which_nothing_holds(byte: int) -> None:
    """FIPS 204, section 7.2: decoding takes all of them."""
    key = VerifierKey("name", bytes([byte]) * 1_312, ML_DSA_44)
    assert VerifierKey.parse(str(key)) == key
    with pytest.raises(VerificationError, match="BAD_SIGNATURE"):
        key.check(TEXT, bytes(2_428))


def test_every_signature_is_another_one() -> None:
    """FIPS 204's hedged variant: the reason why a block is recorded before others get it, and never signed again."""
    first, second = SECOND.sign(b"message"), SECOND.sign(b"message")
    assert first != second
    for signature in (first, second):
        verify_signature(ML_DSA_44, SECOND.public, b"message", signature)


def test_an_openssl_without_it_is_named_and_gives_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal is the library's own, which it makes where its OpenSSL lacks the algorithm."""
    monkeypatch.setattr(type(backend), "mldsa_supported", lambda _: False)
    calls = (
        lambda: SECOND_KEY.check(TEXT, bytes(2_428)),
        lambda: SigningKey.generate(ML_DSA_44),
        lambda: SigningKey.from_seed(bytes(32), ML_DSA_44),
    )
    for call in calls:
        with pytest.raises(ConfigurationError, match="doesn't know ML-DSA-44: install the wheels of cryptography 48"):
            call()
