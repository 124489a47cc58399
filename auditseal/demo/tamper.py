"""An attack of an administrator with write access to the storage: one byte of one event changes, the rest is valid."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auditseal_local.errors import LocalStackError
from auditseal_schemas.block import Block
from auditseal_schemas.container import Chunk
from auditseal_schemas.deflate import deflate
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.record import parse_record

_PLACE = ("verdict", "origin", "height", "offset", "field")


@dataclass(frozen=True, slots=True)
class Tampering:
    """The change: the actor of one event now has another id."""

    origin: str
    height: int
    offset: int
    event_id: str
    before: str
    after: str

    def check_found(self, report: Mapping[str, Any]) -> None:
        """Check that a report of `auditseal verify --json` has this finding and no other.

        Raises:
            LocalStackError: It doesn't.
        """
        findings = [*report["findings"], *(finding for log in report["logs"] for finding in log["findings"])]
        found = [tuple(finding[name] for name in _PLACE) for finding in findings]
        wanted = ("BAD_RECORD", self.origin, self.height, self.offset, "record")
        if found != [wanted]:
            raise LocalStackError(
                f"the verification of the tampered copy should have found {wanted}, and found {found}"
            )


def tamper(vault: Path) -> Tampering:
    """Change the last character of the actor's id in the middle event of the middle block of a directory vault.

    The block is inflated, changed, deflated and written back with its lengths right: it remains a valid Avro file.
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
