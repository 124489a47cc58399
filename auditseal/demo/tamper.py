"""What an administrator with write access to the storage might try: one byte of one event, all else kept tidy."""

from dataclasses import dataclass, replace
from pathlib import Path

from auditseal_schemas.block import Block
from auditseal_schemas.container import Chunk
from auditseal_schemas.deflate import deflate
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.record import parse_record


@dataclass(frozen=True, slots=True)
class Tampering:
    """What was changed: the actor of one event now has another id."""

    origin: str
    height: int
    offset: int
    event_id: str
    before: str
    after: str


def tamper(vault: Path) -> Tampering:
    """Change the last character of the actor's id in the middle event of the middle block of a directory vault.

    The block is inflated, changed, deflated and written back with its lengths right: it stays a perfect Avro file.
    """
    files = sorted(vault.glob("v1/**/blocks/*.avro"))
    path = files[len(files) // 2]
    block = Block.parse(path.read_bytes())
    records = list(block.encoded_records())
    number = len(records) // 2
    record = parse_record(records[number])
    event = decode_event(record.value or b"")
    before = event.actor.id
    after = before[:-1] + ("1" if before[-1] != "1" else "2")
    changed = records[number].replace(before.encode(), after.encode(), 1)
    records[number] = changed
    path.chmod(0o644)
    path.write_bytes(replace(block, chunks=_chunks(block, records)).format())
    return Tampering(str(block.header.origin), block.header.height, record.offset, event.event_id, before, after)


def _chunks(block: Block, records: list[bytes]) -> tuple[Chunk, ...]:
    """Deflate the records again, as many to a chunk as before."""
    chunks, start = [], 0
    for chunk in block.chunks:
        end = start + chunk.count
        chunks.append(Chunk(chunk.count, deflate(b"".join(records[start:end]))))
        start = end
    return tuple(chunks)
