"""Evidence packs: what the pack's own program accepts, and the reason that it gives for everything else."""

import ast
import json
import random
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from auditseal_evidence import verify
from auditseal_evidence.errors import EvidenceError
from auditseal_evidence.pack import PackMaker
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.schema import schema_text
from auditseal_schemas.verdict import Verdict
from tests.factory.evidence import (
    BLOCKS,
    HOSTILE,
    KEY,
    LOG,
    NEXT_KEY,
    SIZES,
    VALUES,
    case,
    make_pack,
    places,
    sum_again,
    trust_file,
    vault,
)
from tests.factory.keys import keys_of, signing_key

OFFSETS = (0, 2, 3, 4, 7, 9, 10)
CONTROL = "\x1b\x07\r\t\u202e\ufeff\u200b\U000e0041"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return make_pack(tmp_path, OFFSETS)


def refused(folder: Path, trust: Path | None = None, page: Path | None = None) -> str:
    with pytest.raises((verify.RefusedError, *verify.BROKEN)) as caught:
        verify.verify(folder, trust or folder / "trust.txt", page)
    return str(caught.value)


def run(program: Path, *words: str, isolated: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a pack's program; `isolated`: with nothing but the standard library and the packages in this folder."""
    start = [sys.executable, "-I", str(program)]
    if isolated:
        set_up = f"import runpy, sys; sys.path.append({str(isolated)!r}); sys.argv.pop(0)"
        script = f"{set_up}; runpy.run_path(sys.argv[0], run_name='__main__')"
        start = [sys.executable, "-I", "-S", "-c", script, str(program)]
    return subprocess.run([*start, *words], capture_output=True, text=True, check=False, timeout=60, cwd="/")


def cryptography_alone(folder: Path) -> Path:
    """Return a folder of packages that holds cryptography, and what it needs."""
    folder.mkdir()
    for name in ("cryptography", "cffi"):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            (folder / top).symlink_to(found.locate_file(top))
    return folder


def test_the_program_verifies_a_pack_with_cryptography_alone(pack: Path, tmp_path: Path) -> None:
    packages = cryptography_alone(tmp_path / "packages")
    done = run(pack / "verify.py", "--page", str(tmp_path / "case.html"), isolated=packages)
    assert (done.returncode, done.stderr) == (0, "")
    (key,) = keys_of(LOG, KEY)
    assert done.stdout.splitlines() == [
        f"VERIFIED: {len(OFFSETS)} events",
        "trusted keys, to compare with those that the operator of the logs published:",
        f"  {key}",
        "heads, signed by these keys or by those that they announced:",
        f"  {LOG}, {len(BLOCKS)} blocks",
        "not verified, since the maker of the pack says it: case '2026-17', filter 'outcome = DENIED', complete",
    ]
    without = run(pack / "verify.py", isolated=tmp_path / "nothing")
    assert "No module named 'cryptography'" in without.stderr


def test_the_program_is_short_and_imports_nothing_else() -> None:
    text = Path(verify.__file__).read_text("utf-8")
    assert sum(bool(line.strip()) for line in text.splitlines()) < 345
    imported = {
        (node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name).partition(".")[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert imported - sys.stdlib_module_names == {"cryptography"}


def test_the_events_are_printed_as_they_were_sealed(pack: Path) -> None:
    done = run(pack / "verify.py", "--events")
    events = [json.loads(line) for line in done.stdout.splitlines()[: len(OFFSETS)]]
    assert [int(event["offset"]) for event in events] == list(OFFSETS)
    assert events[0]["actor.name"] == "Zoë"
    assert events[0]["authorization.granted"] == "false"
    assert events[0]["occurred_at"] == "2026-11-21T12:00:00.123456+00:00"
    assert (events[4]["value"], "value" in events[0]) == ("not an event", False)
    assert events[5]["value"] == "0xfffe00"
    assert events[0]["kafka.headers[0].value"] == "0xff"


@pytest.mark.parametrize("offset", range(7, len(VALUES)))
def test_a_value_that_is_not_the_encoding_of_an_event_is_shown_as_it_is(tmp_path: Path, offset: int) -> None:
    folder = make_pack(tmp_path, (offset,))
    ((*rows,),) = verify.verify(folder, folder / "trust.txt", None)[1]
    value = VALUES[offset]
    names = [name for name, _ in rows]
    assert "event_id" not in names
    assert ("value" in names) is (value is not None)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    make_pack(tmp_path, OFFSETS)
    make_pack(tmp_path / "other", OFFSETS)
    for name in ("case.zip", "case.html"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


@pytest.mark.parametrize("offsets", [(), (0,), (1,), (2, 3), tuple(range(len(VALUES)))])
def test_any_choice_of_events_is_proven(tmp_path: Path, offsets: tuple[int, ...]) -> None:
    folder = make_pack(tmp_path, offsets)
    said, events = verify.verify(folder, folder / "trust.txt", tmp_path / "case.html")
    assert said["events"] == len(events) == len(offsets)
    assert [dict(event)["offset"] for event in events] == list(map(str, offsets))


def test_an_event_that_was_not_chosen_is_not_in_the_pack(tmp_path: Path) -> None:
    folder = make_pack(tmp_path, (0, 2))
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    everything += (tmp_path / "case.html").read_bytes()
    assert b"&lt;script&gt;" in everything
    assert b"onerror" not in everything


def test_every_file_that_is_changed_removed_or_added_is_named(pack: Path) -> None:
    names = [path.relative_to(pack).as_posix() for path in sorted(pack.rglob("*")) if path.is_file()]
    assert len(names) == 3 + 8
    for name in names:
        path, data = pack / name, (pack / name).read_bytes()
        for position in (0, len(data) // 2, len(data) - 1):
            path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
            said = refused(pack)
            assert said == f"{name} was changed since SHA256SUMS was made" or name == "SHA256SUMS", (name, position)
        path.unlink()
        if name != "SHA256SUMS":
            assert refused(pack) == f"SHA256SUMS and the files differ in {name}"
        path.write_bytes(data)
    (pack / "more.txt").write_text("")
    assert refused(pack) == "SHA256SUMS and the files differ in more.txt"


def test_every_byte_of_sha256sums_counts(pack: Path) -> None:
    data = (pack / "SHA256SUMS").read_bytes()
    for position in range(len(data)):
        (pack / "SHA256SUMS").write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        assert refused(pack)


def test_a_refusal_is_one_line_and_code_1(pack: Path) -> None:
    (pack / "trust.txt").write_text("\x1b[2J")
    done = run(pack / "verify.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "REFUSED: trust.txt was changed since SHA256SUMS was made\n"
    sum_again(pack)
    (pack / "case.json").write_text("{}")
    sum_again(pack)
    assert run(pack / "verify.py").stderr == "REFUSED: a part is broken: KeyError('logs')\n"


# What a forger changes, who makes SHA256SUMS fit again.


def edit(folder: Path, name: str, change: Callable[[Any], Any]) -> None:
    value = json.loads((folder / name).read_bytes())
    (folder / name).write_text(json.dumps(change(value)))
    sum_again(folder)


BLOCK_0, BLOCK_2 = "blocks/0/000000000000.json", "blocks/0/000000000002.json"


def flipped(text: str) -> str:
    data = b64decode(text)
    return b64encode(data[:-1] + bytes([data[-1] ^ 1])).decode()


def leaves(node: Any) -> list[dict[str, str]]:
    if isinstance(node, list):
        return [leaf for part in node for leaf in leaves(part)]
    return [node] if isinstance(node, dict) else []


def with_record(block: dict[str, Any]) -> dict[str, Any]:
    leaf = leaves(block["tree"])[0]
    leaf["record"] = leaf["record"].replace("approve", "APPROVE")
    return block


def with_header(block: dict[str, Any]) -> dict[str, Any]:
    header = replace(BLOCKS[0].header, sealed_at=1)
    return block | {"header": b64encode(header.format()).decode()}


def with_link(block: dict[str, Any]) -> dict[str, Any]:
    leaf = next(leaf for leaf in leaves(block["tree"]) if "link" in leaf)
    leaf["link"] = flipped(leaf["link"])
    return block


def with_checkpoint(block: dict[str, Any]) -> dict[str, Any]:
    return block | {"checkpoint": BLOCKS[3].note.format().decode()}


def without_signature(block: dict[str, Any]) -> dict[str, Any]:
    return block | {"checkpoint": block["checkpoint"].replace("— case", "— other")}


def with_signature(block: dict[str, Any]) -> dict[str, Any]:
    text, _, line = block["checkpoint"].rpartition(" ")
    return block | {"checkpoint": f"{text} {flipped(line.strip())}\n"}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (BLOCK_0, with_record, f"block 0 of {LOG}: its records do not lead to the root in its header"),
        (BLOCK_0, with_link, f"block 0 of {LOG}: its records do not lead to the root in its header"),
        (BLOCK_0, lambda block: block | {"tree": block["tree"][1]}, "its tree has another shape"),
        (BLOCK_0, lambda block: block | {"tree": "AAAA"}, "its tree has another shape"),
        (BLOCK_0, with_header, "its checkpoint is of another block"),
        (BLOCK_2, with_checkpoint, f"block 2 of {LOG}: its checkpoint is of another block"),
        (BLOCK_2, without_signature, f"the key {keys_of(LOG, NEXT_KEY)[0].name}+"),
        (BLOCK_2, with_signature, "doesn't hold"),
        (
            BLOCK_2,
            lambda block: block | {"frontier": [flipped(block["frontier"][0])]},
            "checkpoint is of another block",
        ),
        ("case.json", lambda said: said | {"events": 8}, "the pack has 7 events, and case.json says 8"),
        ("case.json", lambda said: said | {"logs": []}, "the pack has blocks of a log that case.json does not name"),
        ("case.json", lambda said: said | {"logs": said["logs"] * 2}, "case.json names it twice"),
        ("case.json", lambda said: in_log(said, size=4), "is another one than case.json says"),
        ("case.json", lambda said: in_log(said, size=0), "is above the head"),
        ("case.json", lambda said: in_log(said, head=BLOCKS[3].note.format().decode()), "than case.json says"),
        ("case.json", lambda said: in_log(said, rotations=[]), f"{str(keys_of(LOG, KEY)[0])[:40]}"),
        ("case.json", lambda said: in_log(said, rotations=said["logs"][0]["rotations"] * 2), "next keys"),
    ],
)
def test_a_forger_who_fits_the_hashes_is_refused(pack: Path, name: str, change: Any, message: str) -> None:
    edit(pack, name, change)
    assert message in refused(pack)


def test_a_block_that_comes_twice_is_refused(pack: Path) -> None:
    (pack / "blocks/0/000000000001.json").write_bytes((pack / BLOCK_0).read_bytes())
    edit(pack, "case.json", lambda said: said | {"events": said["events"] + 2})
    assert refused(pack) == "000000000001.json is of another block"


def in_log(said: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return said | {"logs": [said["logs"][0] | changes]}


def test_a_block_that_announces_no_keys_leads_to_none(pack: Path) -> None:
    """Otherwise a block without keys could have any signature."""

    def without_keys(said: dict[str, Any]) -> dict[str, Any]:
        block = json.loads((pack / BLOCK_0).read_bytes())
        return in_log(said, rotations=[{name: block[name] for name in ("header", "frontier", "checkpoint")}])

    edit(pack, "case.json", without_keys)
    assert refused(pack) == f"block 0 of {LOG} does not announce the next keys"


def test_another_schema_is_refused(pack: Path) -> None:
    path = pack / "schemas/audit_event.v1.avsc"
    path.write_bytes(path.read_bytes().replace(b'"action"', b'"reason"'))
    sum_again(pack)
    assert refused(pack) == "schemas/audit_event.v1.avsc is not the schema of auditseal"
    for name, digest in verify.SCHEMAS.items():
        assert sha256(schema_text(name)).hexdigest() == digest


def test_an_event_that_is_left_out_is_found_as_far_as_it_can_be(pack: Path, tmp_path: Path) -> None:
    """By the number in case.json, and by the page. A forger of all three is not found: the page of the docs says so."""

    def without_event(block: dict[str, Any]) -> dict[str, Any]:
        shown = verify.Block(block, {name: json.loads(schema_text(name)) for name in verify.SCHEMAS})
        leaf = verify.digest(verify.LEAF, BLOCKS[0].header.first_link, shown.records[0])
        return block | {"tree": [[b64encode(leaf).decode(), block["tree"][0][1]], block["tree"][1]]}

    edit(pack, BLOCK_0, without_event)
    assert refused(pack) == "the pack has 6 events, and case.json says 7"
    edit(pack, "case.json", lambda said: said | {"events": 6})
    assert len(verify.verify(pack, pack / "trust.txt", None)[1]) == 6
    assert refused(pack, page=tmp_path / "case.html") == "the page shows other events than the pack has"


def test_a_page_that_was_changed_is_refused(pack: Path, tmp_path: Path) -> None:
    page = tmp_path / "case.html"
    verify.verify(pack, pack / "trust.txt", page)
    text = page.read_text("utf-8")
    page.write_text(text.replace("DENIED", "SUCCESS"))
    assert refused(pack, page=page) == "the page was changed: its SHA-256 is not the one in case.json"
    edit(pack, "case.json", lambda said: said | {"page_sha256": sha256(page.read_bytes()).hexdigest()})
    assert refused(pack, page=page) == "the page shows other events than the pack has"


def test_keys_that_the_reader_does_not_trust_are_refused(pack: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    (stranger,) = keys_of(LOG, signing_key("stranger"))
    mine.write_text(f"# mine\nlog {stranger}\n")
    assert refused(pack, mine) == f"block 1 of {LOG}: the key {LOG}+{stranger.key_id.hex()} did not sign it"
    mine.write_text(trust_file().decode().replace("case.example.com", "other.example"))
    assert "is not a key of" in refused(pack, mine)
    mine.write_text("retention 30\n")
    assert refused(pack, mine) == f"the trust file does not pin {LOG}, or case.json names it twice"
    root = b64encode(BLOCKS[1].checkpoint.root).decode()
    mine.write_bytes(trust_file() + f"start {LOG} 2 {root}\n".encode())
    assert "is below the height" in refused(pack, mine)


def values_in(value: Any) -> list[tuple[Any, Any]]:
    """Return each place in a JSON value, as its container and its key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *values_in(value[key])]]


STATED = {"format", "case", "filter", "grade", "notes", "software", "not_covered", "page_sha256"}
"""What the maker of a pack states, and no signature covers."""


def test_any_value_of_any_type_anywhere_is_refused_and_never_an_unforeseen_error(pack: Path) -> None:
    dice = random.Random(17)
    others: list[Any] = [
        None,
        True,
        0,
        -1,
        1 << 80,
        0.5,
        "",
        "AAAA",
        "\u2028",
        [],
        {},
        [[]],
        {"record": "", "link": ""},
    ]
    names = ["case.json", *(path.relative_to(pack).as_posix() for path in sorted(pack.glob("blocks/0/*")))]
    accepted = set[Any]()
    for number in range(400):
        name = names[number % len(names)]
        before = (pack / name).read_bytes()
        value = json.loads(before)
        place, key = dice.choice(values_in(value))
        old = place[key]
        # Nothing in place of an empty list says the same.
        place[key] = dice.choice([other for other in others if other != old and (other or old != [])])
        (pack / name).write_text(json.dumps(value))
        sum_again(pack)
        try:
            verify.verify(pack, pack / "trust.txt", None)
            accepted.add(key)
        except (verify.RefusedError, *verify.BROKEN):
            pass
        (pack / name).write_bytes(before)
    assert accepted <= STATED
    assert accepted


# The page.


class Page(HTMLParser):
    """What a browser makes of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_of_an_event_is_more_than_text_on_the_page(tmp_path: Path) -> None:
    make_pack(tmp_path, range(len(VALUES)))
    text = (tmp_path / "case.html").read_text("utf-8")
    page = Page(text)
    known = {
        *("html", "head", "meta", "title", "style", "body", "header", "section", "footer", "article", "p", "h1", "h2"),
        *("h3", "dl", "dt", "dd", "ul", "li", "table", "tr", "th", "td", "pre", "code", "em"),
    }
    assert {tag for tag, _ in page.tags} == known
    assert sum(tag == "article" for tag, _ in page.tags) == len(VALUES)
    attributes = {name for _, attrs in page.tags for name in attrs}
    assert attributes == {"lang", "charset", "http-equiv", "content", "name", "class"}
    assert not [char for char in CONTROL if char in text]
    for hostile in HOSTILE:
        assert verify.visible(hostile) in page.text


def test_the_page_fetches_nothing_and_its_policy_lets_its_own_style_in(tmp_path: Path) -> None:
    make_pack(tmp_path, OFFSETS)
    text = (tmp_path / "case.html").read_text("utf-8")
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    (policy,) = (attrs["content"] for _, attrs in Page(text).tags if attrs.get("http-equiv"))
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    for word in ("url(", "@import", "http://", "https://", " src=", " href=", "<script", " style="):
        assert word not in style
        assert word not in text.partition("<section>\n<h2>Events</h2>")[0]


def test_a_case_with_any_name_is_shown_as_text(tmp_path: Path) -> None:
    maker = PackMaker(vault(), trust_file())
    hostile = case(0, name="<b>\u202e", query="actor = \x1b[1m", grade="PARTIAL")
    maker.make(hostile, [], tmp_path / "case.zip", tmp_path / "case.html")
    page = Page((tmp_path / "case.html").read_text("utf-8"))
    assert r"<b>\u202e" in page.text
    assert r"actor = \x1b[1m" in page.text
    assert "The answer is partial: events may be missing." in page.text
    assert "No event matches." in page.text


# What stops a pack from being made.


def test_an_index_that_names_what_the_vault_does_not_have_makes_no_pack(tmp_path: Path) -> None:
    (place,) = places([4])
    maker = PackMaker(vault(), trust_file())
    for wrong in (replace(place, offset=5), replace(place, index=SIZES[2]), replace(place, index=-1)):
        with pytest.raises(EvidenceError, match="which the index names"):
            maker.make(case(1), [wrong], tmp_path / "case.zip", tmp_path / "case.html")


def test_an_index_that_changes_meanwhile_makes_no_pack(tmp_path: Path) -> None:
    maker = PackMaker(vault(), trust_file())
    for count in (1, 3):
        with pytest.raises(EvidenceError, match=f"2 events were found where {count} had been counted"):
            maker.make(case(count), places([4, 5]), tmp_path / "case.zip", tmp_path / "case.html")


def test_a_block_that_does_not_hold_makes_no_pack(tmp_path: Path) -> None:
    changed = vault()
    key = LOG.block_key(2)
    changed.replace(key, BLOCKS[2].format()[:-1] + b"\0")
    with pytest.raises(VerificationError) as caught:
        make_pack(tmp_path, OFFSETS, changed)
    assert caught.value.verdict is Verdict.MALFORMED


def test_a_vault_that_was_changed_after_the_search_makes_no_pack(tmp_path: Path) -> None:
    searched = case(0)
    other = replace(searched, logs=(replace(searched.logs[0], root="00" * 32),))
    with pytest.raises(EvidenceError, match="verify it with auditseal verify"):
        PackMaker(vault(), trust_file()).make(other, [], tmp_path / "case.zip", tmp_path / "case.html")
