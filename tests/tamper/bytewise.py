"""Every bit of every object flipped, every byte cut off its end, and a byte of every value added there."""

from collections.abc import Iterator
from functools import partial

from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from tests.factory.vaults import ORIGINS
from tests.tamper.case import Family, Vault, find, no_block, with_object
from tests.tamper.fate import Fates
from tests.tamper.layout import Part, layout
from tests.tamper.world import HEIGHTS, OFFSETS, history
from tests.vectors.sealed import flipped

ANYONE = "writes to the disks"


def families() -> Iterator[Family]:
    for origin in ORIGINS:
        for height in HEIGHTS:
            place = f"log {origin.partition}, block {height}"
            flips = partial(_flips, origin, height)
            yield Family(f"every bit flipped: {place}", ANYONE, flips, parts=2, is_bulk=True)
    for origin in ORIGINS:
        for height in HEIGHTS:
            place = f"log {origin.partition}, block {height}"
            cuts = partial(_cuts, origin, height)
            yield Family(f"every length cut to: {place}", ANYONE, cuts, is_bulk=True)
    yield Family("a byte of each value added at the end", ANYONE, _additions, is_bulk=True)


def _additions() -> Iterator[Vault]:
    for origin in ORIGINS:
        for height in HEIGHTS:
            key, data = origin.block_key(height), history(origin).blocks[height].format()
            for value in range(256):
                name = f"{key} + {value:02x}"
                yield Vault(name, with_object(key, data + bytes((value,))), (no_block(origin, height),))


def _cuts(origin: Origin, height: int) -> Iterator[Vault]:
    block = history(origin).blocks[height]
    data = block.format()
    # Right after a sync marker the object still is laid out as one, with fewer records than its header says.
    counts = [0]
    ends = {}
    for region in layout(data):
        if region.part is Part.WRAPPER and data[region.start : region.end].endswith(data[-16:]):
            ends[region.end] = counts[-1]
            counts.append(counts[-1] + block.chunks[len(counts) - 1].count if len(counts) <= len(block.chunks) else 0)
    del ends[len(data)]
    for length in range(len(data)):
        expected = no_block(origin, height)
        if length in ends:
            expected = find(Verdict.BAD_RECORD, origin, height, "record", OFFSETS[height][ends[length]])
        key = origin.block_key(height)
        yield Vault(f"{key} cut to {length} bytes", with_object(key, data[:length]), (expected,))


def _flips(origin: Origin, height: int) -> Iterator[Vault]:
    key, fates = origin.block_key(height), Fates(origin, height)
    for region in layout(fates.data):
        for position in range(region.start, region.end):
            for bit in range(8):
                altered = flipped(fates.data, position, bit)
                name = f"{key}, byte {position} ({region.part}), bit {bit}"
                expected = fates.of_flip(region, position, bit, altered[region.start : region.end])
                yield Vault(name, with_object(key, altered), (expected,))
