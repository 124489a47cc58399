"""Records that name a schema of a registry: the same rows as encoded events, in a search, an index and the streams."""

import json
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest

from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.event_codec import PREFIX_BYTES
from auditseal_schemas.log import LogState
from auditseal_schemas.registry_schema import EVENT_SHA256, HEADER
from tests.factory.keys import keys_of
from tests.factory.messages import Message
from tests.unit.search.test_event_batch import demo_events
from tests.unit.search.test_search_command import KEY, LOG, START_MS, Place

EVENTS = demo_events(40)
GUID = "6d9ecb1a-3f51-5f0b-8e5c-0123456789ab"
V1 = (HEADER, b"\x01" + UUID(GUID).bytes)
(DIGEST,) = EVENT_SHA256
TOPIC = f"{LOG.cluster}/{LOG.topic}"
LINES = f"schema {TOPIC} 7 {DIGEST}\nschema {TOPIC} {GUID} {DIGEST}\n"


def framed(number: int, event: bytes) -> Message:
    """An event by a form of its own: single-object encoding, V0 or V1 in turn."""
    body, when = event[PREFIX_BYTES:], START_MS + 1000 * number
    form = number % 3
    value = (event, b"\x00\x00\x00\x00\x07" + body, body)[form]
    return Message(number, value, b"user/x", [V1] if form == 2 else None, when)


def plain(number: int, event: bytes) -> Message:
    return Message(number, event, b"user/x", None, START_MS + 1000 * number)


def seal(place: Place, messages: Sequence[Message]) -> None:
    draft = BlockDraft(LogState.genesis(LOG, keys_of(LOG, KEY)), BlockLimits())
    assert draft.extend(messages) == len(messages)
    now = (START_MS + 1000 * len(messages)) * 1000
    place.put([draft.seal(SourceIdentity("cluster", "topic", 1, 0), [KEY], now=now, sealer="test/1")])


def pin(place: Place, lines: str = LINES) -> None:
    (key,) = keys_of(LOG, KEY)
    place.trust.write_text(f"log {key}\n{lines}")


def hits(answer: dict[str, object]) -> list[dict[str, object]]:
    found = answer["hits"]
    assert isinstance(found, list)
    return found


def rows_without_framing(place: Place, *, index: bool) -> list[dict[str, object]]:
    rows = hits(place.search("", index=index))
    return [
        {name: value for name, value in row.items() if name not in {"value_bytes", "registry_schema"}} for row in rows
    ]


def test_pinned_framings_are_the_same_events(tmp_path: Path) -> None:
    (tmp_path / "framed").mkdir()
    (tmp_path / "plain").mkdir()
    ours, theirs = Place(tmp_path / "framed"), Place(tmp_path / "plain")
    seal(ours, [framed(number, event) for number, event in enumerate(EVENTS)])
    seal(theirs, [plain(number, event) for number, event in enumerate(EVENTS)])
    pin(ours)
    wanted = rows_without_framing(theirs, index=False)
    assert rows_without_framing(ours, index=False) == wanted
    assert ours.build().exit_code == 0
    assert rows_without_framing(ours, index=True) == wanted
    assert json.loads(ours.run("index", "verify", "--json").stdout)["findings"] == []
    named = [row["registry_schema"] for row in hits(ours.search("", "--oldest-first"))]
    assert named[:6] == [None, "7", GUID] * 2
    sizes = [row["value_bytes"] for row in hits(ours.search("", "--oldest-first"))]
    assert sizes[:3] == [len(EVENTS[0]), len(EVENTS[1]) - 5, len(EVENTS[2]) - PREFIX_BYTES]
    assert len(hits(ours.search("registry_schema = 7"))) == 13


def test_an_unknown_id_is_a_problem_that_names_it(tmp_path: Path) -> None:
    place = Place(tmp_path)
    seal(place, [framed(number, event) for number, event in enumerate(EVENTS)])
    pin(place, f"schema {TOPIC} 8 {DIGEST}\n")
    answer = place.search("problem = undecodable", index=False)
    assert {(row["registry_schema"], row["action"]) for row in hits(answer)} == {("7", None), (GUID, None)}
    text = place.run("search", "problem exists", index=False).stdout
    assert f"a record of {LOG}: it names the schema 7 of a registry, and the trust file does not pin it" in text
    assert "auditseal registry pin" in text
    assert answer["unknown_schemas"] == [line for line in text.splitlines() if line.startswith("a record of")]
    pin(place)
    assert place.search("problem exists", index=False)["total"] == 0


def test_a_value_that_does_not_decode_by_its_pinned_schema_is_a_problem(tmp_path: Path) -> None:
    place = Place(tmp_path)
    body = EVENTS[0][PREFIX_BYTES:]
    wrong = [b"\x00\x00\x00\x00\x07" + each for each in (body[:-1], body + b"\x00", b"")]
    seal(
        place, [plain(0, EVENTS[0]), *(Message(1 + at, value, b"k", None, START_MS) for at, value in enumerate(wrong))]
    )
    pin(place)
    answer = place.search("problem = undecodable", index=False)
    assert [row["offset"] for row in hits(answer)] == [3, 2, 1]
    assert answer["unknown_schemas"] == []
    shown = json.loads(place.run("show", str(LOG), "--offset", "2", "--json", index=False).stdout)["record"]
    assert (shown["registry_schema"], shown["event"]) == ("7", None)
    assert "bytes follow it" in shown["problem"]


def test_show_reads_both_framings(tmp_path: Path) -> None:
    place = Place(tmp_path)
    seal(place, [framed(number, event) for number, event in enumerate(EVENTS)])
    for lines, is_known in (("", False), (LINES, True)):
        pin(place, lines)
        for offset, schema_id in ((1, "7"), (2, GUID)):
            record = json.loads(place.run("show", str(LOG), "--offset", str(offset), "--json", index=False).stdout)[
                "record"
            ]
            assert record["registry_schema"] == schema_id
            assert (record["event"] is not None) is is_known
            assert (record["problem"] is None) is is_known
            lines_shown = place.run("show", str(LOG), "--offset", str(offset), index=False).stdout
            assert (f"it names the schema {schema_id} of a registry" in lines_shown) is not is_known


def test_a_proof_shows_the_event_with_the_trust_file_alone(tmp_path: Path) -> None:
    place, proof = Place(tmp_path), tmp_path / "x.tlog-proof"
    seal(place, [framed(number, event) for number, event in enumerate(EVENTS)])
    pin(place)
    event_id = str(hits(place.search("offset = 2", index=False))[0]["event_id"])
    done = place.run("prove", "--event-id", event_id, "-o", str(proof), index=False)
    assert done.exit_code == 0, done.output
    check = ["check-proof", str(proof), "--json", "--trust", str(place.trust)]
    shown = json.loads(place.call(*check).stdout)["record"]
    assert (shown["event"]["event_id"], shown["registry_schema"]) == (event_id, GUID)


def test_an_index_belongs_to_the_schema_lines_that_it_was_built_with(tmp_path: Path) -> None:
    place = Place(tmp_path)
    seal(place, [framed(number, event) for number, event in enumerate(EVENTS)])
    assert place.build().exit_code == 0
    assert place.search("problem exists")["total"] == 26
    pin(place)
    for command in (("search", ""), ("index", "build", "--jobs", "1")):
        refused = place.run(*command)
        assert refused.exit_code == 1
        assert "was built with other schema lines" in refused.stderr
    verified = place.run("index", "verify")
    assert verified.exit_code == 3
    assert "other schema lines" in verified.stderr
    assert place.run("index", "build", "--jobs", "1", "--again").exit_code == 0
    assert place.search("problem exists")["total"] == 0


def test_a_signed_index_does_not_depend_on_schema_lines(tmp_path: Path) -> None:
    place, key, passphrase = Place(tmp_path), tmp_path / "index.pem", tmp_path / "passphrase"
    seal(place, [framed(number, event) for number, event in enumerate(EVENTS)])
    passphrase.write_text("correct horse\n")
    passphrase.chmod(0o600)
    secret = ["--passphrase-file", str(passphrase)]
    made = place.call("index", "keygen", str(key), "--name", "index.example.com", *secret)
    pin(place, LINES + made.stdout)
    signed = ["index", "build", "--jobs", "1", "--key", str(key), *secret]
    refused = place.run(*signed)
    assert refused.exit_code == 2
    assert "must follow from the blocks alone" in refused.stderr
    assert not place.files()
    pin(place, made.stdout)
    assert place.run(*signed).exit_code == 0


@pytest.mark.parametrize("lines", ["", LINES])
def test_streams_count_the_events_that_the_trust_file_makes_readable(tmp_path: Path, lines: str) -> None:
    place = Place(tmp_path)
    seal(place, [framed(number, event) for number, event in enumerate(EVENTS)])
    pin(place, lines)
    state = ["--state", str(tmp_path / "state")]
    words = ["streams", "--json", "--jobs", "1", "--settle", "999999999"]
    done = place.run(*words, *state, index=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(line["numbers"] for line in found) == (40 if lines else 14)
    pin(place, f"schema {TOPIC} 8 {DIGEST}\n")
    refused = place.run(*words, *state, index=False)
    assert refused.exit_code == 1
    assert "was filled by other schema lines" in refused.stderr
