"""A second checker of an index's proofs, written from docs/reference/absence.md: it shares no code with auditseal."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from typing import Any

from cryptography.exceptions import InvalidSignature

from tests.oracle.reader import (
    PRIMITIVES,
    REFERENCE,
    Refused,
    compiled,
    need,
    read_event,
    read_header,
    read_key,
    read_note,
    read_record,
    refuse,
    tree_root,
    unbase64,
)

PAGE = (REFERENCE / "absence.md").read_text(encoding="utf-8")
SCHEMAS = dict(re.findall(r"^```avsc (\w+)\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL))
READERS = {name: compiled(json.loads(text), dict(PRIMITIVES)) for name, text in SCHEMAS.items()}
TABLE = PAGE.partition("## 1. Terms")[2].partition("`problem` has")[0]
FIELDS = {name for cell in re.findall(r"^\| (`.*?) \|", TABLE, re.MULTILINE) for name in re.findall("`(.+?)`", cell)}
Hit = tuple[str, int]


def read_file(data: bytes, kind: str, schema: str) -> dict[str, Any]:
    """Return the value of a file, all bytes of which are used up."""
    line = f"auditseal/{kind}@v1\n".encode()
    need(len(data) <= 64 << 20 and data.startswith(line), "proof")
    try:
        value, end = READERS[schema](data, len(line))
    except (IndexError, UnicodeDecodeError):
        refuse("proof")
    need(end == len(data), "proof")
    return dict(value)


def check_completeness(data: bytes, trust: str) -> tuple[dict[str, tuple[int, bytes]], list[Hit]]:
    """Return the heads that are covered and (origin, offset) of all records with all the terms: section 6.

    It knows logs from block 0 on that never changed their keys.
    """
    value = read_file(data, "completeness", "completeness_proof")
    terms = [(term["field"], term["value"]) for term in value["terms"]]
    need(terms and all(one < other for one, other in pairwise(terms)), "terms")
    need({name for name, _ in terms} <= FIELDS, "terms")
    pinned = pins(trust)
    _, root, size = signed(value["checkpoint"], pinned["index"])
    heads, hits = dict[str, tuple[int, bytes]](), list[Hit]()
    for log in value["logs"]:
        need(log["segments"], "segments")
        need(not log["rotations"], "rotations")
        origin, following = "", (0, 0)
        for proof in log["segments"]:
            entry = read_entry(proof["entry"])
            name, log_root, log_size = signed(entry["checkpoint"], pinned["log"])
            need(origin in ("", name), "origin", "BROKEN_CHAIN")
            need((entry["first_height"], entry["first_offset"]) == following, "height", "BROKEN_CHAIN")
            origin, following = name, (log_size, entry["last_offset"] + 1)
            hits += [(origin, offset) for offset in sorted(said(proof, entry, terms, size, root))]
        need(not heads or max(heads) < origin, "logs")
        heads[origin] = (log_size, log_root)
    need(heads, "logs")
    return heads, hits


def check_fraud(data: bytes, trust: str) -> bool:
    """Return whether a record is omitted, False where the index has one that lacks the term."""  # section 7
    value = read_file(data, "index-fraud", "index_fraud")
    term = (value["field"], value["value"])
    need(term[0] in FIELDS, "term")
    _, root, size = signed(value["checkpoint"], pins(trust)["index"])
    entry = read_entry(value["segment"]["entry"])
    offsets = said(value["segment"], entry, [term], size, root)
    header, (origin, log_root, log_size) = read_header(value["header"]), checkpoint(entry["checkpoint"])
    inside = entry["first_height"] <= header["height"] < log_size
    need(inside and header["origin"] == origin and entry["event_schema"] == 1, "height", "BROKEN_CHAIN")
    leaf = sha256(b"\x00" + value["header"]).digest()
    need(climbs(leaf, header["height"], log_size, hashes(value["log_path"]), log_root), "inclusion proof", "BAD_ROOT")
    need(len(value["link"]) == 32, "link")
    link = sha256(b"\x00" + value["link"] + value["record"]).digest()
    path, number = hashes(value["path"]), value["index"]
    need(climbs(link, number, header["count"], path, header["events_root"]), "inclusion proof", "BAD_ROOT")
    missing = {offset for gap in header["gaps"] for offset in range(gap["first"], gap["last"] + 1)}
    offset = [at for at in range(header["first_offset"], header["last_offset"] + 1) if at not in missing][number]
    record, end = read_record(value["record"], 0, offset)
    need(end == len(value["record"]) and record["offset"] == offset, "record.offset", "BAD_RECORD")
    has_term = term in set(terms_of(record))
    need(has_term != (offset in offsets), "term", "BAD_RECORD")
    return has_term


def terms_of(record: dict[str, Any]) -> Iterator[tuple[str, str]]:  # section 1
    if record["oversize"] is not None:
        yield "problem", "oversize"
        return
    try:
        event = None if record["value"] is None else read_event(record["value"])
    except Refused:
        event = None
    if record["headers"] is None:
        yield "problem", "unreadable headers"
    elif event is None:
        yield "problem", "no value" if record["value"] is None else "undecodable"
    if event is not None:
        yield from ((name, value) for name, value in event_values(event) if value is not None)


def event_values(event: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    for name in ("event_id", "event_type", "tenant", "category", "action", "outcome"):
        yield name, event[name]
    for name in ("service", "environment", "region"):
        yield name, event["source"][name]
    for name in ("type", "id", "name"):
        yield f"actor.{name}", event["actor"][name]
    yield from (("on_behalf_of", event["actor"]["on_behalf_of"]), ("ip", event["actor"]["ip"]))
    yield from (("session", event["actor"]["session_id"]), ("status", event["status_code"]))
    yield "reason", event["reason"] and event["reason"]["code"]
    yield "granted", event["authorization"] and ("false", "true")[event["authorization"]["granted"]]
    for resource in event["resources"]:
        yield from ((f"resource.{name}", resource[name]) for name in ("type", "id", "parent"))
    yield from (("change", change["field"]) for change in event["changes"])
    yield from (("trace", event["trace_id"]), ("correlation", event["correlation_id"]))
    yield "stream", event["stream"]["id"]


def said(proof: dict[str, Any], entry: dict[str, Any], terms: list[Any], size: int, root: bytes) -> set[int]:
    """Return the offsets that the index gives of a segment's records with all the terms."""  # section 6, step 4
    need(entry["extractor"] == 1, "extractor")
    leaf = sha256(b"\x00" + proof["entry"]).digest()
    need(climbs(leaf, proof["index"], size, hashes(proof["path"]), root), "index log", "BAD_ROOT")
    keys = [sha256(b"\x02" + name.encode() + b"\x00" + value.encode()).digest() for name, value in terms]
    if proof["absent"] is not None:
        need(not proof["present"] and 0 <= proof["absent"]["term"] < len(terms), "absent")
        check_absent(proof["absent"], keys[proof["absent"]["term"]], entry)
        return set()
    need(len(proof["present"]) == len(terms), "present")
    found = []
    for one, key in zip(proof["present"], keys, strict=True):
        postings = one["postings"]
        leaf = sha256(b"\x00" + key + (postings if len(postings) < 32 else sha256(postings).digest())).digest()
        holds = climbs(leaf, one["position"], entry["terms"], hashes(one["path"]), entry["terms_root"])
        need(holds, "terms", "BAD_ROOT")
        found.append(set(read_postings(postings, entry)))
    return set.intersection(*found)


def check_absent(proof: dict[str, Any], key: bytes, entry: dict[str, Any]) -> None:  # section 3
    size, root, position = entry["terms"], entry["terms_root"], proof["position"]
    neighbours, path = proof["neighbours"], hashes(proof["path"])
    need(all(len(leaf["key"]) == 32 and 1 <= len(leaf["postings"]) <= 32 for leaf in neighbours), "neighbours")
    places = [place for place in (position - 1, position) if 0 <= place < size]
    need(0 <= position <= size and len(neighbours) == len(places), "absent", "BAD_ROOT")
    for place, leaf in zip(places, neighbours, strict=True):
        need(leaf["key"] < key if place < position else leaf["key"] > key, "absent", "BROKEN_CHAIN")
    leaves = [sha256(b"\x00" + leaf["key"] + leaf["postings"]).digest() for leaf in neighbours]
    if not places:
        need(not path and root == tree_root([]), "absent", "BAD_ROOT")
    if len(places) == 1:
        need(climbs(leaves[0], places[0], size, path, root), "terms", "BAD_ROOT")
    if len(places) == 2:
        ends = [end for end in range(len(path) + 1) if climbs(leaves[0], places[0], size, path[:end], root)]
        need(len(ends) == 1, "terms", "BAD_ROOT")
        first, second = path[: ends[0]], path[ends[0] :]
        second += first[len(first) - common(position, size) :]
        need(climbs(leaves[1], position, size, second, root), "terms", "BAD_ROOT")


def common(position: int, size: int) -> int:
    n = 0
    while True:
        k = 1
        while 2 * k < size:
            k *= 2
        if position == k:
            return n
        position, size, n = (position, k, n + 1) if position < k else (position - k, size - k, n + 1)


def climbs(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    """Return whether RFC 6962's path leads to the root: from the top down, as section 2.1.1 defines it."""
    if not 0 <= index < size:
        return False
    sides = []
    while size > 1:
        k = 1
        while 2 * k < size:
            k *= 2
        sides.append(index >= k)
        index, size = (index - k, size - k) if index >= k else (index, k)
    if len(path) != len(sides):
        return False
    for is_right, sibling in zip(reversed(sides), path, strict=True):
        leaf = sha256(b"\x01" + (sibling + leaf if is_right else leaf + sibling)).digest()
    return leaf == root


def read_entry(data: bytes) -> dict[str, Any]:  # section 4
    need(len(data) <= 65_535, "entry")
    entry, end = READERS["index_segment"](data, 0)
    need(end == len(data) and entry["version"] == 1, "entry")
    last = checkpoint(entry["checkpoint"])[2] - 1
    need(0 <= entry["first_height"] <= last and 0 <= entry["first_offset"] <= entry["last_offset"] + 1, "entry")
    need(min(entry[name] for name in ("rows", "problems", "file_bytes", "terms")) >= 0, "entry")
    return dict(entry)


def read_postings(data: bytes, entry: dict[str, Any]) -> Iterator[int]:  # section 2
    numbers = re.findall(rb"[\x80-\xff]{0,8}[\x00-\x7f]", data, re.DOTALL)
    need(numbers and b"".join(numbers) == data, "postings")
    offset = entry["first_offset"]
    for place, number in enumerate(numbers):
        need(len(number) == 1 or number[-1], "postings")
        step = sum((byte & 0x7F) << 7 * at for at, byte in enumerate(number))
        need(step or not place, "postings")
        offset += step
        need(offset <= entry["last_offset"], "postings")
        yield offset


def hashes(data: bytes) -> list[bytes]:
    need(len(data) % 32 == 0, "path")
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def pins(trust: str) -> dict[str, dict[str, list[str]]]:
    """Return the keys of each log and index by its name."""
    found: dict[str, dict[str, list[str]]] = {"log": {}, "index": {}}
    for kind, key in (line.split() for line in trust.splitlines()):
        if kind in found:
            found[kind].setdefault(key.split("+")[0], []).append(key)
    return found


def checkpoint(data: bytes) -> tuple[str, bytes, int]:
    """Return name, root and size of a signed checkpoint."""
    text, _ = read_note(data)
    match = re.fullmatch(r"([^\n]{1,255})\n([1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n", text) or refuse("checkpoint")
    return match[1], unbase64(match[3].encode(), "checkpoint"), int(match[2])


def signed(data: bytes, pinned: dict[str, list[str]]) -> tuple[str, bytes, int]:
    """Return name, root and size of a checkpoint that each of the keys pinned for its name signed."""
    found = checkpoint(data)
    need(found[0] in pinned, "name", "MISSING_LOG")
    text, signatures = read_note(data)
    for key_id, public in (read_key(key, found[0]) for key in pinned[found[0]]):
        mine = [blob[4:] for name, blob in signatures if (name, blob[:4]) == (found[0], key_id)]
        need(len(mine) == 1, "note", "BAD_SIGNATURE")
        try:
            public(text, mine[0])
        except InvalidSignature:
            refuse("note", "BAD_SIGNATURE")
    return found
