"""A second reader of block objects, written from docs/reference/format.md alone: it shares no code with auditseal.

Comments give the page's sections. Schemas and points of small order are taken from the page itself. Needs the standard
library, and `cryptography` for the signatures. `verifier` judges what is read here.
"""

import json
import re
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace as Block
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGE = (REFERENCE / "format.md").read_text(encoding="utf-8")
EVENT_PAGE = (REFERENCE / "event-encoding.md").read_text(encoding="utf-8")
SCHEMAS = dict(re.findall(r"^```avsc (\w+)\n(.*?)\n```$", PAGE + EVENT_PAGE, re.MULTILINE | re.DOTALL))
EVENT_SCHEMA = re.findall(r"^```avsc event\n(.*?)^```$", EVENT_PAGE, re.MULTILINE | re.DOTALL)[0].replace("\n", "")
EVENT_PREFIX = bytes.fromhex(re.findall(r"^```hex event_prefix\n(\w+)\n```$", EVENT_PAGE, re.MULTILINE)[0])
TEXTS = ("cluster_id", "topic_id", "sealer")
PRIME = 2**255 - 19
SMALL_ORDER = {
    0,
    1,
    PRIME - 1,
    *(int(digits, 16) for digits in re.findall(r"^    .*\b([0-9a-f]{64})$", PAGE, re.MULTILINE)),
}
Reader = Callable[[bytes, int], tuple[Any, int]]


Place = tuple[str, int]


class Refused(Exception):  # noqa: N818
    """The first fault that was found; `place` is origin and height (-1: in no block), filled in on the way up."""

    def __init__(self, verdict: str, field: str, offset: int | None = None, place: Place = ("", -1)) -> None:
        super().__init__(verdict, field, offset, place)
        self.verdict, self.field, self.offset, self.place = verdict, field, offset, place


def refuse(field: str, verdict: str = "MALFORMED", offset: int | None = None, place: Place = ("", -1)) -> NoReturn:
    raise Refused(verdict, field, offset, place)


def need(holds: object, field: str, verdict: str = "MALFORMED", offset: int | None = None) -> None:
    if not holds:
        refuse(field, verdict, offset)


# Section 2: canonical Avro. A reader takes data and a position, and returns a value and the position after it.


def long(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        shift += 7
        need(shift <= 70, "long")
        if byte < 0x80:
            break
    need((byte or shift == 7) and value < 1 << 64, "long")
    return (value >> 1) ^ -(value & 1), at


def octets(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = long(data, at)
    need(0 <= size <= len(data) - at, "length")
    return data[at : at + size], at + size


def string(data: bytes, at: int) -> tuple[str, int]:
    value, at = octets(data, at)
    return value.decode("utf-8"), at


def integer(data: bytes, at: int) -> tuple[int, int]:
    value, at = long(data, at)
    need(-(2**31) <= value < 2**31, "int")
    return value, at


def boolean(data: bytes, at: int) -> tuple[bool, int]:
    need(data[at] < 2, "boolean")
    return data[at] == 1, at + 1


def compiled(schema: Any, names: dict[str, Reader]) -> Reader:
    """Return the reader of a schema; named types are added to `names`."""
    if isinstance(schema, str):
        return names[schema]
    if isinstance(schema, list):
        return optional(compiled(schema[1], names))
    match schema["type"]:
        case "array":
            read = array_of(compiled(schema["items"], names))
        case "map":
            read = array_of(record_of([("key", string), ("value", compiled(schema["values"], names))]))
        case "enum":
            read = symbol_of(schema["symbols"])
        case "fixed":
            read = names.setdefault(schema["name"], fixed_of(schema["size"]))
        case _:
            read = record_of([(field["name"], compiled(field["type"], names)) for field in schema["fields"]])
    return read


def optional(read: Reader) -> Reader:
    def union(data: bytes, at: int) -> tuple[Any, int]:
        need(data[at] in (0, 2), "union")
        return read(data, at + 1) if data[at] else (None, at + 1)

    return union


def array_of(read: Reader) -> Reader:
    def array(data: bytes, at: int) -> tuple[Any, int]:
        items = []
        count, at = long(data, at)
        need(count >= 0, "array")
        for _ in range(count):
            value, at = read(data, at)
            items.append(value)
        need(not count or data[at] == 0, "array")
        return items, at + bool(count)

    return array


def symbol_of(symbols: list[str]) -> Reader:
    def symbol(data: bytes, at: int) -> tuple[str, int]:
        index, at = integer(data, at)
        need(0 <= index < len(symbols), "enum")
        return symbols[index], at

    return symbol


def fixed_of(size: int) -> Reader:
    def fixed(data: bytes, at: int) -> tuple[Any, int]:
        need(at + size <= len(data), "fixed")
        return data[at : at + size], at + size

    return fixed


def record_of(fields: list[tuple[str, Reader]]) -> Reader:
    def record(data: bytes, at: int) -> tuple[Any, int]:
        values = {}
        for name, read in fields:
            values[name], at = read(data, at)
        return values, at

    return record


PRIMITIVES: dict[str, Reader] = {"long": long, "int": integer, "string": string, "bytes": octets, "boolean": boolean}
READERS = {name: compiled(json.loads(text), dict(PRIMITIVES)) for name, text in SCHEMAS.items()}


def read_event(data: bytes) -> dict[str, Any]:  # docs/reference/event-encoding.md
    """Return an event's fields, `attributes` as a list of `key` and `value`. It checks the encoding, no other rule."""
    need(data.startswith(EVENT_PREFIX), "event.prefix")
    try:
        event, end = READERS["event"](data, len(EVENT_PREFIX))
    except (IndexError, ValueError) as error:
        raise Refused("MALFORMED", "event") from error
    keys = [attribute["key"].encode() for attribute in event["attributes"]]
    need(end == len(data) and keys == sorted(set(keys)), "event")
    return dict(event)


def unbase64(text: bytes, field: str) -> bytes:
    data = b64decode(text)
    need(b64encode(data) == text, field)
    return data


def check_origin(text: str) -> list[str]:  # section 1
    need(re.fullmatch(r"[a-z0-9.-]+/[a-zA-Z0-9._-]+(/(0|[1-9][0-9]{0,8})){2}", text) and len(text) <= 255, "origin")
    need(not {".", ".."} & set(text.split("/")), "origin")
    return text.split("/")


def read_header(data: bytes) -> dict[str, Any]:  # section 7
    need(len(data) <= 65_536, "header")
    h, end = READERS["block_header"](data, 0)
    need(end == len(data) and h["version"] == 1, "header.version")
    *place, partition, run = check_origin(h["origin"])
    need(0 <= h["height"] < 10**12 and h["sealed_at"] >= 0 and h["last_leader_epoch"] >= -1, "header.height")
    need((h["predecessor"] is not None) == (h["height"] == 0 and int(run) > 0), "header.predecessor")
    if h["predecessor"]:
        *before, earlier = check_origin(h["predecessor"]["origin"])
        need(before == [*place, partition] and int(earlier) < int(run), "header.predecessor")
        need(h["predecessor"]["size"] >= 0, "header.predecessor")
        signed_by = h["predecessor"]["keys"]
        need(1 <= len(signed_by) <= 16 and len(set(signed_by)) == len(signed_by), "header.predecessor")
    need(all(re.fullmatch("[ -~]{1,255}", h[name]) for name in TEXTS) and h["partitions"] > int(partition), "header")
    need(0 <= h["first_offset"] <= h["last_offset"] + 1, "header.last_offset")
    need(0 <= h["count"] <= 65_536 and 0 <= h["size"] <= 11_534_336 and len(h["gaps"]) <= 1_000, "header.count")
    extent, last, cause = h["count"], h["first_offset"] - 1, None
    for gap in h["gaps"]:
        need(last < gap["first"] <= gap["last"] <= h["last_offset"] and gap["cause"] in (0, 1, 2), "header.gaps")
        need(gap["first"] > last + 1 or gap["cause"] != cause, "header.gaps")
        extent, last, cause = extent + gap["last"] - gap["first"] + 1, gap["last"], gap["cause"]
    need(extent == h["last_offset"] - h["first_offset"] + 1, "header.count")
    extremes = [h["min_timestamp"], h["max_timestamp"]]
    need(extremes == [None, None] if not h["count"] else None not in extremes, "header.min_timestamp")
    need(h["timestamp_type"] in (0, 1, 2) and (not h["count"] or extremes[0] <= extremes[1]), "header.min_timestamp")
    empty = h["first_link"] == h["last_link"] and h["size"] == 0 and h["events_root"] == sha256(b"").digest()
    need(h["count"] or empty, "header.count")
    need(len(h["next_keys"]) <= 16 and len(set(h["next_keys"])) == len(h["next_keys"]), "header.next_keys")
    keys = [extension["key"].encode() for extension in h["extensions"]]
    need(
        len(keys) <= 64 and keys == sorted(set(keys)) and not any(key[:1] == b"!" for key in keys), "header.extensions"
    )
    return dict(h)


def tree_root(leaves: list[bytes]) -> bytes:  # section 6
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + tree_root(leaves[:split]) + tree_root(leaves[split:])).digest()


def fold(frontier: list[bytes]) -> bytes:
    root = frontier[-1] if frontier else sha256(b"").digest()
    for left in frontier[-2::-1]:
        root = sha256(b"\x01" + left + root).digest()
    return root


def append(frontier: list[bytes], size: int, leaf: bytes) -> list[bytes]:
    rest = list(frontier)
    while size % 2:
        leaf, size = sha256(b"\x01" + rest.pop() + leaf).digest(), size // 2
    return [*rest, leaf]


def read_key(text: str, origin: str) -> tuple[bytes, "Key"]:  # section 8
    """Return a key's id, and what checks a signature by it over a note's text."""
    name, _, rest = text.partition("+")
    key_id, _, blob = rest.partition("+")
    try:
        key = unbase64(blob.encode(), "key")
    except (ValueError, Refused):
        refuse("next_keys", "BAD_KEY")
    right = sha256(name.encode() + b"\n" + key).hexdigest()[:8] == key_id
    y = int.from_bytes(key[1:], "little") % 2**255
    is_ed25519 = len(key) == 33 and key[0] == 1 and y < PRIME and y not in SMALL_ORDER
    is_ml_dsa_44 = len(key) == 1_313 and key[0] == 6
    need(right and name == origin and (is_ed25519 or is_ml_dsa_44), "next_keys", "BAD_KEY")
    return bytes.fromhex(key_id), partial(holds_ed25519 if is_ed25519 else holds_ml_dsa_44, key[1:], name)


Key = Callable[[str, bytes], None]


@lru_cache(maxsize=1_024)
def holds_ed25519(public: bytes, _name: str, text: str, blob: bytes) -> None:
    Ed25519PublicKey.from_public_bytes(public).verify(blob, text.encode())


def holds_ml_dsa_44(public: bytes, name: str, text: str, blob: bytes) -> None:
    if len(blob) != 2_428 or blob[0] > 127:
        raise InvalidSignature
    origin, size, root = text.splitlines()
    names = [struct.pack("B", len(one)) + one for one in (name.encode(), origin.encode())]
    tree = struct.pack(">QQ", 0, int(size)) + b64decode(root)
    message = b"subtree/v1\n\0" + names[0] + blob[:8] + names[1] + tree
    MLDSA44PublicKey.from_public_bytes(public).verify(blob[8:], message)


def read_note(data: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    note = data.decode("utf-8")
    need(len(data) <= 65_536 and not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", note), "note")
    text, separator, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    need(text and separator and lines.pop() == "" and 1 <= len(lines) <= 32, "note")
    parts = [re.fullmatch(r"— ([^\s+]{1,255}) ([A-Za-z0-9+/]+=*)", line) or refuse("note") for line in lines]
    signatures = [(part[1], unbase64(part[2].encode(), "note")) for part in parts]
    need(all(5 <= len(blob) <= 6_144 for _, blob in signatures), "note")
    return text + "\n", signatures


@lru_cache(maxsize=16)
def read_block(data: bytes) -> Block:  # section 11, step 1
    try:
        return _read_block(data)
    except (IndexError, ValueError) as error:  # it is cut, not UTF-8, or not base64
        raise Refused("MALFORMED", "container") from error


def _read_block(data: bytes) -> Block:
    need(data[:5] == b"Obj\x01\x0c" and len(data) <= 12_582_912, "container")
    at, meta = 5, {}
    for expected in ("schema", "codec", "header", "frontier", "checkpoint", "locators"):
        key, at = octets(data, at)
        need(key.decode() == ("avro." if expected in ("schema", "codec") else "auditseal.") + expected, "container")
        meta[expected], at = octets(data, at)
    need(meta["schema"] == SCHEMAS["sealed_record"].encode() and meta["codec"] == b"deflate", "container")
    raw, frontier, locators = (unbase64(meta[name], name) for name in ("header", "frontier", "locators"))
    sync, at, chunks = sha256(raw).digest()[:16], at + 17, []
    need(data[at - 17 : at] == b"\0" + sync, "container.sync")
    while at < len(data):
        start = at
        count, at = long(data, at)
        deflated, at = octets(data, at)
        need(count > 0 and data[at : at + 16] == sync, "container.sync")
        chunks.append((count, deflated, data[start:at]))
        at += 16
    need(sum(count for count, *_ in chunks) <= 65_536, "container")
    header = read_header(raw)
    hashes = [frontier[i : i + 32] for i in range(0, len(frontier), 32)]
    need(len(frontier) == 32 * header["height"].bit_count(), "frontier")
    note = meta["checkpoint"]
    text, signatures = read_note(note)
    leaf = sha256(b"\0" + raw).digest()
    return Block(
        h=header,
        leaf=leaf,
        frontier=hashes,
        note=note,
        text=text,
        signatures=signatures,
        locators=locators,
        chunks=chunks,
    )


def inflated(deflated: bytes, most: int) -> bytes:
    stream = zlib.decompressobj(wbits=-15)
    try:
        content = stream.decompress(deflated, most + 1)
    except zlib.error:
        refuse("payload")
    need(len(content) <= most and stream.eof and not stream.unused_data, "payload")
    return content


def inflated_prefix(deflated: bytes) -> bytes:
    """Return what comes out before a stream breaks, if it does."""
    stream, content = zlib.decompressobj(wbits=-15), b""
    try:
        for start in range(0, len(deflated), 64):
            content += stream.decompress(deflated[start : start + 64], 11_534_336)
    except zlib.error:
        pass
    return content


def read_record(data: bytes, at: int, offset: int) -> tuple[dict[str, Any], int]:  # section 4
    try:
        record, end = READERS["sealed_record"](data, at)
    except (IndexError, ValueError, Refused) as error:
        raise Refused("MALFORMED", "record", offset) from error
    need(record["offset"] >= 0 and len(record["salt"]) in (0, 16), "record", offset=offset)
    if record["oversize"]:
        length, digest = record["oversize"].values()
        whole = record["key"] is record["headers"] is record["value"] is None
        need(whole and length > 8_388_608 and len(digest) == 32, "record.oversize", offset=offset)
    elif end - at > 8_388_608:
        start = long(data, long(data, at)[1])[1]
        need(end - start - 2 - len(record["salt"]) <= 8_388_608, "record", offset=offset)
    return record, end
