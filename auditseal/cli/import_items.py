"""The records that `auditseal import` reads, each as an item to publish or to reject."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

from auditseal.cli.csv_records import read_csv_records
from auditseal.cli.emission import Item
from auditseal.cli.event_lines import MAX_LINE_BYTES, read_lines
from auditseal.cli.import_state import ImportState
from auditseal.cli.interruption import InterruptibleLines, Interruption
from auditseal.cli.rejects import Rejected
from auditseal_importers.content_digest import content_digest
from auditseal_importers.formats import IMPORTERS, RecordFormat
from auditseal_importers.json_members import array_items
from auditseal_producer import AuditProducer, PendingReceipt
from auditseal_schemas.errors import EventError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_id import derive_event_id
from auditseal_schemas.strict_json import parse_json

_BROKEN_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)
_MOST_BYTES = 512 << 20
_RECORDS = "Records"
_ENDED_BY_A_BREAK = frozenset({RecordFormat.PGAUDIT_CSV, RecordFormat.SYSLOG})
"""The other formats are JSON, of which a half is not valid."""


@dataclass(slots=True)
class RecordReader:
    """Reads the records of files.

    Attributes:
        kind: Their format.
        source: The name of the source, which is a part of some ids.
        state: What was imported before.
        known: Records that were imported before, or came before in this run.
        skipped: Records that aren't audit records.
        conflicting: Records with the id of another record; each was published with an id of its own.
    """

    kind: RecordFormat
    source: str
    state: ImportState
    known: int = 0
    skipped: int = 0
    conflicting: int = 0

    def items(self, paths: list[Path], interruption: Interruption) -> Iterator[Item]:
        """Yield the records of files, in order.

        Raises:
            OSError: A file can't be read.
        """
        for path in paths:
            if self.kind is RecordFormat.CLOUDTRAIL:
                yield from self._items_of_document(path)
                continue
            try:
                with _open(path) as file:
                    yield from self._items_of_lines(path, InterruptibleLines(file, interruption))
            except _BROKEN_GZIP as error:
                yield _refused(path, _broken(error), Rejected("line", 0, "text", []))

    def _items_of_lines(self, path: Path, lines: InterruptibleLines) -> Iterator[Item]:
        read = read_csv_records if self.kind is RecordFormat.PGAUDIT_CSV else read_lines
        for line in read(lines):
            if len(line.text) > MAX_LINE_BYTES:
                problem = EventError("", f"the line is longer than {MAX_LINE_BYTES} bytes")
                yield _refused(path, problem, Rejected("line", line.number, "text", chain([line.text], line.rest)))
            elif self.kind in _ENDED_BY_A_BREAK and not line.text.endswith(b"\n"):
                problem = EventError("", "the line has no line break, it may be half a line: run again when it has one")
                yield _refused(path, problem, Rejected("line", line.number, "text", [line.text]))
            else:
                record = line.text.rstrip(b"\r\n")
                yield from self._items_of(path, record, Rejected("line", line.number, "text", [record]))

    def _items_of_document(self, path: Path) -> Iterator[Item]:
        """Yield the records of a log file of CloudTrail: one object with the array `Records`."""
        try:
            text = _read_document(path)
        except EventError as error:
            yield _refused(path, error, Rejected("record", 0, "text", []))
            return
        for number, record in enumerate(array_items(text, _RECORDS), start=1):
            content = record.encode()
            yield from self._items_of(path, content, Rejected("record", number, "text", [content]))

    def _items_of(self, path: Path, record: bytes, rejected: Rejected) -> Iterator[Item]:
        try:
            fields = IMPORTERS[self.kind](record, self.source)
        except EventError as error:
            yield _refused(path, error, rejected)
            return
        if fields is None:
            self.skipped += 1
        elif self._take(fields, content_digest(self.kind, record)):
            yield Item(partial(self._publish, fields), rejected)
        else:
            self.known += 1

    def _take(self, fields: EventFields, digest: bytes) -> bool:
        """Return whether a record is to be published; one with the id of another record gets an id of its own.

        Who writes the records may choose what identifies them, as a client of Kubernetes chooses its Audit-ID. So a
        record must not hide behind an id that is known.
        """
        event_id = stated = fields["event_id"]
        while (known := self.state.digest_of(event_id)) is not None:
            if known in {digest, b""}:
                return False
            event_id = derive_event_id(fields["occurred_at"], event_id, digest.hex())
        self.state.take(event_id, digest)
        fields["event_id"] = event_id
        self.conflicting += event_id != stated
        return True

    def _publish(self, fields: EventFields, producer: AuditProducer) -> PendingReceipt:
        pending = producer.record(**fields)
        pending.add_done_callback(partial(self._acknowledge, pending))
        return pending

    def _acknowledge(self, pending: PendingReceipt, _: object) -> None:
        if pending.exception() is None:
            self.state.acknowledge(pending.event_id)


def _refused(path: Path, problem: EventError, rejected: Rejected) -> Item:
    def refuse(_producer: AuditProducer) -> PendingReceipt:
        raise EventError(str(path), str(problem))

    return Item(refuse, rejected)


def _open(path: Path) -> BinaryIO:
    """Open a file; one whose name ends in `.gz` is decompressed."""
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _broken(error: Exception) -> EventError:
    return EventError("", f"the file is not gzip, or is cut: {error}")


def _read_document(path: Path) -> str:
    """Return the text of a log file of CloudTrail.

    Raises:
        EventError: It isn't one.
    """
    content = _read_whole(path)
    document = parse_json(content, "the file")
    if not (isinstance(document, dict) and isinstance(document.get(_RECORDS), list)):
        raise EventError("", f"the file has no array {_RECORDS}: it is not a log file of CloudTrail")
    return content.decode("utf-8-sig")


def _read_whole(path: Path) -> bytes:
    """Read a file.

    Raises:
        EventError: It is too large, or its compression is broken.
    """
    try:
        with _open(path) as file:
            content = file.read(_MOST_BYTES + 1)
    except _BROKEN_GZIP as error:
        raise _broken(error) from error
    if len(content) > _MOST_BYTES:
        raise EventError("", f"the file is larger than {_MOST_BYTES} bytes")
    return content
