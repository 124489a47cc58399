"""Mutations of texts: trust files, checkpoints, notes, keys and names, by their words and lines, and signed again."""

import re
from base64 import b64encode
from hashlib import sha256
from random import Random

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.note import Note, sign_note
from auditseal_schemas.public_key import ED25519
from tests.factory.keys import OTHER_SIGNER, SIGNER
from tests.fuzz.edit import Edit

_WORDS = re.compile(rb"([\s/+=?&:]+)")
_DICTIONARY = tuple(
    b"0 1 00 -1 +1 999999999 1000000000 9999999999999999 99999999999999999999 . .. log vault start retention # "
    b"\xe2\x80\x94 \xc2\xa0 AAAA= ==== A AAAAA a/b/0/0 \xd9\xa1 \xef\xbc\x91".split(b" ")
)
_LOW_ORDER = (bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f", b"\xff" * 32)


def mutate_text(data: bytes, random: Random, edit: Edit) -> bytes:
    """Return the text with a word or a line edited, dropped, doubled or moved, or with its bytes edited."""
    if random.random() < 0.3:
        return edit(data)
    separator = random.choice((None, b"\n"))
    parts = _WORDS.split(data) if separator is None else data.split(separator)
    at = random.randrange(len(parts))
    match random.randrange(6):
        case 0:
            parts[at] = edit(parts[at])
        case 1:
            parts[at] = random.choice(_DICTIONARY)
        case 2:
            parts[at:at] = [parts[random.randrange(len(parts))]] * random.choice((1, 1, 35))
        case 3:
            del parts[at]
        case 4:
            other = random.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        case 5:
            parts[at] += parts[random.randrange(len(parts))]
    return (separator or b"").join(parts)


def mutate_vkey(data: bytes, random: Random, edit: Edit) -> bytes:
    """Return the verifier key changed in its text, or made for another name and public key."""
    if random.random() < 0.5:
        return mutate_text(data, random, edit)
    name = edit(data.split(b"+", 1)[0]) if random.random() < 0.5 else data.split(b"+", 1)[0]
    public = ED25519 + random.choice((*_LOW_ORDER, SIGNER.public, edit(SIGNER.public)))
    if random.random() < 0.2:
        public = edit(public)
    key_id = sha256(name + b"\n" + public).digest()[:4]
    return name + b"+" + key_id.hex().encode() + b"+" + b64encode(public)


def mutate_note(data: bytes, random: Random, edit: Edit) -> bytes:
    """Return the note with its text changed and signed again, with lines of strangers, or with its bytes changed."""
    if random.random() < 0.4:
        return mutate_text(data, random, edit)
    try:
        note = Note.parse(data)
    except MalformedError:
        return mutate_text(data, random, edit)
    text, name = note.text, note.signatures[0].name
    if random.random() < 0.7:
        text = mutate_text(text.encode(), random, edit).decode(errors="ignore")
    if random.random() < 0.2:
        name = edit(name.encode()).decode(errors="ignore")
    signers = random.choice(((SIGNER,), (SIGNER,), (OTHER_SIGNER, SIGNER), (SIGNER, SIGNER), (OTHER_SIGNER,)))
    return sign_note(text, name, signers).format()
