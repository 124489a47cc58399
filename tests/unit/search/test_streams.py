"""`auditseal streams`: the states of streams, and certificates that a second program makes to the byte."""

import json
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import pytest

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.note import Note, sign_note
from auditseal_schemas.trust import Trust
from auditseal_search.range_pool import RangePool
from auditseal_search.stream_certificate import Request, certificate_name
from auditseal_search.stream_ledger import StreamLedger
from auditseal_search.stream_report import StreamReport
from auditseal_search.stream_state import Judgement
from auditseal_vault.open import open_reader
from tests.factory.stream_logs import NAME, SIGNER, START_MS, Sealed, StreamVault
from tests.oracle import streams as oracle

OPENED, CLOSED, PAUSED = (f"auditseal.stream.{kind}" for kind in ("opened", "closed", "paused"))


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands look an hour after the logs begin."""
    monkeypatch.setattr("auditseal.cli.streams.time", lambda: START_MS / 1000 + 3600)


def numbers(stream: str, wanted: range | list[int], **more: Any) -> list[Sealed]:
    return [Sealed(stream, number, at=number, **more) for number in wanted]


def states(vault: StreamVault, *words: str) -> dict[str, list[str]]:
    done = vault.run("--json", *words)
    assert done.exit_code in {0, 3}, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found = {line["stream"]: line["states"] for line in lines}
    assert done.exit_code == (
        3 if {"GAP", "DUPLICATE", "UNEXPECTED"}.intersection(chain.from_iterable(found.values())) else 0
    )
    return found


def test_each_state(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path)
    vault.seal(
        [
            *numbers("complete", range(5)),
            Sealed("complete", 5, at=5, kind=CLOSED),
            *numbers("unclosed", range(5)),
            *numbers("gap", [0, 1, 4, 5]),
            *numbers("late start", [3, 4]),
            *numbers("retried", [0, 1, 1, 2, 0]),
            *numbers("duplicate", range(3)),
            Sealed("duplicate", 1, event=1),
            *numbers("settling", [0]),
            Sealed("settling", 2, at=3600 - 1799),
            Sealed("closed and settling", 1, at=3600 - 1799, kind=CLOSED),
            *numbers("settled", [0]),
            Sealed("settled", 2, at=3600 - 1800),
            Sealed("paused", 0, kind=PAUSED, attributes={"until": "2026-11-28T13:00:00.001Z"}),
            Sealed("pause over", 0, kind=PAUSED, attributes={"until": "2026-11-28T13:00:00Z"}),
            Sealed("paused without end", 0, kind=PAUSED),
            Sealed("paused until nonsense", 0, kind=PAUSED, attributes={"until": "soon"}),
            Sealed("closed with a gap", 1, kind=CLOSED),
            Sealed("went on", 0, kind=CLOSED),
            Sealed("went on", 1),
            b"not an event",
            None,
        ]
    )
    assert states(vault) == {
        "complete": ["COMPLETE"],
        "unclosed": ["UNCLOSED"],
        "gap": ["GAP", "UNCLOSED"],
        "late start": ["GAP", "UNCLOSED"],
        "retried": ["UNCLOSED"],
        "duplicate": ["DUPLICATE", "UNCLOSED"],
        "settling": ["UNCLOSED"],
        "closed and settling": ["UNCLOSED"],
        "settled": ["GAP", "UNCLOSED"],
        "paused": ["PAUSED"],
        "pause over": ["UNCLOSED"],
        "paused without end": ["PAUSED"],
        "paused until nonsense": ["PAUSED"],
        "closed with a gap": ["GAP"],
        "went on": ["UNCLOSED"],
    }


def test_numbers_of_one_stream_are_found_across_partitions(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path, partitions=2)
    vault.seal(numbers("s", range(0, 40, 2)), 0)
    vault.seal(numbers("s", range(1, 20, 2)), 1)
    assert states(vault) == {"s": ["GAP", "UNCLOSED"]}
    vault.seal(numbers("s", range(21, 40, 2)), 1)
    assert states(vault) == {"s": ["UNCLOSED"]}


def test_a_line_says_what_is_missing_and_escapes_what_a_writer_claims(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path)
    vault.seal([*numbers("s\n\x1b[2J", [0, 2, 5, 7, 9]), Sealed("s\n\x1b[2J", 2, event=1)])
    done = vault.run()
    assert done.exit_code == 3
    (line,) = done.stdout.splitlines()
    assert line.startswith(
        "DUPLICATE 2; GAP 1..1, 3..4, 6..6, ...; UNCLOSED since 2026-11-28T12:00:09.000Z  billing  s"
    )
    assert line.endswith("  0..9")
    assert "\x1b" not in line
    assert done.stderr == "1 DUPLICATE\n"


def test_an_empty_vault_has_no_streams(tmp_path: Path) -> None:
    done = StreamVault(tmp_path).run()
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "no streams\n")


def test_expected_services_must_not_be_silent(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path)
    vault.seal([Sealed("a", 0, at=0), Sealed("b", 0, at=3000, service="records"), Sealed("c", 0, at=1, service="odd")])
    done = vault.run("--expect", "billing=3540", "--expect", "records=539", "--expect", "ghost=9")
    assert done.exit_code == 3
    assert "UNEXPECTED; UNCLOSED since 2026-11-28T12:00:01.000Z  odd  c  0..0" in done.stdout
    assert done.stderr.splitlines() == [
        "SILENT  service ghost, latest event: none",
        "SILENT  service records, latest event: 2026-11-28T12:50:00.000Z",
        "2 UNCLOSED, 2 SILENT, 1 UNEXPECTED",
    ]
    assert vault.run("--expect", "billing=3540", "--expect", "records=540", "--expect", "odd=9999").exit_code == 0


def test_a_service_without_an_event_is_silent_since_the_first_block(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path)
    silent = "SILENT  service ghost, latest event: none\n1 SILENT\n"
    assert vault.run("--expect", "ghost=999999999").stderr == silent  # no block: nothing can be heard
    vault.seal([])
    assert vault.run("--expect", "ghost=999999999").exit_code == 0
    done = vault.run("--expect", "ghost=1")  # the block was sealed hours ago
    assert (done.exit_code, done.stderr) == (3, silent)


@pytest.mark.parametrize(("bound", "is_silent"), [(540, True), (541, False)])
def test_silence_since_the_first_block_ends_to_the_second(tmp_path: Path, bound: int, is_silent: bool) -> None:
    vault = StreamVault(tmp_path)
    vault.seal([])
    vault.seal([Sealed("a", 0, at=599)])
    with (
        RangePool(partial(open_reader, vault.folder.as_uri()), 1) as pool,
        StreamLedger(tmp_path) as ledger,
    ):
        report = StreamReport(pool, Trust.parse(vault.trust.read_bytes()), ledger)
        report.read()
        for _ in report.states(Judgement(START_MS + 601_000, 0, {"ghost": bound * 1000})):
            pass
    assert [one.service for one in report.silent] == ["ghost"] * is_silent


def test_a_pause_is_no_silence(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path)
    vault.seal([Sealed("a", 0, kind=PAUSED)])
    assert vault.run("--expect", "billing=1").exit_code == 0


@pytest.mark.parametrize("wrong", ["billing", "=5", "billing=0", "billing=x", "billing=-1"])
def test_what_is_not_an_expectation_is_refused(tmp_path: Path, wrong: str) -> None:
    done = StreamVault(tmp_path).run("--expect", wrong)
    assert done.exit_code == 2
    assert "write SERVICE=SECONDS" in done.stderr


def rotten(random: Random) -> list[Sealed | bytes | None]:
    """Return events of some streams with every trouble, in any order."""
    found: list[Sealed | bytes | None] = [b"not an event", None]
    for number in range(6):
        stream, at = random.choice(["s", "ß", "\x00", "𐀀", "z" * 3]) + str(number % 3), 0.0
        service = random.choice(["billing", "records", 'o"dd\n'])
        for place in range(random.randrange(12)):
            at += random.choice([0, 1, 1000])
            if random.random() < 0.8:
                event = random.choice([0, 0, 0, 0, 1])
                kind = random.choice([None, None, None, OPENED, CLOSED, PAUSED])
                until = random.choice([{}, {"until": "2026-11-28T14:00:00Z"}, {"until": "2026-11-28T12:30:00Z"}])
                found.append(Sealed(stream, place, at, event, kind, service, until))
    random.shuffle(found)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_a_second_program_makes_the_same_certificate(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    vault = StreamVault(tmp_path, partitions=2)
    for number in range(4):
        vault.seal(rotten(random), number % 2, None if seed % 2 else -1)
    expected = {"billing": 900, 'o"dd\n': 1200, "ghost": 5} if seed % 3 else {}
    words = [word for service, bound in expected.items() for word in ("--expect", f"{service}={bound}")]
    settle = random.choice([0, 1800])
    done = vault.certify("--settle", str(settle), *words)
    assert done.exit_code in {0, 3}, done.output
    text, listed = oracle.make(vault.folder, vault.trust.read_text(), NAME, START_MS + 3_600_000, settle, expected)
    assert Path(f"{vault.certificate}.jsonl").read_text("utf-8") == listed
    assert Note.parse(vault.certificate.read_bytes()).text == text
    checked = vault.run("--check", str(vault.certificate))
    assert checked.exit_code == 0, checked.output


def certified(tmp_path: Path) -> StreamVault:
    vault = StreamVault(tmp_path)
    vault.seal(numbers("s", [0, 1, 3]))
    assert vault.certify().exit_code == 3
    return vault


def test_a_certificate_stays_right_when_the_log_grows(tmp_path: Path) -> None:
    vault = certified(tmp_path)
    vault.seal(numbers("s", [2]))
    done = vault.run("--check", str(vault.certificate))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.endswith("the vault makes the same certificate: 1 GAP\n")
    assert vault.run().stderr == "1 UNCLOSED\n"


def resigned(vault: StreamVault, change: Callable[[str], str]) -> None:
    """Let the holder of the key sign another text."""

    text = Note.parse(vault.certificate.read_bytes()).text
    changed = change(text)
    assert changed != text
    vault.certificate.write_bytes(sign_note(changed, NAME, [SIGNER]).format())


@pytest.mark.parametrize(
    ("old", "new", "exit_code", "problem"),
    [
        ("GAP 1", "GAP 0", 3, "it says 'GAP 0', the vault 'GAP 1'"),
        ("settle 1800", "settle 7200", 3, "it says 'UNCLOSED 0', the vault 'UNCLOSED 1'"),
        ("as_of 2026-11-28T13", "as_of 2026-11-28T12", 3, "it says 'UNCLOSED 0', the vault 'UNCLOSED 1'"),
        ("0/0 1 ", "0/0 2 ", 14, "the vault has 1 blocks"),
        ("settle 1800", "settle soon", 10, "settle line is broken"),
        ("as_of 2026", "as of 2026", 10, "settle line is broken"),
        ("log streams", "log another", 15, "doesn't name"),
        ("list 1", "list 2", 3, "it says 'list 2"),
        ("settle 1800\n", 'settle 1800\nexpect "\\x" 5\n', 10, "an expect line is broken"),
        ("list 1", "more\nlist 1", 3, "it says 'more'"),
    ],
)
def test_a_false_certificate_is_found_out(tmp_path: Path, old: str, new: str, exit_code: int, problem: str) -> None:
    vault = certified(tmp_path)
    resigned(vault, lambda text: text.replace(old, new))
    done = vault.run("--check", str(vault.certificate))
    assert done.exit_code == exit_code, done.output
    assert problem in done.stderr


def test_a_signature_that_is_not_the_pinned_key_s_is_refused(tmp_path: Path) -> None:
    vault = certified(tmp_path)
    vault.certificate.write_bytes(vault.certificate.read_bytes().replace(b"GAP 1", b"GAP 0"))
    assert vault.run("--check", str(vault.certificate)).exit_code == 20
    with pytest.raises(MalformedError, match="doesn't end in /streams"):
        certificate_name(Note("other.example\n", ()))
    with pytest.raises(MalformedError, match="settle line"):
        Request.parse("a/streams\n")


def test_a_key_and_a_file_belong_together(tmp_path: Path) -> None:
    vault = certified(tmp_path)
    assert "needs --key" in vault.run("--certificate", str(tmp_path / "c")).stderr


def test_more_gaps_than_are_listed(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path)
    vault.seal([*numbers("s", list(range(0, 2100, 2))), *(Sealed("s", 2 * n, event=1) for n in range(1050))])
    (line,) = [json.loads(line) for line in vault.run("--json").stdout.splitlines()]
    assert (len(line["gaps"]), line["gap_count"]) == (1000, 1049)
    assert (len(line["duplicates"]), line["duplicate_count"]) == (1000, 1050)


def test_a_wrong_block_ends_with_its_verdict(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path)
    vault.seal(numbers("s", range(3)))
    vault.seal(numbers("s", range(3, 6)))
    path = next(vault.folder.rglob("000000000001.avro"))
    path.write_bytes(path.read_bytes()[:-1])
    assert vault.run().exit_code == 10
