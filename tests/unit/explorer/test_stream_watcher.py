"""What the page on health says of streams: those of a real vault that miss events, and services that are silent."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from auditseal_explorer.stream_watcher import Streams, StreamWatcher
from auditseal_schemas.stream_event import StreamEvent
from auditseal_schemas.trust import Trust
from auditseal_search.stream_follower import LookRules
from auditseal_vault.open import open_reader
from tests.factory.exploring import Exploring
from tests.factory.stream_logs import Sealed, StreamVault
from tests.factory.vaults import MemoryVault

DAY_MS = 86_400_000
CLOSED = StreamEvent.CLOSED.value


@pytest.fixture
def vault(tmp_path: Path) -> StreamVault:
    made = StreamVault(tmp_path)
    lost = [Sealed("lost", number) for number in (0, 1, 5, 6)]
    whole = [Sealed("whole", 0), Sealed("whole", 1, kind=CLOSED)]
    made.seal([*lost, *whole, Sealed("<b>odd", 0, service="strange"), Sealed("open", 0)])
    return made


def trust_of(vault: StreamVault) -> Trust:
    return Trust.parse(vault.trust.read_bytes())


@contextmanager
def watching(vault: StreamVault, folder: Path, expected: dict[str, int] | None = None) -> Iterator[StreamWatcher]:
    rules = LookRules(0, {"billing": DAY_MS} if expected is None else expected, 10)
    with StreamWatcher(trust_of(vault), partial(open_reader, vault.folder.as_uri()), folder, rules) as watcher:
        yield watcher


def await_look(watcher: StreamWatcher, at: int = 0) -> Streams:
    """Wait for a look that began after a time in µs."""
    deadline = time.monotonic() + 60
    while watcher.last.at <= at:
        assert time.monotonic() < deadline, watcher.last
        time.sleep(0.01)
    return watcher.last


def exploring_with(watcher: StreamWatcher | None, vault: StreamVault) -> Exploring:
    return Exploring(MemoryVault(), trust_of(vault), streams=watcher)


def test_streams_that_miss_events_and_silent_services_are_shown(vault: StreamVault, tmp_path: Path) -> None:
    with watching(vault, tmp_path, {"billing": 1_000, "ghost": 1_000}) as watcher:
        assert await_look(watcher).problem == ""
        explorer = exploring_with(watcher, vault)
        page, found = explorer.page("/logs"), explorer.json("logs")["streams"]
    assert found["counts"] == {
        "COMPLETE": 1, "UNCLOSED": 1, "PAUSED": 0, "GAP": 1, "DUPLICATE": 0, "SILENT": 2, "UNEXPECTED": 1
    }  # fmt: skip
    assert [(one["stream"], one["states"][0]) for one in found["streams"]] == [
        ("lost", "GAP"),
        ("<b>odd", "UNEXPECTED"),
        ("open", "UNCLOSED"),
    ]
    assert [one["service"] for one in found["silent"]] == ["billing", "ghost"]
    assert (found["silent"][0]["last"], found["silent"][1]["last"]) == ("2026-11-28T12:00:00.000Z", None)
    for text in ("1 GAP", "2 SILENT", "lacks 2 to 4; events 0 to 6 of lost", "1 COMPLETE", "of <b>odd"):
        assert text in page.text
    assert [link for link in page.links("/?q=stream+") if "lost" in link]
    assert "not known which" not in page.text


def test_what_comes_later_is_noticed(vault: StreamVault, tmp_path: Path) -> None:
    with watching(vault, tmp_path, {}) as watcher:
        first = await_look(watcher)
        assert [state.states[0] for state in first.listed] == ["GAP", "UNCLOSED", "UNCLOSED"]
        assert not first.is_expected
        assert "name them with --expect SERVICE=SECONDS" in exploring_with(watcher, vault).page("/logs").text
        vault.seal([Sealed("lost", number) for number in (2, 3, 4, 7)])
        later = await_look(watcher, int(time.time() * 1e6))
        assert [state.states[0] for state in later.listed] == ["UNCLOSED"] * 3


def test_what_is_not_known_is_said(vault: StreamVault) -> None:
    explorer = exploring_with(None, vault)
    assert "It is not known whether a stream misses events" in explorer.page("/logs").text
    streams = explorer.json("logs")["streams"]
    assert (streams["counts"], streams["streams"], streams["silent"]) == (None, [], [])
    assert "--streams DIR" in streams["problem"]


def test_a_vault_that_lost_what_is_remembered_is_not_followed(vault: StreamVault, tmp_path: Path) -> None:
    with watching(vault, tmp_path) as watcher:
        await_look(watcher)
    (block,) = vault.folder.rglob("*.avro")
    block.unlink()
    with watching(vault, tmp_path) as watcher:
        while "read for the first time" in watcher.last.problem:
            time.sleep(0.01)
        assert "TRUNCATED" in watcher.last.problem
