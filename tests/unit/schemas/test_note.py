"""Notes and checkpoints: others' examples, and everything that must not pass for one."""

import json
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.limits import MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES
from auditseal_schemas.note import Note, NoteSignature, sign_note
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import KEY, ORIGIN, OTHER_KEY, OTHER_SIGNER, SIGNER

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data/signed_note/notes.json").read_text())
PETER, ENOCH = VECTORS["keys"]["PeterNeumann"], VECTORS["keys"]["EnochRoot"]
TEXT: str = VECTORS["text"]
PETER_KEY, ENOCH_KEY = VerifierKey.parse(PETER["vkey"]), VerifierKey.parse(ENOCH["vkey"])
ROOT = sha256(b"root").digest()
CHECKPOINT = Checkpoint(ORIGIN, 1, ROOT)
SIGNED = sign_note(CHECKPOINT.format(), str(ORIGIN), [SIGNER])


def note_of(*lines: str, text: str = TEXT) -> bytes:
    return (text + "\n" + "".join(f"{line}\n" for line in lines)).encode()


def refuse(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        Note.parse(data)
    assert caught.value.field == "note"
    assert str(caught.value).isprintable()


def test_a_published_note_is_opened_and_made_again() -> None:
    data = note_of(PETER["line"])
    note = Note.parse(data)
    assert note.text == TEXT
    note.check([PETER_KEY])
    assert note.format() == data
    signer = SigningKey.from_seed(b64decode(PETER["skey"])[1:])
    assert sign_note(TEXT, "PeterNeumann", [signer]).format() == data


def test_two_published_signatures() -> None:
    note = Note.parse(note_of(PETER["line"], ENOCH["line"]))
    note.check([PETER_KEY])
    note.check([PETER_KEY, ENOCH_KEY])
    note.check([ENOCH_KEY, PETER_KEY])


@pytest.mark.parametrize("vkey", VECTORS["refused_vkeys"].values(), ids=VECTORS["refused_vkeys"])
def test_published_bad_keys(vkey: str) -> None:
    with pytest.raises(VerificationError, match="BAD_KEY"):
        VerifierKey.parse(vkey)


@pytest.mark.parametrize("name", ["checkpoint", "quasimodo"])
def test_published_examples_keep_their_bytes(name: str) -> None:
    data = VECTORS[name].encode()
    note = Note.parse(data)
    assert note.format() == data
    assert len(note.signatures) == 1
    assert len(note.signatures[0].signature) == 64


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode() + b"\n",
        note_of(PETER["line"])[:-1],
        note_of(PETER["line"])[:-1] + b"X",
        b"\x01" + note_of(PETER["line"]),
        b"\xff" + note_of(PETER["line"]),
        note_of("— Bad Name " + PETER["line"].rpartition(" ")[2]),
        note_of(PETER["line"], "Unexpected line."),
    ],
)
def test_published_malformed_notes(data: bytes) -> None:
    refuse(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n\n",
        b"\n\n" + PETER["line"].encode() + b"\n",
        note_of(PETER["line"], ""),
        note_of(PETER["line"]) + b"\n",
        f"{TEXT}{PETER['line']}\n".encode(),
        note_of(PETER["line"]).replace(b"\n", b"\r\n"),
        note_of(PETER["line"]).replace("—".encode(), b"-"),
        note_of(PETER["line"].replace(" ", "  ")),
        note_of(PETER["line"] + " "),
        note_of(PETER["line"].replace("PeterNeumann", "Peter+Neumann")),
        note_of(PETER["line"].replace("PeterNeumann", "Peter\u2028Neumann")),
        note_of(PETER["line"].replace("PeterNeumann", "")),
        note_of(PETER["line"].replace("PeterNeumann", "P" * 256)),
        note_of(PETER["line"].replace("JnAM=", "JnAN=")),
        note_of(PETER["line"].replace("JnAM=", "JnAM")),
        note_of(PETER["line"].replace("JnAM=", "JnAM==")),
        note_of("— PeterNeumann AAAAAA=="),
        note_of("— PeterNeumann AAAAA"),
        note_of("— PeterNeumann " + "A" * 8196),
        note_of(PETER["line"], text=TEXT.replace("\n", "\x85\n")),
        note_of(PETER["line"], text=TEXT.replace("\n", "\t\n")),
        note_of(PETER["line"], text=TEXT.replace("\n", "\x7f\n")),
        note_of(PETER["line"], text=TEXT.replace("\n", "\x1b[31m\n")),
        note_of(PETER["line"]).replace(b"If", b"\xed\xa0\x80"),
        note_of(PETER["line"], text="x" * MAX_NOTE_BYTES + "\n"),
        note_of(*[PETER["line"]] * (MAX_NOTE_SIGNATURES + 1)),
    ],
)
def test_malformed_notes(data: bytes) -> None:
    refuse(data)


def test_the_limits_themselves_are_allowed() -> None:
    assert len(Note.parse(note_of(*[PETER["line"]] * MAX_NOTE_SIGNATURES)).signatures) == MAX_NOTE_SIGNATURES
    longest = note_of(PETER["line"], text="x" * (MAX_NOTE_BYTES - len(note_of(PETER["line"], text="\n"))) + "\n")
    assert len(longest) == MAX_NOTE_BYTES
    assert Note.parse(longest).format() == longest


def test_a_signature_has_at_least_one_byte() -> None:
    assert NoteSignature.parse("— name AAAAAAA=") == NoteSignature("name", bytes(4), b"\x00")
    with pytest.raises(MalformedError, match="too short"):
        NoteSignature.parse("— name AAAAAA==")


def test_a_text_may_have_empty_lines() -> None:
    data = note_of(PETER["line"], text="one\n\n\n\ntwo\n\n")
    assert Note.parse(data).text == "one\n\n\n\ntwo\n\n"
    assert Note.parse(data).format() == data


def test_strangers_may_sign_too() -> None:
    stranger = NoteSignature("stranger.example", b"\1\2\3\4", b"anything")
    same_name = NoteSignature(KEY.name, b"\1\2\3\4", b"anything")
    same_id = NoteSignature("stranger.example", KEY.key_id, b"anything")
    note = Note(SIGNED.text, (stranger, same_name, *SIGNED.signatures, same_id))
    Note.parse(note.format()).check([KEY])


@pytest.mark.parametrize(
    ("signatures", "keys", "problem"),
    [
        (SIGNED.signatures, [KEY, OTHER_KEY], "0 signatures"),
        (SIGNED.signatures, [OTHER_KEY], "0 signatures"),
        (SIGNED.signatures * 2, [KEY], "2 signatures"),
        ((*SIGNED.signatures, NoteSignature(KEY.name, KEY.key_id, bytes(64))), [KEY], "2 signatures"),
        ((NoteSignature(KEY.name, KEY.key_id, bytes(64)),), [KEY], "doesn't hold"),
        ((NoteSignature(KEY.name, KEY.key_id, b"short"),), [KEY], "doesn't hold"),
        ((NoteSignature(KEY.name, OTHER_KEY.key_id, SIGNED.signatures[0].signature),), [OTHER_KEY], "doesn't hold"),
        ((NoteSignature("other", KEY.key_id, SIGNED.signatures[0].signature),), [KEY], "0 signatures"),
    ],
)
def test_every_pinned_key_must_have_signed_once(
    signatures: tuple[NoteSignature, ...], keys: list[VerifierKey], problem: str
) -> None:
    with pytest.raises(VerificationError, match=problem) as caught:
        Note(SIGNED.text, signatures).check(keys)
    assert caught.value.verdict is Verdict.BAD_SIGNATURE


def test_without_a_key_nothing_is_checked_and_nothing_passes() -> None:
    with pytest.raises(VerificationError, match="BAD_KEY: note: there is no key"):
        SIGNED.check(())
    with pytest.raises(VerificationError, match="BAD_KEY: note: there is no key"):
        SIGNED.check(iter(()))
    SIGNED.check(iter((KEY,)))


def test_two_signers_of_one_note() -> None:
    note = sign_note(SIGNED.text, str(ORIGIN), [OTHER_SIGNER, SIGNER])
    assert [line.key_id for line in note.signatures] == [OTHER_KEY.key_id, KEY.key_id]
    note.check([KEY, OTHER_KEY])


def test_a_signature_is_of_this_text() -> None:
    with pytest.raises(VerificationError, match="BAD_SIGNATURE"):
        Note(SIGNED.text.replace("\n1\n", "\n2\n"), SIGNED.signatures).check([KEY])


def test_a_checkpoint_has_one_spelling() -> None:
    text = CHECKPOINT.format()
    assert text == f"{ORIGIN}\n1\n{b64encode(ROOT).decode()}\n"
    assert Checkpoint.parse(text) == CHECKPOINT


def test_a_checkpoint_of_another_kind_of_log_is_refused() -> None:
    """The published example is a fine checkpoint, but of no origin of ours."""
    with pytest.raises(MalformedError, match="origin"):
        Checkpoint.parse(Note.parse(VECTORS["checkpoint"].encode()).text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        CHECKPOINT.format()[:-1],
        CHECKPOINT.format() + "extension\n",
        CHECKPOINT.format() + "\n",
        "\n" + CHECKPOINT.format(),
        CHECKPOINT.format().replace("\n1\n", "\n0\n"),
        CHECKPOINT.format().replace("\n1\n", "\n01\n"),
        CHECKPOINT.format().replace("\n1\n", "\n-1\n"),
        CHECKPOINT.format().replace("\n1\n", "\n1_0\n"),
        CHECKPOINT.format().replace("\n1\n", "\n\u0661\n"),
        CHECKPOINT.format().replace("\n1\n", "\n" + "9" * 17 + "\n"),
        CHECKPOINT.format().replace("\n1\n", "\n\n"),
        CHECKPOINT.format().replace("/3/", "/03/"),
        f"{ORIGIN}\n1\n{b64encode(ROOT[:31]).decode()}\n",
        f"{ORIGIN}\n1\n{b64encode(ROOT + b'1').decode()}\n",
        f"{ORIGIN}\n1\n{'A' * 42}B=\n",
        f"\x1b[31m\n1\n{b64encode(ROOT).decode()}\n",
    ],
)
def test_anything_else_is_no_checkpoint(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        Checkpoint.parse(text)
    assert caught.value.field == "checkpoint"
    assert str(caught.value).isprintable()
