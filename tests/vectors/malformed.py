"""Headers and notes that no verifier may accept, also with a valid signature."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from auditseal_schemas.header import Predecessor
from auditseal_schemas.limits import MAX_HEADER_BYTES
from auditseal_schemas.note import NoteSignature
from auditseal_schemas.varint import encode_long
from tests.factory.keys import signing_key, verifier_key
from tests.vectors.good import Run, next_run, origin, plain, plain_contents, trust
from tests.vectors.sealed import Sealed, replaced
from tests.vectors.signed import KEY, ORIGIN, THIEF
from tests.vectors.tampered import at, changed, middle, one
from tests.vectors.vector import Vector, finding, plain_objects


def malformed_vectors() -> Iterator[Vector]:
    yield from malformed_headers()
    yield from fields()
    yield from empty_blocks()
    yield from predecessors()
    yield from notes()


def malformed_headers() -> Iterator[Vector]:
    block = middle()
    raw = block.header_bytes
    cases: tuple[tuple[str, str, Sealed], ...] = (
        ("version", "the version is unknown.", block.altered(version=2)),
        (
            "critical-extension",
            "an extension must be understood.",
            block.altered(extensions=[{"key": "!x", "value": b""}]),
        ),
        (
            "extensions-unsorted",
            "extensions are not sorted.",
            block.altered(extensions=[{"key": "b", "value": b""}, {"key": "a", "value": b""}]),
        ),
        (
            "extension-doubled",
            "an extension is there twice.",
            block.altered(extensions=[{"key": "a", "value": b""}, {"key": "a", "value": b""}]),
        ),
        ("padded-varint", "the header's first varint is padded.", replace(block, raw_header=b"\x82\x00" + raw[1:])),
        ("header-trailing", "a byte follows the header.", replace(block, raw_header=raw + b"\x00")),
        (
            "split-array",
            "an array is in two blocks.",
            replace(
                block.altered(gaps=[]), raw_header=replaced(raw, (gap(5, 0), gap(5, 0)[:-1] + b"\x02" + gap(5, 1)[1:]))
            ),
        ),
        (
            "array-with-size",
            "an array's block has a byte size.",
            replace(block, raw_header=replaced(raw, (gap(5, 0), b"\x01\x06" + gap(5, 0)[1:]))),
        ),
        (
            "array-end",
            "an array doesn't end in 00.",
            replace(block, raw_header=replaced(raw, (gap(5, 0), gap(5, 0)[:-1] + b"\x01"))),
        ),
        (
            "boolean",
            "`final` is neither 00 nor 01.",
            replace(block, raw_header=replaced(raw, (b"\x00\x10golden/1", b"\x02\x10golden/1"))),
        ),
        ("wide-int", "partitions don't fit 32 bits.", block.altered(partitions=2**31)),
        (
            "control-character",
            "the cluster id has a terminal's escape sequence.",
            block.altered(cluster_id="\x1b[31mred"),
        ),
        (
            "touching-gaps",
            "two gaps touch and have one cause.",
            block.altered(
                last_offset=8, gaps=[{"first": 5, "last": 5, "cause": 0}, {"first": 6, "last": 6, "cause": 0}]
            ),
        ),
        ("gap-cause", "a gap's cause is unknown.", block.altered(gaps=[{"first": 5, "last": 5, "cause": 3}])),
        (
            "predecessor",
            "a header above height 0 has a predecessor.",
            block.altered(predecessor={"origin": str(origin(0)), "size": 1, "root": bytes(32), "keys": ["k"]}),
        ),
        (
            "next-keys-doubled",
            "a next key is there twice.",
            block.altered(next_keys=[str(verifier_key(ORIGIN, KEY))] * 2),
        ),
    )
    for name, about, altered in cases:
        yield rejected(f"malformed-{name}", THIEF.format(about), altered)


def rejected(name: str, about: str, block: Sealed) -> Vector:
    """Return the plain vault with a signed block 1 of log 0 whose header is refused."""
    return changed(name, about, {block.key: block.signed(KEY).object()}, at(1, "MALFORMED", None))


def gap(offset: int, cause: int) -> bytes:
    """Return the encoded array of one gap."""
    return b"\x02" + encode_long(offset) * 2 + encode_long(cause) + b"\x00"


def fields() -> Iterator[Vector]:
    """Yield headers that contradict themselves or exceed a limit: block 1 of log 0 has offsets 4 to 7, 5 a gap."""
    block = middle()
    missing = [{"first": 5, "last": 5, "cause": 0}]
    many = [{"first": 5 + number, "last": 5 + number, "cause": number % 2} for number in range(1_001)]
    vkeys = [str(verifier_key(ORIGIN, signing_key(f"next {number}"))) for number in range(17)]
    filling = MAX_HEADER_BYTES + 1 - len(block.header_bytes) - 6  # for the extension's count, key and length
    cases: dict[str, dict[str, Any]] = {
        "origin-dots": {"origin": "../audit.events/0/0"},
        "origin-padded": {"origin": "audit.example.com/audit.events/00/0"},
        "origin-case": {"origin": "Audit.example.com/audit.events/0/0"},
        "origin-parts": {"origin": "audit.example.com/audit.events/0/0/0"},
        "origin-topic": {"origin": "audit.example.com/audit%events/0/0"},
        "origin-partition": {"origin": "audit.example.com/audit.events/1000000000/0", "partitions": 1_000_000_001},
        "negative-time": {"sealed_at": -1},
        "negative-epoch": {"last_leader_epoch": -2},
        "negative-offset": {"first_offset": -1, "gaps": [{"first": -1, "last": 3, "cause": 0}, *missing]},
        "range-backwards": {"first_offset": 9, "count": -1, "gaps": []},
        "too-many-records": {"count": 65_537, "last_offset": 65_541},
        "too-many-bytes": {"size": 11_534_337},
        "negative-size": {"size": -1},
        "too-many-gaps": {"gaps": many, "last_offset": 4 + 1_001 + 2},
        "negative-offset-and-other-causes": {
            "first_offset": -1,
            "gaps": [{"first": -1, "last": 3, "cause": 1}, *missing],
        },
        "gap-outside": {"gaps": [{"first": 8, "last": 8, "cause": 0}]},
        "gap-backwards": {"gaps": [{"first": 6, "last": 5, "cause": 0}], "count": 4},
        "gaps-unsorted": {"gaps": [{"first": 7, "last": 7, "cause": 0}, *missing], "count": 2},
        "gaps-overlap": {
            "gaps": [{"first": 5, "last": 6, "cause": 0}, {"first": 6, "last": 6, "cause": 1}],
            "count": 1,
        },
        "no-extremes": {"min_timestamp": None, "max_timestamp": None},
        "half-extremes": {"min_timestamp": None},
        "other-half-extremes": {"max_timestamp": None},
        "extremes-swapped": {"min_timestamp": 2, "max_timestamp": 1},
        "timestamp-type": {"timestamp_type": 3},
        "empty-text": {"cluster_id": ""},
        "long-text": {"sealer": "s" * 256},
        "not-ascii": {"topic_id": "tópic"},
        "few-partitions": {"partitions": 0},
        "too-many-keys": {"next_keys": vkeys},
        "too-many-extensions": {"extensions": [{"key": f"{number:02}", "value": b""} for number in range(65)]},
        "too-long": {"extensions": [{"key": "x", "value": bytes(filling)}]},
    }
    for name, altered in cases.items():
        about = THIEF.format("the header contradicts itself or exceeds a limit.")
        yield rejected(f"invalid-{name}", about, block.altered(**altered))


def empty_blocks() -> Iterator[Vector]:
    """Yield blocks without records that claim something of records."""
    second = plain()[1]
    cases: dict[str, dict[str, Any]] = {
        "links": {"last_link": bytes(32)},
        "root": {"events_root": bytes(32)},
        "size": {"size": 1},
        "extremes": {"min_timestamp": 0, "max_timestamp": 0},
    }
    for name, altered in cases.items():
        run = Run(ORIGIN, (KEY,))
        block = run.add().altered(**altered).signed(KEY)
        run.add()
        objects = plain_objects(run.objects | {block.key: block.object()} | second.objects)
        about = THIEF.format("a block without records claims something of records.")
        pinned = trust(*run.pinned, *second.pinned)
        yield Vector(f"empty-{name}", about, pinned, objects, (at(0, "MALFORMED", None),))


def predecessors() -> Iterator[Vector]:
    """Yield run 1 of log 0 with a genesis that names no earlier run of this partition."""
    first, second = plain()
    run = next_run(first)
    genesis = run.blocks[0]
    good = Predecessor(str(first.origin), 2, bytes(32), (str(verifier_key(first.origin, KEY)),))
    cases: dict[str, dict[str, Any] | None] = {
        "none": None,
        "negative-size": good._replace(size=-1)._asdict(),
        "itself": good._replace(origin=str(run.origin))._asdict(),
        "another-partition": good._replace(origin=str(origin(1)))._asdict(),
        "another-topic": good._replace(origin="audit.example.com/other/0/0")._asdict(),
        "another-cluster": good._replace(origin="other.example.com/audit.events/0/0")._asdict(),
        "no-origin": good._replace(origin="audit.events/0/0")._asdict(),
        "no-keys": good._replace(keys=())._asdict(),
        "too-many-keys": good._replace(keys=tuple(map(str, range(17))))._asdict(),
        "keys-doubled": good._replace(keys=good.keys * 2)._asdict(),
    }
    pinned = trust(*first.pinned, *second.pinned, *run.pinned)
    for name, predecessor in cases.items():
        block = genesis.altered(predecessor=predecessor).signed(*run.keys)
        objects = plain_objects(plain_contents() | run.objects | {block.key: block.object()})
        about = THIEF.format("a run begins without an earlier run of its own partition.")
        yield Vector(f"predecessor-{name}", about, pinned, objects, (finding("MALFORMED", run.origin, 0),))
    second_block = run.blocks[1].altered(predecessor=good._asdict()).signed(*run.keys)
    objects = plain_objects(plain_contents() | run.objects | {second_block.key: second_block.object()})
    about = THIEF.format("the second block of a run names an earlier run, too.")
    squatted = (finding("SQUATTED", run.origin, 1),)
    yield Vector("predecessor-of-a-later-block", about, pinned, objects, squatted)


def notes() -> Iterator[Vector]:
    block = middle()
    (line,) = block.lines
    stranger = "witness.example.com/w"

    def lines(*others: str) -> Sealed:
        return block.with_lines(line, *others)

    cases: dict[str, tuple[str, Sealed]] = {
        "short": ("has a signature of no byte.", lines(str(NoteSignature(stranger, bytes(4), b"")))),
        "long": ("has a signature beyond the limit.", lines(str(NoteSignature(stranger, bytes(4), bytes(6_141))))),
        "too-many-lines": (
            "has 33 signature lines.",
            lines(*[str(NoteSignature(stranger, bytes(4), bytes((number,)))) for number in range(32)]),
        ),
        "too-long": ("exceeds 64 KiB.", lines(*[str(NoteSignature(stranger, bytes(4), bytes(6_140)))] * 8)),
        "control-character": ("has a terminal's escape sequence.", lines(f"— \x1b[31mred {'A' * 8}")),
        "delete": ("has U+007F.", lines(f"— a\x7fb {'A' * 8}")),
        "first-of-c1": ("has U+0080.", lines(f"— a\x80b {'A' * 8}")),
        "last-of-c1": ("has U+009F.", lines(f"— a\x9fb {'A' * 8}")),
        "name-with-plus": ("has a name with a plus.", lines(f"— a+b {'A' * 8}")),
        "hyphen": ("has a line with another dash.", lines(f"- a {'A' * 8}")),
        "empty-line": ("has an empty line after its signatures.", replace(block, note=block.note + b"\n")),
        "no-newline": ("doesn't end in a newline.", replace(block, note=block.note[:-1])),
        "carriage-return": ("has DOS line ends.", replace(block, note=block.note.replace(b"\n", b"\r\n"))),
        "not-utf-8": ("is not UTF-8.", replace(block, note=block.note[:-1] + b"\xff\n")),
    }
    for name, (about, altered) in cases.items():
        yield one(f"note-{name}", f"The note {about}", altered, "MALFORMED", None)
