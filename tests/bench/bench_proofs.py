"""How fast one event is proven and checked, and how large proofs and evidence packs are (docs/reference/proofs.md).

Run as a command (`make bench-proofs`), it prints the figures as JSON. BLOCKS=1000000 by default.

The vault of `prove` has that many files. Those that `prove` reads are blocks, made one by one: each has a frontier of
hashes that nobody made, so they are no history that `verify` would accept. All others are links to one file, since
`prove` only lists them.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from zipfile import ZipFile

from auditseal_auditor.blocks.prover import prove_offset
from auditseal_evidence.case import Case, CoveredLog, Place
from auditseal_evidence.pack import PackMaker
from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.event_proof import check_record_proof
from auditseal_schemas.header import Header
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import Frontier
from auditseal_schemas.origin import Origin
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import Trust
from auditseal_vault.log_reader import LogReader
from auditseal_vault.open import open_reader
from tests.bench.bench_verify import KEY, ORIGIN, SIGNER, kib, varied_messages
from tests.factory.messages import Message

BLOCKS = 1_000_000
MOST_PROVE_SECONDS = 1.0
MOST_CHECK_SECONDS = 0.15
MOST_PROOF_BYTES = 4096
"""Above the record's own bytes."""
MOST_RATIO = 1.3
"""Of a pack's bytes to those of the blocks that have its events."""
MOST_GROWTH_MIB = 64
"""Of memory while a pack is made, however many events it has."""
_LINKS = 50_000  # to one file: ext4 allows 65,000
_BEST_OF = 5
_VALUE = b"v" * 500


def lone_block(height: int) -> Block:
    """Return a block of one record, at the offset that is its height, after a history of made-up hashes."""
    hashes = tuple(sha256(b"%d %d" % (height, number)).digest() for number in range(height.bit_count()))
    state = LogState.genesis(ORIGIN, (KEY,))
    if height:
        head = replace(seal_one(state, 0).header, height=height - 1, first_offset=height - 1, last_offset=height - 1)
        state = LogState(ORIGIN, (KEY,), Frontier(height, hashes), hashes[0], hashes[0], head)
    return seal_one(state, height)


def seal_one(state: LogState, offset: int) -> Block:
    """Return the next block of a log, of one record at an offset."""
    draft = BlockDraft(state, BlockLimits())
    draft.extend([Message(offset, _VALUE, b"key", None, 1_700_000_000_000 + offset)])
    return draft.seal(SourceIdentity("C", "T", 1, 0), [SIGNER], now=1_700_000_000_000_000, sealer="bench/1")


def fill(root: Path, blocks: int, offset: int) -> None:
    """Make a vault with that number of files in which the record at an offset can be proven."""
    (root / ORIGIN.blocks_prefix).mkdir(parents=True)
    needed = {blocks - 1, offset, *_halving(blocks, offset)}
    source = root / "source"
    for height in range(blocks):
        if height % _LINKS == 0:
            source.unlink(missing_ok=True)
            source.write_bytes(b"a file that prove lists and does not read")
        if height not in needed:
            os.link(source, root / ORIGIN.block_key(height))
    source.unlink()
    for height in needed:
        (root / ORIGIN.block_key(height)).write_bytes(lone_block(height).format())


def _halving(blocks: int, offset: int) -> set[int]:
    """Return the heights at which a search by halving looks."""
    low, high, looked = 0, blocks - 1, set()
    while low < high:
        middle = (low + high) // 2
        looked.add(middle)
        low, high = (middle + 1, high) if middle < offset else (low, middle)
    return looked


def measure_prove(folder: Path, blocks: int) -> dict[str, float]:
    """Return how long `prove` and `check-proof` take, and the proof's size.

    Seconds are the best of five: the CPU's of the whole command, Python's start included, and the clock's of the
    functions alone.
    """
    root, offset = folder / "vault", blocks * 2 // 3
    fill(root, blocks, offset)
    trust, proof = folder / "trust.txt", folder / "event.tlog-proof"
    trust.write_text(f"log {KEY}\nvault {root.as_uri()}\n")
    prove = ["prove", str(ORIGIN), "--offset", str(offset), "-o", str(proof), "--trust", str(trust)]
    commands = {"prove": prove, "check_proof": ["check-proof", str(proof), "--trust", str(trust)]}
    figures = {
        f"{name}_command_cpu_seconds": min(_run(words) for _ in range(_BEST_OF)) for name, words in commands.items()
    }
    pinned = Trust.parse(trust.read_bytes())
    reader, data = open_reader(root.as_uri()), proof.read_bytes()
    record = check_record_proof(TlogProof.parse(data), pinned).record
    proving = [timed(lambda: prove_offset(reader, pinned.logs[0], offset)) for _ in range(_BEST_OF)]
    checking = [timed(lambda: check_record_proof(TlogProof.parse(data), pinned)) for _ in range(_BEST_OF)]
    return figures | {
        "blocks": blocks,
        "prove_seconds": min(proving),
        "check_proof_seconds": min(checking),
        "record_bytes": len(record.value or b""),
        "proof_bytes": len(data),
    }


def _run(words: list[str]) -> float:
    """Run a command, and return the seconds of CPU that it took."""
    before, command = resource.getrusage(resource.RUSAGE_CHILDREN), [sys.executable, "-m", "auditseal", *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def timed(action: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds that an action takes, by a clock."""
    began = clock()
    action()
    return clock() - began


def seal_log(folder: Path, records: int, block_records: int, origin: Origin = ORIGIN) -> int:
    """Seal events into a log of a vault in a directory, and return how many blocks there are."""
    (folder / origin.blocks_prefix).mkdir(parents=True)
    keys = (VerifierKey(str(origin), SIGNER.public),)
    state, events = LogState.genesis(origin, keys), varied_messages(records)
    while batch := list(islice(events, block_records)):
        draft = BlockDraft(state, BlockLimits(records=block_records))
        draft.extend(batch)
        block = draft.seal(
            SourceIdentity("C", "T", origin.partition + 1, 0), [SIGNER], now=1_700_000_000_000_000, sealer="bench/1"
        )
        state = LogState.after(block, keys)
        (folder / origin.block_key(block.header.height)).write_bytes(block.format())
    return state.height


def measure_pack(folder: Path, hits: int, block_records: int, every: int) -> dict[str, float]:
    """Return the size of a pack next to that of the blocks which have its events, and the memory and time of making it.

    Every `every`-th record of each block is an event of the pack.
    """
    blocks = seal_log(folder / "vault", hits * every, block_records)
    command = [sys.executable, "-m", "tests.bench.bench_proofs", "pack", str(folder), str(every)]
    made: dict[str, float] = json.loads(subprocess.check_output(command))
    concerned = sum(path.stat().st_size for path in (folder / "vault" / ORIGIN.blocks_prefix).iterdir())
    pack, page = folder / "case.zip", folder / "case.html"
    with ZipFile(pack) as file:
        file.extractall(folder)
    check = [sys.executable, "-I", str(folder / "evidence" / "verify.py"), "--page", str(page)]
    checked = timed(lambda: subprocess.run(check, check=True, stdout=subprocess.DEVNULL))
    return made | {
        "hits": hits,
        "blocks": blocks,
        "pack_bytes": pack.stat().st_size,
        "blocks_bytes": concerned,
        "ratio": pack.stat().st_size / concerned,
        "page_bytes": page.stat().st_size,
        "verify_seconds": checked,
    }


def _pack_here(folder: Path, every: int) -> dict[str, float]:
    reader = open_reader((folder / "vault").as_uri())
    log = LogReader(reader, ORIGIN)
    size = (log.height() or 0) + 1
    places = [
        Place(ORIGIN, height, index, log_offset)
        for height in range(size)
        for index, log_offset in _chosen(log.block(height).header, every)
    ]
    covered = CoveredLog(ORIGIN, size, log.block(size - 1).checkpoint.root.hex())
    case = Case("bench", "", "complete", (covered,), len(places))
    maker, before = PackMaker(reader, f"log {KEY}\n".encode()), kib(os.getpid(), "status", "VmHWM:") / 1024
    seconds = timed(lambda: maker.make(case, places, folder / "case.zip", folder / "case.html"))
    peak = kib(os.getpid(), "status", "VmHWM:") / 1024
    return {"make_seconds": seconds, "peak_mib": peak, "growth_mib": peak - before}


def _chosen(header: Header, every: int) -> Iterator[tuple[int, int]]:
    return ((index, header.offset_of(index)) for index in range(header.count) if header.offset_of(index) % every == 0)


PACKS = {
    "every_record": (10_000, 1_000, 1),
    "every_second_record": (10_000, 1_000, 2),
    "every_tenth_record": (10_000, 1_000, 10),
    "one_record_a_block": (10_000, 1, 1),
    "every_record_of_a_tenth": (1_000, 1_000, 1),
}
"""Hits, records a block, and which of them are hits."""


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["pack"]:
        print(json.dumps(_pack_here(Path(arguments[1]), int(arguments[2]))))
        return 0
    blocks = int(arguments[0]) if arguments else BLOCKS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("prove", *PACKS):
            (folder / part).mkdir()
        figures: dict[str, dict[str, float]] = {"prove": measure_prove(folder / "prove", blocks)}
        figures |= {part: measure_pack(folder / part, *plan) for part, plan in PACKS.items()}
    print(json.dumps(figures, indent=2))
    return 0 if is_met(figures) else 1


def is_met(figures: dict[str, dict[str, float]]) -> bool:
    """Return whether the figures are within their bounds."""
    proven = figures["prove"]
    packs = [figures[part] for part in PACKS]
    return (
        proven["prove_command_cpu_seconds"] <= MOST_PROVE_SECONDS
        and proven["check_proof_seconds"] <= MOST_CHECK_SECONDS
        and proven["proof_bytes"] - proven["record_bytes"] <= MOST_PROOF_BYTES
        and all(pack["ratio"] <= MOST_RATIO and pack["growth_mib"] <= MOST_GROWTH_MIB for pack in packs)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
