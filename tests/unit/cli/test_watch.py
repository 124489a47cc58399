"""`auditseal watch` as a daemon, and what it refuses before it starts."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_schemas.verdict import Verdict
from auditseal_vault.directory import DirectoryVault
from tests.factory.archiver_settings import log_line
from tests.factory.daemons import await_metric, await_page
from tests.factory.vaults import ORIGINS, lock_until, make_log

pytestmark = pytest.mark.usefixtures("no_settings")
LOG = ORIGINS[0]
BLOCKS = make_log(LOG, (4, 3, 5, 2), partitions=1)


class Place:
    """A vault with one log, its trust file, and the configuration of a watcher."""

    def __init__(self, folder: Path) -> None:
        self.vault, self.trust, self.state = folder / "vault", folder / "trust.txt", folder / "state.json"
        self.vault.mkdir()
        self.trust.write_text(log_line(LOG))
        self.config = folder / "auditseal.toml"
        self.config.write_text(
            f"""
            cluster = "a.example"  # the other daemons' settings are in the same file
            vault = "{self.vault.as_uri()}"
            [kafka]
            bootstrap_servers = "127.0.0.1:9092"
            [archiver]
            retention_days = 30
            [watch]
            trust_file = "{self.trust}"
            state_file = "{self.state}"
            every = 1
            """
        )

    def put(self, heights: range) -> None:
        vault = DirectoryVault(self.vault)
        for height in heights:
            vault.put(LOG.block_key(height), BLOCKS[height].format(), lock_until().retain_until)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "auditseal", "watch", "--config", str(self.config), *words]

    def verify(self, *words: str) -> int:
        where = ["--trust", str(self.trust), "--vault", self.vault.as_uri(), "--state", str(self.state)]
        return CliRunner().invoke(app, ["verify", *where, *words]).exit_code


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.put(range(2))
    return place


@contextmanager
def watching(place: Place, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a watcher; yield its process and the URL of its pages."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUDITSEAL_")}
    command = place.command(*words)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr
            yield process, json.loads(process.stderr.readline())["telemetry"]
        finally:
            process.kill()


def test_it_follows_a_vault_shows_a_verdict_and_goes_on(place: Place) -> None:
    with watching(place, "--state-new") as (process, url):
        await_metric(url, f'auditseal_verify_head_blocks{{origin="{LOG}"}} 2.0')
        await_page(f"{url}/readyz", lambda status, _: status == 200)
        place.put(range(2, 4))
        await_metric(url, f'auditseal_verify_head_blocks{{origin="{LOG}"}} 4.0')
        head = place.vault / LOG.block_key(3)
        good = head.read_bytes()
        head.chmod(0o600)
        head.write_bytes(good[:-1])
        await_metric(url, "auditseal_verify_exit_code 10.0")
        await_page(f"{url}/readyz", lambda status, page: status == 503 and "MALFORMED" in page)
        head.write_bytes(good)
        await_metric(url, "auditseal_verify_exit_code 0.0")
        process.terminate()
        _, logged = process.communicate(timeout=60)
        assert process.returncode == 0
    lines = [json.loads(line) for line in logged.splitlines()]
    assert [line["finding"].split(":")[0] for line in lines if line["event"] == "finding"] == [Verdict.MALFORMED]
    assert lines[-1]["event"] == "stopped"
    assert place.verify() == 0
    (place.vault / LOG.block_key(3)).unlink()
    assert place.verify() == Verdict.TRUNCATED.exit_code


def invoke(place: Place, *words: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, ["watch", "--config", str(place.config), *words])
    return answer.exit_code, answer.output


def test_check_prints_the_effective_configuration(place: Place) -> None:
    assert place.verify("--state-new") == 0
    code, output = invoke(place, "--check")
    assert code == 0
    assert "watch.scrub_days = 7.0\n" in output
    assert "kafka." not in output


def test_a_first_start_is_asked_for_and_a_second_one_never_is_a_first(place: Place) -> None:
    code, output = invoke(place, "--check")
    assert code == 2
    assert "A first run says --state-new" in output
    assert invoke(place, "--check", "--state-new")[0] == 0
    assert place.verify("--state-new") == 0
    code, output = invoke(place, "--check", "--state-new")
    assert code == 2
    assert "leave it out" in output


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WATCH__TRUST_FILE", "/nowhere", "watch.trust_file"),
        ("WATCH__EVERY", "0", "watch.every"),
        ("WATCH__SCRUB_DAYS", "0", "watch.scrub_days"),
        ("WATCH__MAX_AGE_HOURS", "-1", "watch.max_age_hours"),
        ("WATCH__JOBS", "0", "watch.jobs"),
        ("WATCH__EXPECT", '["no log"]', "watch.expect: 'no log' does not name a log"),
        ("WATCH__COLOUR", "red", "watch.colour (AUDITSEAL_WATCH__COLOUR): there is no such setting"),
        ("VAULT", "s3://bucket?colour=red", "a bucket is named as"),
        ("METRICS__HOST", "192.0.2.1", "can't listen on 192.0.2.1:0"),
    ],
)
def test_what_check_refuses(place: Place, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(f"AUDITSEAL_{name}", value)
    code, output = invoke(place, "--check", "--state-new")
    assert (code, said in output) == (2, True), output


def test_the_vault_is_the_trust_files_if_none_is_set(place: Place) -> None:
    place.config.write_text(place.config.read_text().replace("vault =", "# vault ="))
    code, output = invoke(place, "--check", "--state-new")
    assert (code, "has no vault line: set vault" in output) == (2, True)
    place.trust.write_text(f"vault {place.vault.as_uri()}\n{log_line(LOG)}")
    assert invoke(place, "--check", "--state-new")[0] == 0


def verify_to_textfile(place: Place, path: Path) -> tuple[int, str, dict[str, float]]:
    where = ["--trust", str(place.trust), "--vault", place.vault.as_uri(), "--textfile", str(path)]
    answer = CliRunner().invoke(app, ["verify", *where])
    families = text_string_to_metric_families(path.read_text()) if path.is_file() else ()
    samples = [sample for family in families for sample in family.samples]
    return answer.exit_code, answer.output, {sample.name: sample.value for sample in samples if sample.value}


def test_a_textfile_has_the_metrics_of_one_run_and_keeps_the_last_success(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "verify.prom"
    before = time.time()
    code, _, clean = verify_to_textfile(place, path)
    success = clean["auditseal_verify_last_success_timestamp_seconds"]
    assert (code, clean["auditseal_verify_head_blocks"]) == (0, 2)
    assert before - 1 <= success == clean["auditseal_verify_last_run_timestamp_seconds"]
    block = place.vault / LOG.block_key(1)
    block.chmod(0o600)
    block.write_bytes(block.read_bytes()[:-1])
    code, _, wrong = verify_to_textfile(place, path)
    assert (code, wrong["auditseal_verify_exit_code"], wrong["auditseal_verify_findings"]) == (
        Verdict.SQUATTED.exit_code,
        Verdict.SQUATTED.exit_code,
        1,
    )
    assert wrong["auditseal_verify_last_success_timestamp_seconds"] == success
    assert wrong["auditseal_verify_last_run_timestamp_seconds"] > success
    assert sorted(file.name for file in tmp_path.glob("verify*")) == ["verify.prom"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text("not { metrics"), "is not in Prometheus' text format"),
        (lambda path: path.parent.rmdir(), "can't be written: No such file or directory"),
    ],
    ids=["other content", "no folder"],
)
def test_a_textfile_that_can_not_be_written_is_reported_after_the_answer(
    place: Place, tmp_path: Path, make: Callable[[Path], object], said: str
) -> None:
    path = tmp_path / "metrics" / "verify.prom"
    path.parent.mkdir()
    make(path)
    answer = CliRunner().invoke(
        app, ["verify", "--trust", str(place.trust), "--vault", place.vault.as_uri(), "--textfile", str(path)]
    )
    assert answer.exit_code == 1
    assert "1 log, 2 blocks" in answer.stdout
    assert said in answer.stderr
