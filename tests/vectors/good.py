"""Vaults in which nothing must be found."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.header import Extension, Gap, Predecessor
from auditseal_schemas.key import Signer, SigningKey, VerifierKey
from auditseal_schemas.limits import MAX_CONTENT_BYTES
from auditseal_schemas.log import LogState
from auditseal_schemas.note import sign_note
from auditseal_schemas.origin import Origin
from auditseal_schemas.record import RecordHeaders
from tests.factory.keys import signing_key, verifier_key
from tests.factory.messages import Message
from tests.factory.people import PEOPLE
from tests.factory.streams import stored_deflate
from tests.vectors.sealed import Sealed
from tests.vectors.vector import Finding, Vector, plain_objects

CLUSTER, TOPIC = "audit.example.com", "audit.events"
STARTED = 1_750_000_000_000_000
CREATED, APPENDED = 1, 2


def origin(partition: int, run: int = 0) -> Origin:
    return Origin(CLUSTER, TOPIC, partition, run)


@dataclass
class Run:
    """A log that grows by blocks."""

    origin: Origin
    keys: tuple[Signer, ...]
    partitions: int = 2
    blocks: list[Sealed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pinned = tuple(verifier_key(self.origin, key) for key in self.keys)
        self.state = LogState.genesis(self.origin, self.pinned)

    @property
    def source(self) -> SourceIdentity:
        return SourceIdentity("cluster-1", f"topic-{self.origin.run + 1}", self.partitions, 4)

    def add(
        self,
        messages: Sequence[Message] = (),
        *,
        log_start: int = 0,
        rotate: tuple[Signer, ...] = (),
        final: bool = False,
        predecessor: Predecessor | None = None,
    ) -> Sealed:
        """Seal the next block with the core."""
        draft = BlockDraft(self.state, BlockLimits(), log_start=log_start, compress=stored_deflate)
        assert draft.extend(messages) == len(messages)
        block = draft.seal(
            self.source,
            self.keys,
            now=STARTED + self.state.height * 60_000_000,
            sealer="golden/1",
            predecessor=predecessor,
            next_keys=tuple(str(verifier_key(self.origin, key)) for key in rotate),
            final=final,
        )
        self.take(block)
        self.keys = rotate or self.keys
        return self.blocks[-1]

    def take(self, block: Block) -> None:
        """Accept a block, however it was made."""
        self.state = self.state.accept(block)
        self.blocks.append(Sealed.take_apart(block))

    def take_altered(self, sealed: Sealed) -> None:
        """Replace the last block by a legal one that the draft doesn't make."""
        del self.blocks[-1]
        before = LogState.genesis(self.origin, self.pinned)
        for block in self.blocks:
            before = before.accept(Block.parse(block.object()))
        self.state = before
        self.take(Block.parse(sealed.signed(*self.keys).object()))

    @property
    def objects(self) -> dict[str, bytes]:
        return {block.key: block.object() for block in self.blocks}


def message(
    at: int,
    value: bytes | None,
    *,
    key: bytes | None = b"k",
    headers: RecordHeaders | None = (),
    kind: int = CREATED,
    timestamp: int | None = None,
) -> Message:
    ms = STARTED // 1000 + at if timestamp is None else timestamp
    return Message(at, value, key, headers, ms, kind, broken_headers=headers is None)


def simple_run(partition: int, keys: tuple[SigningKey, ...], blocks: int = 3) -> Run:
    """Return a log of three records a block, of which the second is missing in each block but the first."""
    run = Run(origin(partition), keys, partitions=max(2, partition + 1))
    for number in range(blocks):
        offsets = [4 * number + step for step in ((0, 1, 2, 3) if number == 0 else (0, 2, 3))]
        run.add([message(at, f"event {at} of {partition}".encode()) for at in offsets])
    return run


@cache
def plain() -> tuple[Run, Run]:
    """Return the two logs that all tampering starts from."""
    return simple_run(0, (signing_key("log 0"),)), simple_run(1, (signing_key("log 1"),))


def plain_contents() -> dict[str, bytes]:
    return {key: content for run in plain() for key, content in run.objects.items()}


def trust(*keys: VerifierKey, lines: str = "") -> str:
    return "".join(f"log {key}\n" for key in keys) + lines


def plain_trust() -> str:
    return trust(*(key for run in plain() for key in run.pinned))


def rich_run() -> Run:
    """Return a log with one of everything that is legal."""
    first, second, third = (signing_key(f"rich, {name}") for name in ("first", "second", "third"))
    run = Run(origin(0), (first,), partitions=1)
    run.add(
        [
            message(
                12, b"after what was lost, and a marker", headers=[("trace", b"\x00\xff"), ("trace", None), ("", b"")]
            ),
            message(13, None, key=None, timestamp=-1),
            message(16, b"", key=b"", timestamp=-(2**63)),
        ],
        log_start=10,
    )
    run.add(
        [
            message(17, bytes(MAX_CONTENT_BYTES), kind=APPENDED),
            message(18, b"unreadable header names", headers=None, kind=APPENDED),
            message(19, b"\xff" * 200, headers=[("schlüssel", b"wert")], kind=APPENDED, timestamp=2**63 - 1),
        ],
        rotate=(second,),
    )
    gaps = [Gap(20, 21, 0)._asdict(), Gap(22, 22, 1)._asdict(), Gap(23, 24, 2)._asdict()]
    run.take_altered(run.add().altered(last_offset=24, gaps=gaps))
    run.add(rotate=(second, third))
    salted = run.add([message(25, b"salted"), message(26, b"in a data block of its own")])
    one, other = salted.records()
    extension = Extension("example.com/note", b"ignored")._asdict()
    again = salted.resealed([one[:-1] + b"\x20" + bytes(range(16))], [other], extensions=[extension])
    run.take_altered(again)
    run.partitions = 3
    note = sign_note(run.blocks[-1].text, "witness.example.com/w", [signing_key("a stranger")])
    one_line, other_line = run.blocks[-1].lines
    run.blocks[-1] = run.blocks[-1].with_lines(one_line, str(note.signatures[0]), other_line)
    run.add([message(27, b"the last one")], final=True)
    return run


def next_run(first: Run) -> Run:
    """Return run 1 of the plain log 0, which leaves the offsets of the first two blocks to run 0."""
    run = Run(origin(0, 1), (signing_key("log 0, run 1"),))
    head = first.blocks[1]
    run.add(
        [message(at, f"event {at} of run 1".encode()) for at in (8, 9)],
        log_start=8,
        predecessor=Predecessor(
            str(first.origin), 2, head.root, tuple(str(verifier_key(first.origin, key)) for key in first.keys)
        ),
    )
    run.add([message(10, b"and on")])
    return run


def good_vectors() -> list[Vector]:
    return [
        Vector(
            "plain",
            "Two logs of three blocks; all tampering starts from this one.",
            plain_trust(),
            plain_objects(plain_contents()),
        ),
        Vector(
            "index-pinned",
            "The trust file pins an index, too; verification of a vault has nothing to do with it.",
            plain_trust() + f"index {VerifierKey('index.example.com', signing_key('index').public)}\n",
            plain_objects(plain_contents()),
        ),
        Vector(
            "people-pinned",
            "The trust file pins two people who may sign legal holds; verification of blocks does not use them.",
            plain_trust() + "".join(f"person {key}\n" for key in PEOPLE[:2]),
            plain_objects(plain_contents()),
        ),
        rich(),
        later(),
        started(),
        Vector(
            "other-logs-in-the-vault",
            "A log that isn't pinned shares the vault; it is not looked at.",
            plain_trust(),
            plain_objects(plain_contents() | {f"v1/{CLUSTER}/other/0/0/blocks/000000000000.avro": b"not looked at"}),
        ),
    ]


def rich() -> Vector:
    run = rich_run()
    others = [simple_run(partition, (signing_key(f"log {partition}"),), 1) for partition in (1, 2)]
    about = (
        "Gaps of all causes, also side by side; an oversize record, unreadable headers, null and empty keys and "
        "values, repeated header names, extreme timestamps; a rotation to another key, then to two; a block that "
        "is all gap, a heartbeat, two data blocks, a salt, an unknown extension, a stranger's signature, more "
        "partitions, a final block."
    )
    keys = (key for log in (run, *others) for key in log.pinned)
    objects = {key: content for log in (run, *others) for key, content in log.objects.items()}
    return Vector("rich", about, trust(*keys), plain_objects(objects))


def later() -> Vector:
    first, second = plain()
    run = next_run(first)
    return Vector(
        "next-run",
        "Run 1 of a log continues the first two blocks of run 0, which has three.",
        trust(*first.pinned, *second.pinned, *run.pinned),
        plain_objects(plain_contents() | run.objects),
    )


def started() -> Vector:
    root = plain()[0].blocks[1].root
    return from_start("start", "The blocks below the pinned start have lawfully expired.", root)


def from_start(name: str, about: str, root: bytes, *findings: Finding) -> Vector:
    """Return the plain vault without the first two blocks of log 0, whose check starts above them."""
    first, second = plain()
    line = f"start {first.origin} 2 {b64encode(root).decode()}\n"
    objects = plain_objects({first.blocks[2].key: first.blocks[2].object()} | second.objects)
    return Vector(name, about, plain_trust() + line, objects, findings)
