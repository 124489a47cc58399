"""A change of keys on a real Kafka: interrupted at each step, with sealers that run, and as the page has it."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal.cli.keys import rotate_keys
from auditseal.settings import load_settings
from auditseal.settings_sealer import SealerSettings
from auditseal_local.kafka import KafkaNode
from auditseal_schemas.block import Block
from auditseal_schemas.halt import Halt
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_sealer.hooks import Step
from auditseal_sealer.key_file import store_key
from tests.factory.sealing import PASSPHRASE, Site
from tests.oracle.verifier import values

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "rotate-keys.md").read_text("utf-8")
NEXT = SigningKey.generate()
STEPS = (Step.RECOVERED, Step.SIGNED, Step.BEGUN, Step.PRODUCED, Step.FLUSHED, Step.OFFSETS_SENT, Step.COMMITTED)
KILLED = (Step.SIGNED, Step.FLUSHED, Step.OFFSETS_SENT)
"""The steps after which a process is killed for real, which takes long: nothing, a record, a record and a position."""
_TRIES = 5


class InterruptedStepError(Exception):
    """What a process that dies after a step would not get to say."""


class InterruptAfter:
    def __init__(self, step: Step) -> None:
        self._step = step

    def after(self, step: Step, origin: Origin) -> None:
        if step is self._step:
            raise InterruptedStepError(step)


@pytest.fixture
def site(kafka: KafkaNode, topic_name: Callable[[str], str], tmp_path: Path) -> Site:
    return make_site(kafka, topic_name, tmp_path, partitions=2)


def make_site(kafka: KafkaNode, topic_name: Callable[[str], str], folder: Path, partitions: int) -> Site:
    site = Site(kafka.bootstrap_servers, folder / "site", topic_name("events"), topic_name("blocks"), partitions)
    site.create_topics()
    store_key(site.directory / "next.pem", NEXT, PASSPHRASE)
    return site


def both_keys(site: Site) -> dict[str, object]:
    return {"next_key_file": site.directory / "next.pem", "next_passphrase_file": site.directory / "passphrase"}


def begin(site: Site) -> None:
    site.publish([b"before"])
    with site.sealer("--genesis") as sealer:
        site.await_sealed(1)
        sealer.await_metric(f'auditseal_chain_height{{partition="1",topic="{site.events}"}} 1.0')
        assert sealer.stop() == 0


def settings_of(site: Site, monkeypatch: pytest.MonkeyPatch, **more: object) -> SealerSettings:
    for name, value in site.environment(**more).items():
        monkeypatch.setenv(name, value)
    return load_settings(SealerSettings, None)


def headers_of(site: Site, partition: int) -> list[tuple[int, tuple[str, ...]]]:
    blocks = [Block.parse(value) for value in site.block_values(partition=partition)]
    return [(block.header.count, block.header.next_keys) for block in blocks]


def test_an_interrupted_change_of_keys_ends_as_one_that_was_not(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(site)
    settings = settings_of(site, monkeypatch, **both_keys(site))
    (rehearsed, _) = rotate_keys(settings, dry_run=True)
    assert (rehearsed.height, rehearsed.is_announced) == (2, False)
    assert [len(site.block_values(partition=number)) for number in range(2)] == [1, 1]
    for step in STEPS:
        with pytest.raises(InterruptedStepError):
            list(rotate_keys(settings, dry_run=False, hooks=InterruptAfter(step)))
    once = list(rotate_keys(settings, dry_run=False))
    again = list(rotate_keys(settings, dry_run=False))
    assert once == again
    assert [(one.height, one.is_announced) for one in once] == [(2, True)] * 2
    for number in range(2):
        key = str(VerifierKey(str(site.origin(number)), NEXT.public))
        assert headers_of(site, number)[1:] == [(0, (key,))]
        site.check_one_block_a_height(number)


def test_a_change_that_is_killed_at_each_step_is_completed_by_the_next_run(
    kafka: KafkaNode, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    """Each log at another step, while a sealer has all of them. Fenced twice, it may end, and is started again."""
    site = make_site(kafka, topic_name, tmp_path, partitions=len(KILLED))
    publish_to_all(site, b"before")
    with site.sealer("--genesis", **both_keys(site)):
        await_values(site, [b"before"])
        for step in KILLED:
            rotate(site, step)
        publish_to_all(site, b"meanwhile")
        rotate(site)
    publish_to_all(site, b"after")
    with site.sealer(**both_keys(site)) as sealer:
        await_values(site, [b"before", b"meanwhile", b"after"])
        assert sealer.stop() == 0
    for number in range(site.partitions):
        site.check_one_block_a_height(number)
        announced = [keys for _, keys in headers_of(site, number) if keys]
        assert announced == [(str(VerifierKey(str(site.origin(number)), NEXT.public)),)]


def publish_to_all(site: Site, value: bytes) -> None:
    for number in range(site.partitions):
        site.publish([value], number)


def await_values(site: Site, expected: list[bytes]) -> None:
    """Wait until each log has exactly these records, as an auditor verifies them who pins the first key."""
    for number in range(site.partitions):
        assert [record.value for record in site.await_sealed(len(expected), number)] == expected


def rotate(site: Site, killed_after: Step | None = None) -> None:
    """Change the keys in a process of its own; it is killed after a step of the log that has the step's number.

    On a slow machine the sealer recovers meanwhile and fences the change. Then it is repeated, as the page says.
    """
    number = KILLED.index(killed_after) if killed_after else -1
    command = [sys.executable, "-c", ROTATION.format(step=killed_after, number=number)]
    environment = site.environment(**both_keys(site))
    for _ in range(_TRIES):
        process = subprocess.run(command, env=environment, timeout=120, check=False, stderr=subprocess.PIPE)
        if process.returncode == (-signal.SIGKILL if killed_after else 0):
            return
        assert b"FencedError" in process.stderr, process.stderr.decode()
    raise AssertionError(f"fenced {_TRIES} times")


ROTATION = """
import os, signal
from auditseal.cli.keys import rotate_keys
from auditseal.settings import load_settings
from auditseal.settings_sealer import SealerSettings

class Hooks:
    def after(self, step, origin):
        if (step, origin.partition) == ("{step}", {number}):
            os.kill(os.getpid(), signal.SIGKILL)

assert all(one.is_announced for one in rotate_keys(load_settings(SealerSettings, None), dry_run=False, hooks=Hooks()))
"""


def test_sealers_that_run_follow_and_retired_keys_read_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(site)
    with site.sealer(**both_keys(site)) as sealer:
        sealer.await_ready()
        done = list(rotate_keys(settings_of(site, monkeypatch, **both_keys(site)), dry_run=False))
        assert all(one.is_announced for one in done)
        site.publish([b"after"])
        assert [record.value for record in site.await_sealed(2)] == [b"before", b"after"]
        assert sealer.stop() == 0
    with site.sealer() as sealer:  # it has the old key alone
        assert sealer.exit_code() == Halt.KEY.exit_code
    retired = str(VerifierKey(str(site.origin()), site.key.public)).split("+", 2)[2]
    alone = {"key_file": site.directory / "next.pem", "retired_keys": f'["{retired}"]'}
    site.publish([b"by the new key alone"])
    with site.sealer(**alone) as sealer:
        site.await_sealed(3)
        assert sealer.stop() == 0
    for number in range(2):
        site.check_one_block_a_height(number)
        site.store_blocks(number)
    pinned = "".join(f"log {VerifierKey(str(site.origin(number)), site.key.public)}\n" for number in range(2))
    sealed = values(site.directory / "vault", pinned)[str(site.origin())]
    assert [value for _, value in sealed] == [b"before", b"after", b"by the new key alone"]


def test_the_commands_of_the_page(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    begin(site)
    toml = [dedent(block) for block in re.findall(r"^ *```toml\n(.*?)^ *```$", PAGE, re.DOTALL | re.MULTILINE)]
    lines = [line.strip()[2:] for line in PAGE.splitlines() if line.strip().startswith("$ ")]
    new, rehearsal, rotation, _ = (line.split()[1:] for line in lines)
    monkeypatch.chdir(site.directory)
    for name, value in site.environment().items():
        monkeypatch.setenv(name, value)
    (site.directory / "next.pem").unlink()
    (site.directory / "next-passphrase").write_text(PASSPHRASE)
    (site.directory / "next-passphrase").chmod(0o600)
    (site.directory / "auditseal.toml").write_text("[sealer]\n" + toml[0])
    assert CliRunner().invoke(app, new).exit_code == 0
    shown = CliRunner().invoke(app, rehearsal)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.count("would be announced") == 2
    assert [len(site.block_values(partition=number)) for number in range(2)] == [1, 1]
    done = CliRunner().invoke(app, rotation)
    assert done.exit_code == 0, done.output
    assert done.stdout.count("signs from block 2 on") == 2
    deadline = time.monotonic() + 60
    while [len(site.block_values(partition=number)) for number in range(2)] != [2, 2]:
        assert time.monotonic() < deadline
    (site.directory / "auditseal.toml").write_text("[sealer]\n" + toml[1])
    for name in ("KEY_FILE", "PASSPHRASE_FILE"):
        monkeypatch.delenv(f"AUDITSEAL_SEALER__{name}")
    (site.directory / "vault").mkdir(exist_ok=True)
    checked = CliRunner().invoke(app, ["sealer", "--config", "auditseal.toml", "--check"])
    assert checked.exit_code == 0, checked.output
