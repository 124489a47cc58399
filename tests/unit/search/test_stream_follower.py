"""Streams that are looked at again and again: metrics, restarts, and a state on disk."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from auditseal_daemon.telemetry import Health
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict
from auditseal_search.errors import BrokenLedgerError
from auditseal_search.range_pool import RangePool
from auditseal_search.stream_follower import STREAMS, LookRules, StreamFollower, StreamMetrics
from auditseal_search.stream_ledger import StreamLedger
from auditseal_search.stream_report import StreamReport
from auditseal_search.verified_range import VerifiedRange
from auditseal_vault.open import open_reader
from tests.factory.stream_logs import START_MS, Sealed, StreamVault

_EVERY, _BOUND = 10, 300


class Follow:
    """A follower of a vault, whose clock the test sets in seconds after the first event."""

    def __init__(self, report: StreamReport) -> None:
        self.now = 0.0
        self.registry, self.health = CollectorRegistry(), Health([STREAMS])
        rules = LookRules(0, {"billing": _BOUND * 1000, "ghost": 86_400_000}, _EVERY * 1000)
        self.follower = StreamFollower(
            report, rules, StreamMetrics(self.registry), self.health, lambda: START_MS / 1000 + self.now
        )

    def look(self, at: float) -> None:
        self.now = at
        self.follower.look()

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"auditseal_streams{name}", labels)


@contextmanager
def following(vault: StreamVault, state: Path) -> Iterator[Follow]:
    """Follow a vault with what is remembered in a folder."""
    state.mkdir(exist_ok=True)
    trust = Trust.parse(vault.trust.read_bytes())
    with RangePool(partial(open_reader, vault.folder.as_uri()), 1) as pool, StreamLedger(state) as ledger:
        yield Follow(StreamReport(pool, trust, ledger))


def numbers(stream: str, *wanted: int, at: float = 0) -> list[Sealed]:
    return [Sealed(stream, number, at=at) for number in wanted]


@pytest.mark.parametrize("phase", [0, 3.3, 9.9])
def test_silence_is_a_metric_within_its_bound_and_a_minute(tmp_path: Path, phase: float) -> None:
    vault = StreamVault(tmp_path)
    vault.seal(numbers("s", 0, at=1_000))
    with following(vault, tmp_path / "state") as follow:
        at = 1_000 + phase + _BOUND
        follow.look(at)
        while not follow.value("_service_silent", service="billing"):
            at += _EVERY
            follow.look(at)
        assert 1_000 + _BOUND + 50 < at <= 1_000 + _BOUND + 60
        assert follow.value("_service_last_event_timestamp_seconds", service="billing") == START_MS / 1000 + 1_000
        assert follow.value("_service_silent", service="ghost") == 0
        assert follow.value("_service_last_event_timestamp_seconds", service="ghost") == 0
        vault.seal(numbers("s", 1, at=at))
        follow.look(at + 1)
        assert follow.value("_service_silent", service="billing") == 0


def test_what_was_read_outlives_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault, read = StreamVault(tmp_path, partitions=2), list[int]()
    count_reads(monkeypatch, read)
    vault.seal(numbers("s", 0, 1, 4))
    vault.seal(numbers("t", 0), 1)
    with following(vault, tmp_path / "state") as follow:
        follow.look(10)
        assert (follow.value("", state="GAP"), follow.value("", state="UNEXPECTED")) == (1, 0)
        assert follow.value("_last_success_timestamp_seconds") == START_MS / 1000 + 10
        assert follow.health.missing() == {}
    assert read == [0, 0]
    vault.seal(numbers("s", 2, 3))
    with following(vault, tmp_path / "state") as follow:
        follow.look(20)
        assert (follow.value("", state="GAP"), follow.value("", state="UNCLOSED")) == (0, 2)
    assert read == [0, 0, 1]
    with following(vault, tmp_path / "state") as follow:
        follow.look(30)
        assert follow.value("", state="UNCLOSED") == 2
    assert read == [0, 0, 1]


def count_reads(monkeypatch: pytest.MonkeyPatch, read: list[int]) -> None:
    ranges = RangePool.ranges

    def counted(self: RangePool, first: int, last: int, pinned: PinnedLog) -> Iterator[VerifiedRange]:
        read.append(first)
        return ranges(self, first, last, pinned)

    monkeypatch.setattr(RangePool, "ranges", counted)


def test_rows_that_were_not_kept_are_read_again(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path)
    vault.seal(numbers("s", 0, 1))
    with following(vault, tmp_path / "state") as follow:
        follow.look(10)
    vault.seal(numbers("s", 2, 2))
    trust = Trust.parse(vault.trust.read_bytes())
    with (
        RangePool(partial(open_reader, vault.folder.as_uri()), 1) as pool,
        StreamLedger(tmp_path / "state") as ledger,
    ):
        StreamReport(pool, trust, ledger).read()  # and the process dies before it keeps them
    with following(vault, tmp_path / "state") as follow:
        follow.look(20)
    done = vault.run("--json", "--state", str(tmp_path / "state"))
    assert '"numbers":3,"repeated":1' in done.stdout
    assert done.stdout == vault.run("--json").stdout


def test_a_vault_that_is_away_is_reported_and_the_states_stay(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path)
    vault.seal(numbers("s", 0))
    with following(vault, tmp_path / "state") as follow:
        follow.look(10)
        hidden = vault.folder.with_name("hidden")
        vault.folder.rename(hidden)
        follow.look(10_000)
        assert follow.value("_failures_total", reason="unavailable") == 1
        assert follow.value("_service_silent", service="billing") == 0
        assert follow.value("_last_success_timestamp_seconds") == START_MS / 1000 + 10
        assert STREAMS in follow.health.missing()
        hidden.rename(vault.folder)
        follow.look(10_001)
        assert follow.value("_service_silent", service="billing") == 1
        assert follow.health.missing() == {}


def test_a_wrong_block_ends_it_with_its_verdict(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path)
    vault.seal(numbers("s", 0))
    path = next(vault.folder.rglob("000000000000.avro"))
    path.write_bytes(path.read_bytes()[:-1])
    stop = threading.Event()
    with following(vault, tmp_path / "state") as follow:
        with pytest.raises(VerificationError) as caught:
            follow.follower.run(stop)
        assert caught.value.verdict is Verdict.MALFORMED
        assert follow.value("_failures_total", reason="MALFORMED") == 1


def shorter(vault: StreamVault) -> None:
    next(vault.folder.rglob("000000000001.avro")).unlink()


def another(vault: StreamVault) -> None:
    """Put in the place of the log one of the same length by the same key."""
    other = StreamVault(vault.folder.parent / "other")
    for number in range(2):
        other.seal(numbers("other", number))
    for path in other.folder.rglob("*.avro"):
        (vault.folder / path.relative_to(other.folder)).write_bytes(path.read_bytes())


@pytest.mark.parametrize(
    ("change", "verdict"), [(shorter, Verdict.TRUNCATED), (another, Verdict.BAD_ROOT)], ids=["shorter", "another"]
)
def test_a_vault_with_another_history_than_the_remembered_one_is_refused(
    tmp_path: Path, change: Callable[[StreamVault], None], verdict: Verdict
) -> None:
    vault = StreamVault(tmp_path)
    for number in range(2):
        vault.seal(numbers("s", number))
    state = ["--state", str(tmp_path / "state")]
    assert vault.run(*state).exit_code == 0
    (tmp_path / "other").mkdir()
    change(vault)
    done = vault.run(*state)
    assert done.exit_code == verdict.exit_code, done.output
    assert "2 blocks of" in done.stderr


def test_a_state_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path, partitions=2)
    vault.seal(numbers("s", 0))
    state = tmp_path / "state"
    assert vault.run("--state", str(state)).exit_code == 0
    lines = vault.trust.read_text().splitlines(keepends=True)
    vault.trust.write_text("".join(lines[1:]))
    done = vault.run("--state", str(state))
    assert (done.exit_code, "the trust file doesn't name it: begin a new folder" in done.stderr) == (1, True)
    with StreamLedger(state) as ledger:
        ledger._database.execute("UPDATE version SET number = 2")
    with pytest.raises(BrokenLedgerError, match="another version of auditseal: remove it"):
        StreamLedger(state)
    (state / "streams.duckdb").write_bytes(b"not a database" * 1000)
    done = vault.run("--state", str(state))
    assert (done.exit_code, "remove it and read again" in done.stderr) == (1, True)


def test_a_certificate_is_made_from_the_whole_vault(tmp_path: Path) -> None:
    vault = StreamVault(tmp_path)
    vault.seal(numbers("s", 0))
    done = vault.certify("--state", str(tmp_path / "state"))
    assert (done.exit_code, "leave out --state and --follow" in done.stderr) == (2, True)
