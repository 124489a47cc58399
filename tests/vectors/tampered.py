"""Vaults that were tampered with after sealing, by someone who holds everything but the signing key."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

from auditseal_schemas.container import Chunk
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.note import NoteSignature, sign_note
from auditseal_schemas.public_key import ML_DSA_44
from auditseal_schemas.varint import encode_long
from tests.factory.keys import signing_key, verifier_key
from tests.factory.people import PEOPLE
from tests.vectors.good import Run, from_start, origin, plain, plain_contents, plain_trust
from tests.vectors.recorded import RecordedKey
from tests.vectors.sealed import Sealed, flipped, replaced
from tests.vectors.vector import Finding, Vector, finding, plain_objects

ORIGIN = origin(0)
OTHER = origin(1)
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
Quick = tuple[Finding, ...] | None


def changed(name: str, about: str, changes: dict[str, bytes | None], *findings: Finding, quick: Quick = None) -> Vector:
    """Return the plain vault with objects replaced, added, or (None) removed."""
    contents = {key: content for key, content in (plain_contents() | changes).items() if content is not None}
    return Vector(name, about, plain_trust(), plain_objects(contents), findings, quick)


def at(height: int, verdict: str, field: str | None, offset: int | None = None) -> Finding:
    return finding(verdict, ORIGIN, height, field, offset)


def middle() -> Sealed:
    """Return block 1 of log 0: records at 4, 6 and 7."""
    return plain()[0].blocks[1]


def one(
    name: str,
    about: str,
    block: Sealed | bytes,
    verdict: str,
    field: str | None,
    offset: int | None = None,
    *,
    quick: Quick = None,
) -> Vector:
    """Return the plain vault with block 1 of log 0 replaced, and one finding in it."""
    data = block if isinstance(block, bytes) else block.object()
    return changed(name, about, {middle().key: data}, at(1, verdict, field, offset), quick=quick)


def tampered_vectors() -> Iterator[Vector]:
    yield from records()
    yield from headers()
    yield from checkpoints()
    yield from signatures()
    yield from chains()
    yield from wrappers()


PAYLOAD = (at(1, "BAD_ROOT", "payload"),)


def records() -> Iterator[Vector]:
    block = middle()
    first, second, third = block.records()
    (chunk,) = block.chunks
    cases = (
        (
            "record-value",
            "A bit of a record's value is flipped.",
            [first, flipped(second, -4 % len(second)), third],
            "record",
            6,
        ),
        (
            "record-key",
            "A bit of a record's key is flipped.",
            [first, second, replaced(third, (b"\x02k", b"\x02j"))],
            "record",
            7,
        ),
        ("record-offset", "A record's offset is changed.", [first, flipped(second, 0, 2), third], "record", 6),
        ("records-swapped", "Two records change places.", [second, first, third], "record", 4),
        (
            "record-dropped",
            "A record in the middle is dropped, and the count of the data block fits.",
            [first, third],
            "record",
            6,
        ),
        ("field-boundary", "A byte moves from the value to the key.", [boundary(first), second, third], "record", 4),
        (
            "record-broken",
            "A union's branch is changed, so that the record doesn't parse.",
            [first, flipped(second, second.index(b"\x02\x02k"), 2), third],
            "record",
            6,
        ),
    )
    for name, about, altered, field, offset in cases:
        yield one(name, about, block.stored(altered), "BAD_RECORD", field, offset, quick=PAYLOAD)
    yield one(
        "last-record-dropped",
        "The last record is dropped.",
        block.stored([first, second]),
        "BAD_RECORD",
        "record",
        7,
        quick=PAYLOAD,
    )
    emptied = replace(block, chunks=())
    yield one("records-gone", "The data block is gone.", emptied, "BAD_RECORD", "record", 4, quick=PAYLOAD)
    last_cut = Chunk(chunk.count, chunk.deflated[:-4])
    cut = replace(block, chunks=(last_cut,))
    yield one("deflate-cut", "The data block ends too early.", cut, "BAD_RECORD", "record", 7, quick=PAYLOAD)
    added = block.stored([first, second, third, third])
    yield one("last-record-doubled", "The last record is there twice.", added, "BAD_ROOT", "payload")
    inserted = replaced(third, (bytes((14,)), bytes((16,))))
    yield one(
        "record-inserted",
        "A record more, at the offset that comes next.",
        block.stored([first, second, third, inserted]),
        "BAD_ROOT",
        "payload",
    )
    padded = replace(block, chunks=(Chunk(chunk.count, flipped(chunk.deflated, 0, 5)),))
    yield one(
        "padding-bits", "Deflate's padding bits are flipped: the content is the same.", padded, "BAD_ROOT", "payload"
    )
    split = block.stored([first], [second, third])
    yield one("split", "The same records in two data blocks.", split, "BAD_ROOT", "payload")
    broken = replace(block, chunks=(Chunk(chunk.count, b"\x07" + chunk.deflated[1:]),))
    yield one("deflate", "A data block can't be inflated.", broken, "BAD_RECORD", "record", 4, quick=PAYLOAD)
    located = replace(block, locators=flipped(block.locators, 2))
    yield one("locators", "A locator is changed, to lay the blame on another record.", located, "BAD_ROOT", "locators")
    both = replace(block.stored([first, flipped(second, -4 % len(second)), third]), locators=located.locators)
    yield changed(
        "record-and-locators",
        "A record is altered, and so is its locator: the record can't be named any more.",
        {block.key: both.object()},
        at(1, "BAD_ROOT", "payload"),
    )
    last = plain()[0].blocks[2]
    records_of_last = last.records()
    other = last.stored([flipped(records_of_last[0], -4 % len(records_of_last[0])), *records_of_last[1:]])
    yield changed(
        "two-faults",
        "Records of two blocks are altered: two findings.",
        {
            block.key: block.stored([first, second, flipped(third, -4 % len(third))]).object(),
            last.key: other.object(),
        },
        at(1, "BAD_RECORD", "record", 7),
        at(2, "BAD_RECORD", "record", 8),
        quick=(*PAYLOAD, at(2, "BAD_ROOT", "payload")),
    )


def boundary(record: bytes) -> bytes:
    """Return a record whose key took the first byte of the value."""
    value = record.index(b"event")
    return (
        replaced(record[: value - 2], (b"\x02\x02k", b"\x02\x04ke"))
        + bytes((2, record[value - 1] - 2))
        + record[value + 1 :]
    )


def headers() -> Iterator[Vector]:
    block, zeros = middle(), bytes(32)
    h = block.header
    cases = (
        ("version", {"version": 2}, "MALFORMED", None),
        ("origin", {"origin": str(OTHER)}, "BROKEN_CHAIN", "origin"),
        ("height", {"height": 2}, "BROKEN_CHAIN", "height"),
        ("previous", {"previous": zeros}, "BROKEN_CHAIN", "previous"),
        (
            "predecessor",
            {"predecessor": {"origin": str(ORIGIN), "size": 1, "root": zeros, "keys": ["k"]}},
            "MALFORMED",
            None,
        ),
        ("cluster_id", {"cluster_id": "cluster-2"}, "BROKEN_CHAIN", "cluster_id"),
        ("topic_id", {"topic_id": "topic-2"}, "BROKEN_CHAIN", "topic_id"),
        ("partitions", {"partitions": 3}, "BAD_ROOT", "checkpoint.root"),
        ("last_leader_epoch", {"last_leader_epoch": 5}, "BAD_ROOT", "checkpoint.root"),
        (
            "first_offset",
            {"first_offset": 3, "last_offset": 6, "gaps": [{"first": 5, "last": 5, "cause": 0}]},
            "BROKEN_CHAIN",
            "first_offset",
        ),
        ("last_offset", {"last_offset": 8, "count": 4}, "BAD_ROOT", "checkpoint.root"),
        ("count-plus", {"count": h["count"] + 1}, "MALFORMED", None),
        ("count-minus", {"count": h["count"] - 1}, "MALFORMED", None),
        ("size", {"size": h["size"] + 1}, "BAD_ROOT", "checkpoint.root"),
        ("gaps", {"gaps": [{"first": 6, "last": 6, "cause": 0}]}, "BAD_ROOT", "checkpoint.root"),
        ("gap-cause", {"gaps": [{"first": 5, "last": 5, "cause": 1}]}, "BAD_ROOT", "checkpoint.root"),
        ("timestamp_type", {"timestamp_type": 2}, "BAD_ROOT", "checkpoint.root"),
        ("min_timestamp", {"min_timestamp": 0}, "BAD_ROOT", "checkpoint.root"),
        ("max_timestamp", {"max_timestamp": h["max_timestamp"] + 1}, "BAD_ROOT", "checkpoint.root"),
        ("sealed_at", {"sealed_at": h["sealed_at"] + 1}, "BAD_ROOT", "checkpoint.root"),
        ("first_link", {"first_link": zeros}, "BROKEN_CHAIN", "first_link"),
        ("last_link", {"last_link": zeros}, "BAD_ROOT", "checkpoint.root"),
        ("events_root", {"events_root": zeros}, "BAD_ROOT", "checkpoint.root"),
        ("payload", {"payload": zeros}, "BAD_ROOT", "checkpoint.root"),
        ("locators", {"locators": zeros}, "BAD_ROOT", "checkpoint.root"),
        (
            "next_keys",
            {"next_keys": [str(verifier_key(ORIGIN, signing_key("attacker")))]},
            "BAD_ROOT",
            "checkpoint.root",
        ),
        ("final", {"final": True}, "BAD_ROOT", "checkpoint.root"),
        ("sealer", {"sealer": "golden/2"}, "BAD_ROOT", "checkpoint.root"),
        ("extensions", {"extensions": [{"key": "x", "value": b""}]}, "BAD_ROOT", "checkpoint.root"),
    )
    for field, fields, verdict, where in cases:
        name = f"header-{field.replace('_', '-')}"
        yield one(
            name, "A header field is changed; the signature is the old one.", block.altered(**fields), verdict, where
        )


def checkpoints() -> Iterator[Vector]:
    block = middle()
    root = b64encode(block.root).decode()
    texts = (
        ("origin", f"{OTHER}\n2\n{root}\n", "BAD_ROOT", "checkpoint.origin"),
        ("size", f"{ORIGIN}\n3\n{root}\n", "BAD_ROOT", "checkpoint.size"),
        ("root", f"{ORIGIN}\n2\n{b64encode(bytes(32)).decode()}\n", "BAD_ROOT", "checkpoint.root"),
        ("padded-size", f"{ORIGIN}\n02\n{root}\n", "MALFORMED", None),
        ("extension", f"{ORIGIN}\n2\n{root}\nextension\n", "MALFORMED", None),
        ("no-origin", f"audit.events/0/0\n2\n{root}\n", "MALFORMED", "checkpoint"),
        ("base64", f"{ORIGIN}\n2\n{root[:-2]}{chr(ord(root[-2]) + 1)}=\n", "MALFORMED", None),
    )
    for name, text, verdict, field in texts:
        about = "The checkpoint's text is changed; the signature is the old one."
        yield one(f"checkpoint-{name}", about, block.with_lines(*block.lines, text=text), verdict, field)


def signatures() -> Iterator[Vector]:
    block = middle()
    key = signing_key("log 0")
    (line,) = block.lines
    signature = NoteSignature.parse(line)
    raw = signature.signature
    cosigned = f"cosignature/v1\ntime 1750000000\n{block.text}".encode()
    stamped = (1_750_000_000).to_bytes(8, "big") + key.sign(cosigned)
    type_4 = sha256(f"{ORIGIN}\n".encode() + b"\x04" + key.public).digest()[:4]
    scalar = (int.from_bytes(raw[32:], "little") + GROUP_ORDER).to_bytes(32, "little")
    (attacker,) = sign_note(block.text, str(ORIGIN), [signing_key("attacker")]).signatures
    (witness,) = sign_note(block.text, "witness.example.com/w", [signing_key("a stranger")]).signatures
    other = plain()[0].blocks[0].lines[0]
    cases = (
        ("bit", "A bit of the signature is flipped.", [replace(signature, signature=flipped(raw, 10))]),
        ("cut", "The signature's last byte is cut off.", [replace(signature, signature=raw[:-1])]),
        ("extended", "A byte follows the signature.", [replace(signature, signature=raw + b"\x00")]),
        ("plus-order", "The group's order is added to S.", [replace(signature, signature=raw[:32] + scalar)]),
        ("stripped", "Only a stranger's line is left.", [witness]),
        ("by-unknown-key", "Signed by a key that isn't pinned, in the log's name.", [attacker]),
        (
            "unknown-key-relabelled",
            "As before, with the pinned key's id.",
            [replace(attacker, key_id=signature.key_id)],
        ),
        ("doubled", "The line is there twice.", [line, line]),
        ("of-another-text", "The signature of the block before.", [other]),
        (
            "cosignature-type",
            "The key signed, as a witness with the type byte 04.",
            [NoteSignature(str(ORIGIN), type_4, stamped)],
        ),
        (
            "of-another-context",
            "The key's witness signature, with the id of type 01.",
            [replace(signature, signature=stamped[8:])],
        ),
        ("under-another-name", "The line has a stranger's name.", [replace(signature, name="witness.example.com/w")]),
    )
    for name, about, lines in cases:
        yield one(f"signature-{name}", about, block.with_lines(*map(str, lines)), "BAD_SIGNATURE", "note")
    first, second, third = block.records()
    altered = block.stored([first, flipped(second, -4 % len(second)), third]).with_lines(str(cases[0][2][0]))
    yield changed(
        "signature-and-record",
        "A bit of the signature and a record are altered: a bad signature says nothing of the content.",
        {block.key: altered.object()},
        at(1, "BAD_SIGNATURE", "note"),
        at(1, "BAD_RECORD", "record", 6),
        quick=(at(1, "BAD_SIGNATURE", "note"), *PAYLOAD),
    )
    yield one("signature-none", "There is no signature line.", block.with_lines(), "MALFORMED", None)
    unpadded = block.with_lines(line[:-1])
    yield one("signature-base64", "The base64 lacks its padding.", unpadded, "MALFORMED", None)
    yield changed(
        "signature-by-a-stranger",
        "A stranger's line is added.",
        {block.key: block.with_lines(line, str(witness)).object()},
    )
    yield from trust_keys()


def trust_keys() -> Iterator[Vector]:
    """Yield vaults whose trust file pins a key that must not be pinned."""
    keys = {
        "identity": b"\x01" + bytes(31),
        "order-2": b"\xec" + b"\xff" * 30 + b"\x7f",
        "order-4": bytes(32),
        "not-canonical": b"\xee" + b"\xff" * 30 + b"\x7f",
        "order-8": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        "order-8-other-sign": bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
    }
    for name, public in keys.items():
        key_id = sha256(f"{ORIGIN}\n".encode() + b"\x01" + public).hexdigest()[:8]
        line = f"log {ORIGIN}+{key_id}+{b64encode(bytes((1,)) + public).decode()}\n"
        about = "The pinned public key is of small order, or not canonical: anyone could sign for it."
        yield Vector(f"key-{name}", about, line, plain_objects(plain_contents()), trust_error=True)
    name, _, blob = str(verifier_key(ORIGIN, signing_key("log 0"))).split("+", 2)
    swapped = f"log {name}+00000000+{blob}\n"
    yield Vector("key-id", "The key id is not the key's.", swapped, plain_objects(plain_contents()), trust_error=True)
    upper = str(verifier_key(ORIGIN, signing_key("log 0"))).split("+")[1].upper()
    assert upper != upper.lower()
    shouted = f"log {name}+{upper}+{blob}\n"
    about = "The key id is in upper case."
    yield Vector("key-id-upper-case", about, shouted, plain_objects(plain_contents()), trust_error=True)
    first, index = plain()[0].origin, VerifierKey("index.example.com", signing_key("index").public)
    alice, bob = PEOPLE[:2]
    lines = {
        "unknown-line": "witness somebody\n",
        "start-of-unpinned-log": f"start {origin(7)} 2 {b64encode(bytes(32)).decode()}\n",
        "start-at-0": f"start {first} 0 {b64encode(bytes(32)).decode()}\n",
        "key-twice": plain_trust().splitlines()[0] + "\n",
        "retention-twice": "retention 1\nretention 1\n",
        "vault-twice": "vault s3://one\nvault s3://one\n",
        "start-twice": f"start {first} 2 {b64encode(bytes(32)).decode()}\n" * 2,
        "padded-number": "retention 01\n",
        "number-of-16-digits": "retention 1000000000000000\n",
        "start-too-high": f"start {first} 1000000000000 {b64encode(bytes(32)).decode()}\n",
        "start-root-of-31-bytes": f"start {first} 2 {b64encode(bytes(31)).decode()}\n",
        "start-root-not-canonical": f"start {first} 2 {b64encode(bytes(32)).decode()[:-2]}B=\n",
        "carriage-return": "retention 1\r\n",
        "control-in-comment": "# nothing \x1b[2K\n",
        "control-in-vault": "vault s3://bucket/\x1b[2K\n",
        "line-separator-in-comment": "# nothing \u2028retention 1\n",
        "paragraph-separator-in-comment": "# nothing \u2029retention 1\n",
        "direction-mark-in-comment": "# nothing \u202e1 noitneter\n",
        "direction-isolate-in-comment": "# nothing \u2066\n",
        "form-feed": "retention\x0c1\n",
        "no-break-space": "retention\u00a01\n",
        "index-twice": f"index {index}\n" * 2,
        "index-of-two-keys": f"index {index}\nindex {VerifierKey(index.name, signing_key('log 1').public)}\n",
        "index-not-a-key": f"index {index.name}\n",
        "person-twice": f"person {alice}\nperson {VerifierKey(alice.name, bob.public)}\n",
        "two-people-of-one-key": f"person {alice}\nperson {VerifierKey(bob.name, alice.public)}\n",
        "person-of-ml-dsa-44": f"person {VerifierKey(alice.name, RecordedKey('alice').public, ML_DSA_44)}\n",
        "person-not-a-key": f"person {alice.name}\n",
        "log-of-no-origin": f"log {VerifierKey('log-0', signing_key('log 0').public)}\n",
    }
    for name, line in lines.items():
        about = "The trust file can't be relied on as a whole."
        yield Vector(f"trust-{name}", about, plain_trust() + line, plain_objects(plain_contents()), trust_error=True)
    about = "The trust file pins no log."
    yield Vector("trust-without-a-log", about, "retention 1\n", plain_objects(plain_contents()), trust_error=True)


def chains() -> Iterator[Vector]:
    first, second = plain()
    zero, one_, two = first.blocks
    yield changed("middle-removed", "Block 1 is missing.", {one_.key: None}, at(1, "BROKEN_CHAIN", "height"))
    yield changed("first-removed", "Block 0 is missing.", {zero.key: None}, at(0, "BROKEN_CHAIN", "height"))
    yield changed(
        "two-removed",
        "Blocks 0 and 1 are missing: two findings.",
        {zero.key: None, one_.key: None},
        at(0, "BROKEN_CHAIN", "height"),
        at(1, "BROKEN_CHAIN", "height"),
    )
    yield changed(
        "reordered",
        "Blocks 1 and 2 have changed places.",
        {one_.key: two.object(), two.key: one_.object()},
        at(1, "BROKEN_CHAIN", "height"),
        at(2, "BROKEN_CHAIN", "height"),
    )
    yield one("replayed-partition", "Block 1 of another partition.", second.blocks[1], "BROKEN_CHAIN", "origin")
    yield one("replayed-block", "Block 0 again.", zero, "BROKEN_CHAIN", "height")
    yield one("frontier", "The frontier is changed.", replace(one_, frontier=bytes(32)), "BROKEN_CHAIN", "frontier")
    elsewhere = Run(replace(ORIGIN, cluster="other.example.com"), (signing_key("log 0"),))
    elsewhere.add()
    yield one(
        "replayed-cluster",
        "A block of another cluster's log, signed by the same key.",
        elsewhere.blocks[0],
        "BROKEN_CHAIN",
        "origin",
    )
    wrong = "The trust file starts at another root."
    yield from_start("start-wrong-root", wrong, bytes(32), at(2, "BAD_ROOT", "frontier"))
    squatted = f"v1/{ORIGIN}/blocks/000000000003.avro"
    yield changed(
        "squatted",
        "An object that is not a block is at the next height.",
        {squatted: b"not a block"},
        at(3, "SQUATTED", None),
    )
    far = f"v1/{ORIGIN}/blocks/999999999999.avro"
    yield changed(
        "squatted-far",
        "An object that is not a block is at the highest height there is.",
        {far: b""},
        at(999999999999, "SQUATTED", None),
    )
    yield changed(
        "squatted-block",
        "A block of another log is at the next height.",
        {squatted: second.blocks[2].object()},
        at(3, "BROKEN_CHAIN", "origin"),
    )
    gone = dict.fromkeys(second.objects)
    yield changed(
        "log-absent", "A pinned log has no object at all.", gone, finding("MISSING_LOG", OTHER, None, "origin")
    )


def wrappers() -> Iterator[Vector]:
    block, last = middle(), plain()[0].blocks[2]
    data = block.object()
    header, checkpoint = b64encode(block.header_bytes), b"\x28auditseal.checkpoint"
    broken, unpadded = header[:76] + b"\n" + header[76:], header.rstrip(b"=")
    assert len(unpadded) < len(header)
    codec = b"\x14avro.codec\x0edeflate"
    sync = sha256(block.header_bytes).digest()[:16]
    swapped = replaced(
        data,
        (
            b'{"name":"offset","type":"long"},{"name":"timestamp","type":"long"',
            b'{"name":"timestamp","type":"long"},{"name":"offset","type":"long"',
        ),
    )
    promised = replace(block, chunks=(Chunk(65_537, block.chunks[0].deflated),))
    cases = (
        ("empty", "The object is empty.", b""),
        ("cut", "The last byte is cut off.", data[:-1]),
        ("cut-half", "Half of the object is gone.", data[: len(data) // 2]),
        ("trailing", "A byte follows.", data + b"\x00"),
        ("trailing-block", "An empty data block follows.", data + b"\x00\x00" + sync),
        ("magic", "The magic is changed.", flipped(data, 3)),
        ("schema", "Two fields of the schema are swapped; foreign readers would take one for the other.", swapped),
        ("codec", "The codec is another.", replaced(data, (codec, b"\x14avro.codec\x08null"))),
        (
            "key-doubled",
            "A metadata key is there twice; foreign readers take the last.",
            replaced(data, (b"Obj\x01\x0c", b"Obj\x01\x0e"), (codec, codec + codec)),
        ),
        ("key-renamed", "A metadata key is another.", replaced(data, (checkpoint, b"\x28auditseal.checkpoinT"))),
        (
            "metadata-in-two-blocks",
            "The metadata map is in two blocks.",
            replaced(data, (b"Obj\x01\x0c", b"Obj\x01\x02"), (codec, b"\x0a" + codec)),
        ),
        (
            "metadata-with-size",
            "The metadata map's block has a byte size.",
            replaced(data, (b"Obj\x01\x0c", b"Obj\x01\x0b\x02")),
        ),
        (
            "padded-varint",
            "A length takes a byte more than it needs.",
            replaced(data, (b"\x14avro.codec\x0e", b"\x14avro.codec\x8e\x00")),
        ),
        (
            "huge-length",
            "A length says 2^62.",
            replaced(data, (b"\x14avro.codec\x0e", b"\x14avro.codec" + b"\x80" * 8 + b"\x80\x01")),
        ),
        ("sync", "The sync markers are others.", data.replace(sync, bytes(16))),
        ("last-sync", "The last sync marker is changed.", flipped(data, len(data) - 1)),
        ("promise", "A data block promises 65,537 records.", promised.object()),
        ("frontier-long", "The frontier has a hash more.", replace(block, frontier=block.frontier * 2).object()),
        ("frontier-ragged", "The frontier's last hash has 31 bytes.", replace(block, frontier=bytes(31)).object()),
        ("base64", "The header's base64 has a line break.", replaced(data, (sized(header), sized(broken)))),
        ("base64-unpadded", "The header's base64 lacks its padding.", replaced(data, (sized(header), sized(unpadded)))),
    )
    for name, about, altered in cases:
        yield one(f"wrapper-{name}", about, altered, "MALFORMED", None)
    cut = f"v1/{ORIGIN}/blocks/000000000002.avro"
    yield changed(
        "wrapper-cut-last",
        "The newest block is cut off: nothing shows whether it ever was a block.",
        {cut: last.object()[:-1]},
        at(2, "SQUATTED", None),
    )


def sized(text: bytes) -> bytes:
    """Return bytes as Avro encodes them: with their length before them."""
    return encode_long(len(text)) + text
