"""Verify an evidence pack of auditseal, from the trust file to each event.

    python3 -I verify.py [--trust FILE] [--page case.html] [--events] [FOLDER]

It needs Python 3.11 or later and the package `cryptography`: no network, and nothing else of auditseal. It checks:

1. Each file has the SHA-256 that SHA256SUMS lists; none is missing, none was added.
2. The head of each log is signed by the keys of the trust file, or by keys that those keys announced.
3. Each block with an event has a checkpoint that such keys signed, and the checkpoint commits to the block's header.
4. Each event is a record of its block: hashes lead from its bytes to that header.
5. With --page: the page shows these events, field by field, and no others.

It prints VERIFIED and ends with exit code 0, or prints REFUSED with the reason and ends with exit code 1.
"""

import argparse
import html
import json
import re
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SCHEMAS = {  # the SHA-256 of each Avro schema: by another schema the same bytes would be read as other fields
    "audit_event.v1": "5050edfa6e4cdaf96dc76a142f3fb9965763bba0166334f8e31dff6ada5bb528",
    "block_header": "330ce7e6f84ab8dd3e938c0d25ca24bffde56bd376d04e05f502894203a94970",
    "sealed_record": "732822d3ae09cd03d1581b333d5bb069ba4d0484f6e5a78b0bf990f7f4f8c217",
}
EVENT_PREFIX = bytes.fromhex("c3010b3cf52187c92066")  # before each event: the fingerprint of audit_event.v1
# Other events name their schema by an id of a schema registry, in their first 5 bytes or in this header. A schema line
# of the trust file pins such an id to this: the SHA-256 of audit_event.v1 in Avro's Parsing Canonical Form.
EVENT_SCHEMA, ID_HEADER = "56ad077ede9a4783e6815ce6af174e196c2c15d9720b21070886fb47ce116e0a", "__value_schema_id"
HIDDEN = re.compile(  # the backslash, and characters that can't be seen or that change how others look
    "[\x00-\x1f\\\\\x7f-\xa0\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
Row = tuple[str, str]


class RefusedError(Exception):
    """The pack is not what it must be; the message says why."""


# A part that is not laid out as it must be raises one of these.
BROKEN = (AttributeError, LookupError, OSError, OverflowError, RecursionError, TypeError, ValueError)


def need(holds: object, problem: str) -> None:
    """Refuse the pack unless a condition holds."""
    if not holds:
        raise RefusedError(problem)


# 1. Values in Avro's binary encoding.


class Reader:
    """Reads Avro values from bytes, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.named = data, 0, dict[str, Any]()

    def take(self, length: int) -> bytes:
        """Return the next bytes."""
        need(0 <= length <= len(self.data) - self.at, "a value is cut")
        self.at += length
        return self.data[self.at - length : self.at]

    def number(self) -> int:
        """Return the next number: a zig-zag varint."""
        zigzag = shift = 0
        while (byte := self.take(1)[0]) > 0x7F:
            zigzag, shift = zigzag | (byte & 0x7F) << shift, shift + 7
        zigzag |= byte << shift
        return (zigzag >> 1) ^ -(zigzag & 1)

    def choice(self, options: list[Any]) -> Any:
        """Return the option that the next number names."""
        need(0 <= (chosen := self.number()) < len(options), "a value is not one of its type")
        return options[chosen]

    def items(self) -> Iterator[int]:
        """Yield once for each item of an array or map."""
        while count := self.number():
            need(0 < count <= len(self.data), "an array is broken")
            yield from range(count)

    def value(self, kind: Any) -> Any:
        """Return the next value of an Avro type."""
        if isinstance(kind, list):
            return self.value(self.choice(kind))
        if isinstance(kind, str):
            kind = self.named.get(kind, {"type": kind})
        if "name" in kind:
            self.named[kind["name"]] = kind
        if kind.get("logicalType") == "timestamp-micros":
            return time_text(self.number())
        readers: dict[str, Callable[[], Any]] = {
            "null": lambda: None,
            "boolean": lambda: self.take(1) == b"\x01",
            "int": self.number,
            "long": self.number,
            "bytes": lambda: self.take(self.number()),
            "string": lambda: self.take(self.number()).decode(),
            "fixed": lambda: self.take(kind["size"]),
            "enum": lambda: self.choice(kind["symbols"]),
            "record": lambda: {field["name"]: self.value(field["type"]) for field in kind["fields"]},
            "array": lambda: [self.value(kind["items"]) for _ in self.items()],
            "map": lambda: {self.value("string"): self.value(kind["values"]) for _ in self.items()},
        }
        return readers[kind["type"]]()


def decode(kind: Any, data: bytes) -> Any:
    """Return the one value that the data are."""
    reader = Reader(data)
    value = reader.value(kind)
    need(reader.at == len(data), "bytes follow a value")
    return value


# 2. Blocks: records that lead to the root in a header, and a signed checkpoint that commits to the header.


LEAF, NODE = b"\x00", b"\x01"  # what RFC 6962, section 2.1, puts before a leaf and before two hashes


def digest(*parts: bytes) -> bytes:
    """Return the SHA-256 of the parts, one after the other."""
    return sha256(b"".join(parts)).digest()


class Block:
    """A block of the pack: its header, and some of its records."""

    def __init__(self, proof: dict[str, Any], schemas: dict[str, Any]) -> None:
        self.header_bytes = b64decode(proof["header"])
        self.header = decode(schemas["block_header"], self.header_bytes)
        self.frontier, self.note = [b64decode(node) for node in proof["frontier"]], proof["checkpoint"]
        self.what = f"block {self.header['height']} of {self.header['origin']}"
        self.records = dict[int, bytes]()
        self.link: bytes = self.header["first_link"]
        if "tree" in proof:
            root = self.root_of(proof["tree"], 0, self.header["count"])
            need(root == self.header["events_root"], f"{self.what}: its records do not lead to the root in its header")

    def root_of(self, node: Any, first: int, size: int) -> bytes:
        """Return the root of a part of the tree over the records, from record `first` on; keep the records in it.

        A part is two parts, a record, or the hash of records that are not in the pack.
        """
        if isinstance(node, list) and size > 1:
            split = 1 << (size - 1).bit_length() - 1
            return digest(NODE, self.root_of(node[0], first, split), self.root_of(node[1], first + split, size - split))
        if isinstance(node, dict) and size == 1:
            self.records[first] = node["record"].encode("latin-1")
            self.link = digest(LEAF, b64decode(node["link"]) if "link" in node else self.link, self.records[first])
            return self.link
        need(isinstance(node, str) and len(b64decode(node)) == 32, f"{self.what}: its tree has another shape")
        self.link = b""  # a record after a hash brings the link before it
        return b64decode(node)


def check_note(note: str, keys: list[str], what: str) -> tuple[str, int, bytes]:
    """Check that each of the keys signed a checkpoint (c2sp.org/signed-note); return its log, size and root."""
    text, _, signatures = note.rpartition("\n\n")
    for key in keys:
        name, key_id, public = key.split("+", 2)
        lines = [line.split(" ")[2] for line in signatures.split("\n") if line.startswith(f"— {name} ")]
        blobs = [blob[4:] for blob in map(b64decode, lines) if blob[:4].hex() == key_id]
        need(len(blobs) == 1, f"{what}: the key {name}+{key_id} did not sign it")
        try:
            check_signature(name, b64decode(public), f"{text}\n", blobs[0])
        except InvalidSignature:
            raise RefusedError(f"{what}: the signature of the key {name}+{key_id} doesn't hold") from None
    origin, size, root = text.split("\n")
    return origin, int(size), b64decode(root)


def check_signature(name: str, key: bytes, text: str, blob: bytes) -> None:
    """Check a note's signature by a key: its type (1 Ed25519, 6 ML-DSA-44), then the public key.

    An ML-DSA-44 key signs a structure with the checkpoint's content and a time (c2sp.org/tlog-cosignature).
    """
    if key[:1] == b"\x01":
        Ed25519PublicKey.from_public_bytes(key[1:]).verify(blob, text.encode())
        return
    need(key[:1] == b"\x06", f"a key of {name} is neither an Ed25519 nor an ML-DSA-44 key")
    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey  # noqa: PLC0415  (new in 47)
    except ImportError:
        raise RefusedError("checking an ML-DSA-44 signature needs the package cryptography 48 or later") from None
    origin, size, root = text.splitlines()
    names = [bytes((len(one.encode()),)) + one.encode() for one in (name, origin)]
    tree = bytes(8) + int(size).to_bytes(8) + b64decode(root)
    message = b"subtree/v1\n\x00" + names[0] + blob[:8] + names[1] + tree
    need(blob[:1] < b"\x80", f"the time of a signature by {name} exceeds 2^63 - 1")
    MLDSA44PublicKey.from_public_bytes(key[1:]).verify(blob[8:], message)


class Log:
    """A log of the trust file: the keys that sign it, from which height on, and the ids of the event's schema."""

    def __init__(self, origin: str, keys: list[str], start: int, ids: set[str]) -> None:
        self.origin, self.keys, self.ids = origin, list[tuple[int, list[str]]](), ids
        self.use(keys, start)

    def use(self, keys: list[str], height: int) -> None:
        """Take the keys that sign from a height on."""
        later = not self.keys or height > self.keys[-1][0]
        need(keys and later, f"block {height - 1} of {self.origin} does not announce the next keys")
        for key in keys:
            name, key_id, public = key.split("+", 2)
            right = sha256(f"{name}\n".encode() + b64decode(public)).hexdigest()[:8]
            need((name, key_id) == (self.origin, right), f"{key} is not a key of {self.origin}")
        self.keys.append((height, keys))

    def check(self, block: Block) -> None:
        """Check that the keys valid at a block's height signed the checkpoint that ends with its header."""
        header, root = block.header, digest(LEAF, block.header_bytes)
        for left in reversed(block.frontier):
            root = digest(NODE, left, root)
        valid = [keys for first, keys in self.keys if first <= header["height"]]
        need(valid, f"{block.what} is below the height from which the trust file starts the log")
        signed = check_note(block.note, valid[-1], block.what)
        right = (self.origin, header["height"] + 1, root)
        need(header["origin"] == self.origin and signed == right, f"{block.what}: its checkpoint is of another block")

    def follow(self, block: Block) -> None:
        """Take the keys that a signed block announced, for the blocks above it."""
        self.check(block)
        self.use(block.header["next_keys"], block.header["height"] + 1)


def trust_lines(text: str) -> list[list[str]]:
    """Return the words of each line of a trust file, without its comment."""
    return [line.split("#")[0].split() for line in text.split("\n")]


def read_trust(text: str) -> dict[str, Log]:
    """Return the logs that a trust file pins."""
    lines = trust_lines(text)
    starts = {words[1]: int(words[2]) for words in lines if words[:1] == ["start"]}
    keys = dict[str, list[str]]()
    for key in (words[1] for words in lines if words[:1] == ["log"]):
        keys.setdefault(key.split("+")[0], []).append(key)
    ids = dict[str, set[str]]()
    for topic, schema_id, right in (words[1:] for words in lines if words[:1] == ["schema"]):
        need(right == EVENT_SCHEMA, f"the trust file gives the schema {schema_id} of {topic} another meaning")
        ids.setdefault(topic, set()).add(schema_id)
    return {
        origin: Log(origin, mine, starts.get(origin, 0), ids.get(origin.rsplit("/", 2)[0], set()))
        for origin, mine in keys.items()
    }


# 3. Events as text.


def visible(text: str) -> str:
    """Return a text with an escape for each character that can't be seen or that changes how others look."""
    return HIDDEN.sub(lambda found: "\\\\" if found[0] == "\\" else ascii(found[0])[1:-1], text)


def time_text(microseconds: int) -> str:
    """Return µs since 1970 as a time in UTC."""
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).isoformat()
    except OverflowError:
        return f"{microseconds} µs after 1970"


def flat(name: str, value: Any) -> list[Row]:
    """Return a value as rows of a name and a text; what is null has no row."""
    if isinstance(value, dict):
        return [row for key, part in value.items() for row in flat(f"{name}.{key}" if name else key, part)]
    if isinstance(value, list):
        return [row for number, part in enumerate(value) for row in flat(f"{name}[{number}]", part)]
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            value = f"0x{value.hex()}"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return [] if value is None else [(visible(name), visible(text))]


def framed(record: dict[str, Any]) -> tuple[str | None, bytes]:
    """Return the id by which a record names its schema, None for the fingerprint, and the event's encoding."""
    value: bytes = record["value"] or b""
    if value.startswith(EVENT_PREFIX):
        return None, value[len(EVENT_PREFIX) :]
    headers = [each["value"] or b"" for each in record["headers"] or () if each["key"] == ID_HEADER]
    if headers:
        need(len(headers) == 1 and headers[0][:1] == b"\1" and len(headers[0]) == 17, "it names no schema")
        return str(UUID(bytes=headers[0][1:])), value
    need(value[:1] == b"\0" and len(value) >= 5, "it names no schema")
    return str(int.from_bytes(value[1:5])), value[5:]


def rows_of(header: dict[str, Any], index: int, encoded: bytes, schemas: dict[str, Any], ids: set[str]) -> list[Row]:
    """Return a record as rows: its place in the log and its times, then the event, or the bytes if it is none."""
    record = decode(schemas["sealed_record"], encoded)
    stored = record["timestamp"]
    try:
        schema_id, body = framed(record)
        need(schema_id is None or schema_id in ids, "it names a schema that the trust file does not pin")
        event = flat("", {"registry_schema": schema_id} | decode(schemas["audit_event.v1"], body))
    except (RefusedError, UnicodeDecodeError):
        event = flat("value", record["value"])
    place = {"log": header["origin"], "block": header["height"], "record": index, "offset": record["offset"]}
    times = {"stored": None if stored == -1 else time_text(stored * 1000), "sealed": time_text(header["sealed_at"])}
    return (
        flat("", place | times) + event + flat("kafka", {name: record[name] for name in ("key", "headers", "oversize")})
    )


# 4. The pack.


def check_files(folder: Path) -> None:
    """Check each file against SHA256SUMS."""
    *lines, _ = (folder / "SHA256SUMS").read_bytes().decode().split("\n")
    listed = {name: right for right, name in (line.split("  ") for line in lines)}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    odd = (found - {"SHA256SUMS", "SHA256SUMS.tsr"}) ^ set(listed)
    need(not odd, f"SHA256SUMS and the files differ in {', '.join(sorted(odd))}")
    for name, right in listed.items():
        need(sha256((folder / name).read_bytes()).hexdigest() == right, f"{name} was changed since SHA256SUMS was made")


def events_of(folder: Path, logs: dict[str, Log], answer: list[dict[str, Any]]) -> Iterator[list[Row]]:
    """Yield each event of the pack as rows, in the order of logs, blocks and records, verified."""
    schemas = {}
    for name, right in SCHEMAS.items():
        data = (folder / f"schemas/{name}.avsc").read_bytes()
        need(sha256(data).hexdigest() == right, f"schemas/{name}.avsc is not the schema of auditseal")
        schemas[name] = json.loads(data)
    folders = {path.name for path in (folder / "blocks").glob("*")}
    need(folders <= set(map(str, range(len(answer)))), "the pack has blocks of a log that case.json does not name")
    for number, covered in enumerate(answer):
        origin, size = covered["origin"], covered["size"]
        need(origin in logs, f"the trust file does not pin {origin}, or case.json names it twice")
        log = logs.pop(origin)
        for rotation in covered["rotations"]:
            log.follow(Block(rotation, schemas))
        if size:
            head = check_note(covered["head"], log.keys[-1][1], f"the head of {origin}")
            need(head[:2] == (origin, size), f"the head of {origin} is another one than case.json says")
        for path in sorted((folder / f"blocks/{number}").glob("*")):
            block = Block(json.loads(path.read_bytes()), schemas)
            log.check(block)
            need(path.name == f"{block.header['height']:012}.json", f"{path.name} is of another block")
            need(block.header["height"] < size, f"{block.what} is above the head")
            for index, record in block.records.items():
                yield rows_of(block.header, index, record, schemas, log.ids)


def check_page(page: bytes, right: str, events: list[list[Row]]) -> None:
    """Check that a page shows these events in this order, field by field, and no others."""
    need(sha256(page).hexdigest() == right, "the page was changed: its SHA-256 is not the one in case.json")
    shown = re.findall(r"<tr><th>(.*?)</th><td>(.*?)</td></tr>", page.decode())
    shown = [(html.unescape(name), html.unescape(text)) for name, text in shown]
    need(shown == [row for event in events for row in event], "the page shows other events than the pack has")


def verify(folder: Path, trust: Path, page: Path | None) -> tuple[dict[str, Any], list[list[Row]]]:
    """Verify a pack; return what its case.json says, and its events."""
    check_files(folder)
    case = json.loads((folder / "case.json").read_bytes())
    events = list(events_of(folder, read_trust(trust.read_text("utf-8")), case["logs"]))
    need(len(events) == case["events"], f"the pack has {len(events)} events, and case.json says {case['events']}")
    if page:
        check_page(page.read_bytes(), case["page_sha256"], events)
    return case, events


def main() -> None:
    """Verify the pack that the arguments name, and print the result."""
    parser = argparse.ArgumentParser(description="Verify an evidence pack of auditseal.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent, help="[default: this file's]")
    parser.add_argument("--trust", type=Path, help="your own trust file, in place of the pack's")
    parser.add_argument("--page", type=Path, help="the page that came with the pack")
    parser.add_argument("--events", action="store_true", help="print each event, as JSON")
    given = parser.parse_args()
    trust = given.trust or given.folder / "trust.txt"
    try:
        case, events = verify(given.folder, trust, given.page)
    except RefusedError as error:
        sys.exit(visible(f"REFUSED: {error}"))
    except BROKEN as error:
        sys.exit(visible(f"REFUSED: a part is broken: {error!r}"))
    for event in events if given.events else ():
        print(json.dumps(dict(event)))
    print(f"VERIFIED: {len(events)} events")
    print("trusted keys, to compare with those that the operator of the logs published:")
    for words in trust_lines(trust.read_text("utf-8")):
        if words[:1] in (["log"], ["schema"]):
            print(visible(f"  {' '.join(words).removeprefix('log ')}"))
    print("heads, signed by these keys or by those that they announced:")
    for log in case["logs"]:
        print(visible(f"  {log['origin']}, {log['size']} blocks"))
    said = f"case {case['case']!r}, filter {case['filter']!r}, {case['grade']}"
    print(visible(f"not verified, since the maker of the pack says it: {said}"))


if __name__ == "__main__":
    main()
