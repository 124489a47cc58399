"""Evidence packs of a small vault in memory, with events that try to break the page that shows them."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

from auditseal_evidence.case import Case, CoveredLog, Place
from auditseal_evidence.pack import PackMaker
from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_vault.interface import VaultReader
from tests.factory.events import FULL, LEAST
from tests.factory.keys import keys_of, signing_key
from tests.factory.messages import Message
from tests.factory.vaults import SEALED_AT, MemoryVault, make_messages, put_log

LOG = Origin("case.example.com", "audit.events", 0, 0)
KEY, NEXT_KEY = signing_key("case"), signing_key("case, later")
HOSTILE = (
    "<script>alert(1)</script>",
    "</td></tr></table><img src=x onerror=alert(1)>",
    "\x1b[2J\x1b]0;owned\x07",
    "safe\u202egnp.exe",
    "two\nlines\r\tand \\x1b written out",
    "&lt;b&gt; &amp; \"quotes\" 'and' {{ case }}",
    "\ufeff\u200bzero width\U000e0041",
)
VALUES: tuple[bytes | None, ...] = (
    *(encode_event(replace(FULL, attributes={"note": text, text: "key"})) for text in HOSTILE),
    b"not an event",
    None,
    b"\xff\xfe\x00",
    encode_event(FULL)[:-1],
    encode_event(FULL) + b"\0",
    encode_event(LEAST).replace(b"\x02\x02r\x021\0\0\0", b"\x01\x0c\x02r\x021\0\0\0"),  # an array that has its length
)
SIZES = (3, 0, 5, 1, 4)
"""Block 1 has no records and announces the next key."""


def blocks() -> list[Block]:
    """Return a log of all values; its second key signs from block 2 on."""
    state, made = LogState.genesis(LOG, keys_of(LOG, KEY)), list[Block]()
    offset, signer = 0, KEY
    for size in SIZES:
        draft = BlockDraft(state, BlockLimits())
        given = [
            Message(number, VALUES[number], b"user/<x>", [("trace", b"\xff")], 1_700_000_000_000 + number)
            for number in range(offset, offset + size)
        ]
        assert draft.extend(given) == size
        next_keys = () if size else tuple(map(str, keys_of(LOG, NEXT_KEY)))
        source, now = SourceIdentity("C", "T", 1, 0), SEALED_AT + len(made)
        made.append(draft.seal(source, [signer], now=now, sealer="auditseal/test", next_keys=next_keys))
        state, offset, signer = state.accept(made[-1]), offset + size, signer if size else NEXT_KEY
    return made


BLOCKS = blocks()


def long_log(records: int) -> list[Block]:
    """Return a log with that number of records, in blocks of up to nine; its key changes in the middle."""
    state, made, offset, signer = LogState.genesis(LOG, keys_of(LOG, KEY)), list[Block](), 0, KEY
    while offset < records:
        count = min(1 + len(made) % 9, records - offset)
        draft = BlockDraft(state, BlockLimits())
        assert draft.extend(make_messages(LOG, range(offset, offset + count))) == count
        rotates = signer is KEY and offset >= records // 2
        next_keys = tuple(map(str, keys_of(LOG, NEXT_KEY))) if rotates else ()
        source, now = SourceIdentity("C", "T", 1, 0), SEALED_AT + len(made)
        made.append(draft.seal(source, [signer], now=now, sealer="auditseal/test", next_keys=next_keys))
        state, offset, signer = state.accept(made[-1]), offset + count, NEXT_KEY if rotates else signer
    return made


def vault() -> MemoryVault:
    made = MemoryVault()
    put_log(made, BLOCKS)
    return made


def trust_file() -> bytes:
    return "".join(f"log {key}\n" for key in keys_of(LOG, KEY)).encode()


def places(offsets: Sequence[int]) -> list[Place]:
    """Return where the records at some offsets are."""
    return [
        Place(LOG, block.header.height, number, record.offset)
        for block in BLOCKS
        for number, record in enumerate(block.records())
        if record.offset in offsets
    ]


def case(events: int, name: str = "2026-17", query: str = "outcome = DENIED", grade: str = "complete") -> Case:
    covered = CoveredLog(LOG, len(BLOCKS), BLOCKS[-1].checkpoint.root.hex())
    return Case(name, query, grade, (covered,), events)


def make_pack(folder: Path, offsets: Sequence[int], reader: VaultReader | None = None) -> Path:
    """Make a pack of the records at some offsets, unpack it, and return its folder; the page is `case.html`."""
    maker = PackMaker(reader or vault(), trust_file())
    maker.make(case(len(offsets)), places(offsets), folder / "case.zip", folder / "case.html")
    with ZipFile(folder / "case.zip") as pack:
        pack.extractall(folder)
    return folder / "evidence"


def sum_again(folder: Path) -> None:
    """Make SHA256SUMS fit the files of a pack, as a forger would."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("SHA256SUMS"))
    lines = (f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files)
    (folder / "SHA256SUMS").write_text("".join(lines))
