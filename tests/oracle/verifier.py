"""The verdict on a vault by docs/reference/format.md, section 14, whose steps the comments name.

It shares no code with auditseal.

`records` verifies everything and yields the records; `values` returns (offset, value) of each, by log; `check` verifies
objects from anywhere. `store` and `anchor` judge what a directory doesn't show.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace as Block
from typing import Any

from cryptography.exceptions import InvalidSignature

from tests.oracle.reader import (
    EVENT_SCHEMA,
    Refused,
    append,
    check_origin,
    fold,
    inflated,
    inflated_prefix,
    need,
    read_block,
    read_key,
    read_record,
    refuse,
    tree_root,
    unbase64,
)

BLOCK_NAME = re.compile(r"blocks/[0-9]{12}\.avro$")
Files = Mapping[str, Callable[[], bytes]]
"""What reads each object, by its key."""
INVISIBLE = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"


class Log:
    """The state of section 14: `state` is frontier, previous, link and next offset; None where it is lost."""

    def __init__(self, origin: str, keys: list[str], start: tuple[int, bytes] | None = None) -> None:
        genesis = sha256(f"auditseal/v1\n{origin}\n".encode()).digest()
        self.origin, self.keys, self.start = origin, [read_key(key, origin) for key in keys], start
        self.height = self.first = start[0] if start else 0
        self.roots = {0: fold([])} | dict([start] if start else [])
        self.valid = set(keys)
        self.signers = {} if start else {0: self.valid}
        self.head: dict[str, Any] = {}
        self.state: Any = None if start else ([], genesis, genesis, 0)
        self.predecessor: Any = None
        self.began: int | None = None  # when the first block was sealed, in ms
        self.settled = 0  # the blocks that are known to exist from elsewhere

    def accept(self, block: Block) -> list[dict[str, Any]]:
        """Check the next block whole, step by step, and return its records."""
        self.check_head(block)
        records = check_content(block)
        header, frontier = block.h, append(block.frontier, block.h["height"], block.leaf)
        self.signers[self.height + 1] = self.valid
        self.keys = [read_key(key, self.origin) for key in header["next_keys"]] or self.keys  # step 9
        self.valid = set(header["next_keys"]) or self.valid
        self.state = (frontier, block.leaf, header["last_link"], header["last_offset"] + 1)
        self.head, self.height, self.start = header, self.height + 1, None
        self.roots[self.height] = fold(frontier)
        self.predecessor = self.predecessor or header["predecessor"]
        self.began = header["sealed_at"] // 1000 if self.began is None else self.began
        return records

    def resumed(self, height: int) -> "Log":
        """Return this log with its state lost before a height."""
        log = Log(self.origin, [])
        log.keys, log.state, log.height = self.keys, None, height
        return log

    def check_head(self, block: Block) -> None:
        h = block.h
        found = [h["origin"], h["height"], h["previous"], block.frontier, h["first_link"], h["first_offset"]]
        frontier, *rest = self.state or (block.frontier, h["previous"], h["first_link"], h["first_offset"])
        wanted = [self.origin, self.height, rest[0], frontier, *rest[1:]]
        names = ("origin", "height", "previous", "frontier", "first_link", "first_offset")
        for name, one, other in zip(names, found, wanted, strict=True):  # step 2
            need(one == other, name, "BROKEN_CHAIN")
        need(not self.start or fold(block.frontier) == self.start[1], "frontier", "BAD_ROOT")
        if self.head:  # step 3
            need(not self.head["final"], "final", "BROKEN_CHAIN")
            for name in ("cluster_id", "topic_id"):
                need(h[name] == self.head[name], name, "BROKEN_CHAIN")
            for name in ("partitions", "last_leader_epoch", "sealed_at"):
                need(h[name] >= self.head[name], name, "BROKEN_CHAIN")
        origin, size, root, end = (block.text.split("\n") + [""] * 4)[:4]
        need(block.text.count("\n") == 3 and not end and re.fullmatch("[1-9][0-9]{0,15}", size), "checkpoint")  # step 4
        try:
            check_origin(origin)
            signed = unbase64(root.encode(), "checkpoint")
        except (ValueError, Refused):
            refuse("checkpoint")
        need(len(signed) == 32, "checkpoint")
        need(origin == h["origin"], "checkpoint.origin", "BAD_ROOT")  # step 5
        need(int(size) == h["height"] + 1, "checkpoint.size", "BAD_ROOT")
        need(signed == fold(append(block.frontier, h["height"], block.leaf)), "checkpoint.root", "BAD_ROOT")
        for key_id, key in self.keys:  # step 6
            mine = [blob[4:] for name, blob in block.signatures if (name, blob[:4]) == (self.origin, key_id)]
            need(len(mine) == 1, "note", "BAD_SIGNATURE")
            try:
                key(block.text, mine[0])
            except InvalidSignature:
                refuse("note", "BAD_SIGNATURE")


def check_content(block: Block) -> list[dict[str, Any]]:
    stored = sha256(b"".join(raw for *_, raw in block.chunks)).digest() == block.h["payload"]  # step 7
    signed = sha256(block.locators).digest() == block.h["locators"] and len(block.locators) == 2 * block.h["count"]
    need(signed or not stored, "locators", "BAD_ROOT")  # step 8
    need(not stored or sum(count for count, *_ in block.chunks) == block.h["count"], "count", "BAD_RECORD")
    if not stored and signed:
        need_all_there(block)
    need(stored, "payload", "BAD_ROOT")
    return check_records(block)


def need_all_there(block: Block) -> None:
    """Refuse the first record that is not the sealed one, of data blocks that were changed."""
    link, number = block.h["first_link"], 0
    for record in readable(block):
        link = sha256(b"\0" + link + record).digest()
        if link[:2] != block.locators[2 * number : 2 * number + 2]:
            break
        number += 1
    offset = block.h["first_offset"] + number
    for gap in block.h["gaps"]:
        offset += gap["last"] - gap["first"] + 1 if gap["first"] <= offset else 0
    need(number >= block.h["count"], "record", "BAD_RECORD", offset)


def readable(block: Block) -> Iterator[bytes]:
    for count, deflated, _ in block.chunks:
        content, at = inflated_prefix(deflated), 0
        for _ in range(count):
            try:
                _, end = read_record(content, at, 0)
            except Refused:
                return
            yield content[at:end]
            at = end


def check_records(block: Block) -> list[dict[str, Any]]:
    h, link, records, links, size = block.h, block.h["first_link"], [], [], 0
    missing = {gap["first"]: gap["last"] + 1 for gap in h["gaps"]}
    offset = h["first_offset"]
    for count, deflated, _ in block.chunks:  # step 10
        content = inflated(deflated, min(8_388_672 if count == 1 else 4_194_304, h["size"] - size))
        size, at = size + len(content), 0
        for _ in range(count):
            while offset in missing:
                offset = missing[offset]
            record, end = read_record(content, at, offset)
            need(record["offset"] == offset, "record.offset", "BAD_RECORD", offset)
            link = sha256(b"\0" + link + content[at:end]).digest()
            links.append(link)
            records.append(record)
            at, offset = end, offset + 1
        need(at == len(content), "record")
    while offset in missing:
        offset = missing[offset]
    for number, record in enumerate(records):  # step 11
        agrees = links[number][:2] == block.locators[2 * number : 2 * number + 2]
        need(agrees, "record", "BAD_RECORD", record["offset"])
    need(link == h["last_link"], "last_link", "BAD_RECORD")
    need(
        (len(records), size, offset - 1) == (h["count"], h["size"], h["last_offset"]), "count", "BAD_RECORD"
    )  # step 12
    times = [record["timestamp"] for record in records] or [None]
    need(min(times) == h["min_timestamp"], "min_timestamp", "BAD_RECORD")  # step 13
    need(max(times) == h["max_timestamp"], "max_timestamp", "BAD_RECORD")
    need(tree_root(links) == h["events_root"], "events_root", "BAD_ROOT")  # step 14
    return records


def read_trust(text: str) -> dict[str, Log]:  # section 13
    """Return the pinned logs.

    Raises:
        ValueError: A line is not one of the seven, is repeated, or has a number or a root in another spelling.
        Refused: A key can't be relied on, or a log's name is invalid.
    """
    keys: dict[str, list[str]] = {}
    starts: dict[str, tuple[int, bytes]] = {}
    once: list[tuple[str, ...]] = []
    if len(text.encode()) > 1 << 20 or re.search(INVISIBLE, text):
        raise ValueError("the trust file is too long or has characters that it must not have")
    for line in text.split("\n"):
        match [word for word in re.split("[ \t]", line.split("#")[0]) if word]:
            case ["log", key]:
                name = key.split("+")[0]
                check_origin(name)
                keys.setdefault(name, []).append(key)
                once.append((key,))
            case ["start", origin, height, root] if re.fullmatch("[1-9][0-9]{0,11}", height):
                starts[origin] = (int(height), read_root(root))
                once.append(("start", origin))
            case ["index" | "person" | "schema", *_] as words:
                once += read_others(words)
            case ["vault", _]:
                once.append(("vault",))
            case ["retention", days] if re.fullmatch("0|[1-9][0-9]{0,14}", days):
                once.append(("retention",))
            case [_, *_] as words:
                raise ValueError(f"the trust file has a line that isn't known: {words}")
    topics = {origin.rsplit("/", 2)[0] for origin in keys}
    known = starts.keys() <= keys.keys() and {line[1] for line in once if line[0] == "schema"} <= topics
    if len(set(once)) < len(once) or not (keys and known):
        raise ValueError("the trust file has a line twice, pins no log, or has a line of another log")
    return {origin: Log(origin, pinned, starts.get(origin)) for origin, pinned in keys.items()}


def read_others(words: list[str]) -> list[tuple[str, ...]]:
    """Check a line that verification doesn't use; return what must not be there twice."""
    match words:
        case ["schema", topic, schema_id, digest]:
            return read_schema(topic, schema_id, digest)
        case ["index" | "person" as kind, key] if re.fullmatch(r"[!-*,-~]{1,255}", key.split("+")[0]):
            return read_named(kind, key)
    raise ValueError(f"the trust file has a line that isn't known: {words}")


def read_schema(topic: str, schema_id: str, digest: str) -> list[tuple[str, ...]]:
    """Check a line about a schema of a registry; return what must not be there twice."""
    check_origin(f"{topic}/0/0")
    is_number = re.fullmatch("[1-9][0-9]{0,9}", schema_id) and int(schema_id) < 1 << 31
    if not (is_number or re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", schema_id)):
        raise ValueError(f"{schema_id} is not an id of a schema")
    if digest != sha256(EVENT_SCHEMA.encode()).hexdigest():
        raise ValueError(f"{digest} is not the schema of the audit event")
    return [("schema", topic, schema_id)]


def read_named(kind: str, key: str) -> list[tuple[str, ...]]:
    """Check the key of an index or a person; return what must not be there twice."""
    name, _, blob = key.partition("+")
    read_key(key, name)
    if kind == "index":
        return [(kind, name)]
    blob = blob.partition("+")[2]
    if len(blob) != 44:
        raise ValueError(f"{name} has another key than one of Ed25519")
    return [(kind, name), ("key of a person", blob)]


def read_root(text: str) -> bytes:
    root = unbase64(text.encode(), "start")
    if len(root) != 32:
        raise ValueError("the root of a start isn't 32 bytes long")
    return root


def records(vault: Path, trust: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every record with its log's origin. The vault is verified once all of them were taken.

    Raises:
        Refused: The first fault.
    """
    yield from records_of(files_of(vault), read_trust(trust))


def files_of(vault: Path) -> dict[str, Callable[[], bytes]]:  # section 12
    """Return what reads each object of a directory, by its key: below a log no link is followed."""
    files: dict[str, Callable[[], bytes]] = {}
    folders = [vault]
    while folders:
        folder = folders.pop()
        entries = sorted(folder.iterdir())
        for path in entries:
            key = path.relative_to(vault).as_posix()
            is_below_a_log = key.count("/") >= 5
            if path.is_dir() and not (is_below_a_log and path.is_symlink()):
                folders.append(path)
            else:
                files[key] = path.read_bytes if path.is_file() and not path.is_symlink() else no_content
        key = folder.relative_to(vault).as_posix()
        is_foreign = not entries and key.count("/") >= 5 and not key.endswith("/blocks")
        if is_foreign or BLOCK_NAME.search(key):
            files[key] = no_content
    return files


def no_content() -> bytes:
    refuse("object", "BAD_STORAGE")


def records_of(files: Files, logs: dict[str, Log]) -> Iterator[tuple[str, dict[str, Any]]]:
    for log in logs.values():
        for record in walk(files, log):
            yield log.origin, record
    check_partitions(logs)
    for log in logs.values():
        check_predecessor(log, logs)


def check(files: Files, logs: dict[str, Log]) -> None:
    """Verify objects; the logs then hold what they were found to be.

    Raises:
        Refused: The first fault.
    """
    for _ in records_of(files, logs):
        pass


def check_partitions(logs: dict[str, Log]) -> None:
    """Check that a run of each partition is pinned: by the most that a log says, of several the latest run's."""
    latest = sorted(logs.values(), key=lambda log: -int(log.origin.split("/")[3]))
    for log in sorted(latest, key=lambda log: -int(log.head["partitions"])):
        *topic, _, _ = log.origin.split("/")
        pinned = {int(origin.split("/")[2]) for origin in logs if origin.split("/")[:2] == topic}
        if not pinned >= set(range(log.head["partitions"])):
            refuse("partitions", "MISSING_LOG", place=(log.origin, log.height - 1))


def check_predecessor(log: Log, logs: dict[str, Log]) -> None:
    """Check what a log says of the run before it."""
    before = log.predecessor
    if not before or before["origin"] not in logs:
        return
    run, size = logs[before["origin"]], before["size"]
    known = size in run.roots or size > run.first  # below a start nothing but the empty root is known
    if known and run.roots.get(size) != before["root"]:
        refuse("predecessor", "BROKEN_CHAIN", place=(log.origin, 0))
    if run.signers.get(size, set(before["keys"])) != set(before["keys"]):
        refuse("predecessor", "BROKEN_CHAIN", place=(log.origin, 0))


def values(vault: Path, trust: str) -> dict[str, list[tuple[int, bytes | None]]]:
    """Return the offset and value of each record, by origin; the value is None where Kafka's was or it is oversize.

    Raises:
        Refused: The first fault.
    """
    found: dict[str, list[tuple[int, bytes | None]]] = {origin: [] for origin in read_trust(trust)}
    for origin, record in records(vault, trust):
        found[origin].append((record["offset"], record["value"]))
    return found


def walk(files: Files, log: Log) -> Iterator[dict[str, Any]]:
    """Yield the records of one log, checking block after block."""
    prefix = f"v1/{log.origin}/"
    mine = {key.removeprefix(prefix): read for key, read in sorted(files.items()) if key.startswith(prefix)}
    if not all(map(BLOCK_NAME.fullmatch, mine)):
        refuse("key", "BAD_STORAGE", place=(log.origin, -1))
    heights = {int(name[7:19]): read for name, read in mine.items()}
    blocks = {height: read for height, read in heights.items() if height >= log.height}
    if not any(map(is_block, blocks.values())):
        refuse("origin", "MISSING_LOG", place=(log.origin, -1))
    while any(height >= log.height for height in blocks):
        try:
            found = log.accept(next_block(blocks, log))
        except Refused as refused:
            refused.place = (log.origin, log.height)
            raise
        yield from found


def next_block(blocks: dict[int, Callable[[], bytes]], log: Log) -> Block:
    """Read the next block. A height is missing, and a bad object is MALFORMED, only below a signed block."""
    above = [height for height in blocks if height > log.height]
    signed_above = any(is_signed(blocks[height], height, log) for height in above)
    if log.height not in blocks:
        need(not signed_above, "height", "BROKEN_CHAIN")
        log.height, log.state = min(above), None
    try:
        return read_block(blocks[log.height]())
    except Refused as refused:
        if refused.verdict == "MALFORMED" and not signed_above and log.height >= log.settled:
            refused.verdict = "SQUATTED"
        raise


def is_block(read: Callable[[], bytes]) -> bool:
    try:
        read_block(read())
    except Refused:
        return False
    return True


def is_signed(read: Callable[[], bytes], height: int, log: Log) -> bool:
    try:
        log.resumed(height).check_head(read_block(read()))
    except Refused:
        return False
    return True
