"""Makes the pack and the page of a case. One block is in memory at a time, however many events there are."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from itertools import groupby
from pathlib import Path
from typing import Any

from auditseal_auditor.blocks.single_block import read_single
from auditseal_evidence import verify
from auditseal_evidence.block_proof import prove_records
from auditseal_evidence.case import Case, Place
from auditseal_evidence.case_log import CaseLog, read_head
from auditseal_evidence.errors import EvidenceError
from auditseal_evidence.pack_file import PackFile
from auditseal_evidence.page import readme, write_page
from auditseal_schemas import __version__
from auditseal_schemas.header import Header
from auditseal_schemas.schema import schema_text
from auditseal_schemas.trust import Trust
from auditseal_vault.interface import VaultReader

FORMAT = "auditseal/evidence@v1"
Stamp = Callable[[bytes], bytes]
"""Returns an authority's timestamp over the bytes of a manifest."""


@dataclass(frozen=True, slots=True)
class PackMaker:
    """Makes evidence packs from one vault.

    Attributes:
        reader: The vault.
        trust_file: The bytes of the trust file, which the pack carries.
        stamp: Timestamps the manifest, None for no timestamp.
    """

    reader: VaultReader
    trust_file: bytes
    stamp: Stamp | None = None

    def make(self, case: Case, places: Iterable[Place], pack: Path, page: Path) -> None:
        """Write the pack and the page of a case. Every event is verified by the program that the pack carries.

        Args:
            case: The case.
            places: Where its events are, in the order of logs' names, heights and numbers.
            pack: The zip, which is replaced.
            page: The page, which is replaced.

        Raises:
            EvidenceError: The index names records that the vault does not have, or the vault changed meanwhile.
            TimestampError: The timestamp authority's answer is not a timestamp.
            NotStoredError, VerificationError, UnavailableError: As `read_single`.
            OSError: A file can't be written.
        """
        trust = Trust.parse(self.trust_file)
        heads = [read_head(self.reader, trust.log_of(log.origin), log) for log in case.logs]
        with PackFile(pack) as file:
            write_page(page, case, heads, _all(self._events(file, trust, heads, places), case.events))
            file.add("case.json", _json(_case_to_json(case, heads, page)))
            file.add("trust.txt", self.trust_file)
            for name in verify.SCHEMAS:
                file.add(f"schemas/{name}.avsc", schema_text(name))
            file.add("verify.py", Path(verify.__file__).read_bytes())
            file.add("README.txt", readme(case, heads).encode())
            manifest = file.add_manifest()
            if self.stamp:
                file.add_timestamp(self.stamp(manifest))

    def _events(
        self, file: PackFile, trust: Trust, heads: Sequence[CaseLog], places: Iterable[Place]
    ) -> Iterator[list[verify.Row]]:
        """Add a file for each block, and yield its events as the pack's verifier shows them."""
        logs = _verifier_logs(self.trust_file, heads)
        numbers = {head.covered.origin: number for number, head in enumerate(heads)}
        for (origin, height), found in groupby(places, key=lambda place: (place.origin, place.height)):
            single = read_single(self.reader, trust.log_of(origin), height)
            indexes = [_checked(place, single.block.header) for place in found]
            proof = prove_records(single.block, indexes)
            block = verify.Block(proof, SCHEMAS)
            log = logs[str(origin)]
            log.check(block)
            file.add(f"blocks/{numbers[origin]}/{height:012}.json", _json(proof))
            for index, record in block.records.items():
                yield verify.rows_of(block.header, index, record, SCHEMAS, log.ids)


def _all(events: Iterable[list[verify.Row]], wanted: int) -> Iterator[list[verify.Row]]:
    """Yield the events, which must be as many as the case says."""
    found = 0
    for event in events:
        found += 1
        yield event
    if found != wanted:
        problem = f"{found} events were found where {wanted} had been counted"
        raise EvidenceError(f"{problem}: the index was changed meanwhile, make the pack again")


SCHEMAS: dict[str, Any] = {name: json.loads(schema_text(name)) for name in verify.SCHEMAS}
"""The schemas by which a pack's verifier reads."""


def _verifier_logs(trust_file: bytes, heads: Sequence[CaseLog]) -> dict[str, verify.Log]:
    """Return the logs as a pack's verifier knows them once it has followed their rotations."""
    logs = verify.read_trust(trust_file.decode())
    for head in heads:
        for rotation in head.rotations:
            logs[str(head.covered.origin)].follow(verify.Block(rotation, SCHEMAS))
    return logs


def _checked(place: Place, header: Header) -> int:
    """Return the number of a record that the block has at the offset which the index gives it."""
    if not 0 <= place.index < header.count or place.offset != header.offset_of(place.index):
        where = f"block {place.height} of {place.origin} has no record {place.index} at offset {place.offset}"
        raise EvidenceError(f"{where}, which the index names: check it with auditseal index verify")
    return place.index


def _case_to_json(case: Case, heads: Sequence[CaseLog], page: Path) -> dict[str, Any]:
    with page.open("rb") as file:
        page_digest = file_digest(file, sha256)
    return {
        "format": FORMAT,
        "case": case.name,
        "filter": case.filter,
        "grade": case.grade,
        "notes": list(case.notes),
        "events": case.events,
        "page_sha256": page_digest.hexdigest(),
        "software": f"auditseal/{__version__}",
        "logs": [head.to_json() for head in heads],
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
