"""Events that name their schema by a registry's id, in an evidence pack: its verifier reads as the core does."""

import json
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import pytest

from auditseal_evidence import verify
from auditseal_evidence.case import Case, CoveredLog, Place
from auditseal_evidence.pack import PackMaker
from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.errors import DecodeError
from auditseal_schemas.event_codec import decode_event, encode_event
from auditseal_schemas.log import LogState
from auditseal_schemas.record import SealedRecord
from auditseal_schemas.registry_schema import EVENT_SHA256, HEADER, PinnedSchema, read_value
from auditseal_schemas.trust import Trust
from tests.factory.events import FULL
from tests.factory.evidence import KEY, LOG
from tests.factory.keys import keys_of
from tests.factory.messages import Message
from tests.factory.vaults import SEALED_AT, MemoryVault, put_log
from tests.unit.evidence.test_pack import run
from tests.unit.schemas.test_registry_schema import BODY, GUID, PINNED, V1, record, v0

(SHA256,) = EVENT_SHA256
TOPIC = f"{LOG.cluster}/{LOG.topic}"
LINES = f"schema {TOPIC} 7 {SHA256}\n schema  {TOPIC} {GUID} {SHA256} # the same\nschema {TOPIC} 70 {SHA256}\n"
KEYS = "".join(f"log {key}\n" for key in keys_of(LOG, KEY))
RECORDS = (
    record(v0(7)),
    record(BODY, ("x", None), V1),
    record(encode_event(FULL), V1),
    record(v0(7), ("traceparent", b"00-ab")),
    record(v0(8)),
    record(v0(0)),
    record(v0(7)[:4]),
    record(b"\x01" + v0(7)[1:]),
    record(v0(7), V1, V1),
    record(BODY, V1, V1),
    record(BODY, (HEADER, None)),
    record(BODY, (HEADER, b"\x00" + V1[1][1:])),
    record(BODY, (HEADER, V1[1] + b"\x00")),
    record(BODY),
    record(v0(7, BODY[:-1])),
    record(v0(7, BODY + b"\x00")),
    record(v0(7, b"")),
    record(BODY + b"\x00", V1),
    record(None, V1),
    record(b""),
)


def block() -> Block:
    draft = BlockDraft(LogState.genesis(LOG, keys_of(LOG, KEY)), BlockLimits())
    messages = [
        Message(number, one.value, b"k", list(one.headers or ()), 1_700_000_000_000)
        for number, one in enumerate(RECORDS)
    ]
    assert draft.extend(messages) == len(RECORDS)
    return draft.seal(SourceIdentity("C", "T", 1, 0), [KEY], now=SEALED_AT, sealer="auditseal/test")


def make_pack(folder: Path, trust: str) -> Path:
    sealed, reader = block(), MemoryVault()
    put_log(reader, [sealed])
    covered = CoveredLog(LOG, 1, sealed.checkpoint.root.hex())
    places = [Place(LOG, 0, number, number) for number in range(len(RECORDS))]
    case = Case("2026-17", "outcome = DENIED", "complete", (covered,), len(RECORDS))
    PackMaker(reader, trust.encode()).make(case, places, folder / "case.zip", folder / "case.html")
    with ZipFile(folder / "case.zip") as pack:
        pack.extractall(folder)
    return folder / "evidence"


def is_event(given: SealedRecord, pinned: Sequence[PinnedSchema]) -> bool:
    try:
        return decode_event(read_value(given, pinned).value or b"") == FULL
    except DecodeError:
        return False


def test_the_verifier_reads_each_record_as_the_core_does(tmp_path: Path) -> None:
    assert [one.id for one in Trust.parse((KEYS + LINES).encode()).logs[0].schemas] == [GUID, "7", "70"]
    pack = make_pack(tmp_path, KEYS + LINES)
    shown = [dict(rows) for rows in verify.verify(pack, pack / "trust.txt", tmp_path / "case.html")[1]]
    assert ["event_id" in rows for rows in shown] == [is_event(one, PINNED) for one in RECORDS]
    assert [rows.get("registry_schema") for rows in shown[:4]] == ["7", GUID, None, "7"]
    for rows, given in zip(shown, RECORDS, strict=True):
        assert ("value" in rows) is ("event_id" not in rows and given.value is not None)
        assert ("registry_schema" in rows) <= ("event_id" in rows)
    assert shown[0]["actor.name"] == "Zoë"


def test_the_program_prints_the_lines_that_it_went_by(tmp_path: Path) -> None:
    pack = make_pack(tmp_path, KEYS + LINES)
    done = run(pack / "verify.py", "--page", str(tmp_path / "case.html"), "--events")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert json.loads(lines[1])["registry_schema"] == GUID
    assert f"  schema {TOPIC} {GUID} {SHA256}" in lines
    assert len([line for line in lines if line.startswith("  schema ")]) == 3


@pytest.mark.parametrize(
    "others",
    [
        pytest.param("", id="no lines"),
        pytest.param(f"schema {LOG.cluster}/other.events 7 {SHA256}\n", id="of another topic"),
        pytest.param(f"schema {TOPIC} 8 {SHA256}\n", id="another id"),
    ],
)
def test_a_reader_with_other_lines_sees_other_fields_and_refuses_the_page(tmp_path: Path, others: str) -> None:
    pack, trust = make_pack(tmp_path, KEYS + LINES), tmp_path / "mine.txt"
    trust.write_text(KEYS + others)
    shown = [dict(rows) for rows in verify.verify(pack, trust, None)[1]]
    assert "event_id" not in shown[0]
    assert shown[2]["event_id"] == FULL.event_id
    with pytest.raises(verify.RefusedError, match="the page shows other events"):
        verify.verify(pack, trust, tmp_path / "case.html")


def test_a_line_of_another_schema_is_refused(tmp_path: Path) -> None:
    pack, trust = make_pack(tmp_path, KEYS + LINES), tmp_path / "mine.txt"
    trust.write_text(KEYS + f"schema {TOPIC} 7 {'0' * 64}\n")
    with pytest.raises(verify.RefusedError, match=f"gives the schema 7 of {TOPIC} another meaning"):
        verify.verify(pack, trust, None)
