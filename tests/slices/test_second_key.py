"""A second key on a real Kafka: from the first block on, announced later, and killed at each step."""

import re
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
from auditseal_schemas.public_key import ML_DSA_44
from auditseal_sealer.hooks import Step
from auditseal_sealer.key_file import store_key
from tests.factory.sealing import KILL_ONCE_AFTER, PASSPHRASE, UNCOMMITTED, Site
from tests.factory.secret_files import write_secret
from tests.oracle.reader import Refused
from tests.oracle.verifier import values

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "second-signature.md").read_text("utf-8")
SECOND = SigningKey.generate(ML_DSA_44)
AFTER_SIGNING = (Step.SIGNED, Step.PRODUCED, Step.FLUSHED, Step.COMMITTED)


@pytest.fixture
def site(kafka: KafkaNode, topic_name, tmp_path: Path) -> Site:
    site = Site(kafka.bootstrap_servers, tmp_path / "site", topic_name("events"), topic_name("blocks"))
    site.create_topics()
    store_key(site.directory / "second.pem", SECOND, PASSPHRASE)
    return site


def second_key(site: Site, prefix: str = "") -> dict[str, object]:
    return {
        f"{prefix}second_key_file": site.directory / "second.pem",
        f"{prefix}second_passphrase_file": site.directory / "passphrase",
    }


def pinned(site: Site, *keys: SigningKey) -> str:
    return "".join(f"log {VerifierKey.of(str(site.origin()), key)}\n" for key in keys)


def sealed_values(site: Site, *keys: SigningKey) -> list[bytes | None]:
    """Return the values of the log as the second verifier reads them by the keys that are pinned."""
    return [value for _, value in values(site.store_blocks(), pinned(site, *keys))[str(site.origin())]]


def test_a_sealer_that_is_killed_after_each_step_signs_no_height_twice(site: Site, tmp_path: Path) -> None:
    """ML-DSA-44 would sign differently each time, so a second signature of a height would show in the topic."""
    published = []
    for step in AFTER_SIGNING:
        published.append(step.encode())
        site.publish(published[-1:])
        hook = KILL_ONCE_AFTER.format(step=step, mark=tmp_path / step)
        for _ in range(2):  # it is killed, and the next one continues
            with site.sealer("--genesis", hook=hook, **second_key(site)) as sealer:
                if not (tmp_path / step).exists():
                    sealer.exit_code()
                else:
                    site.await_sealed(len(published))
                    assert sealer.stop() == 0
        site.check_one_block_a_height()
    for value in site.block_values(UNCOMMITTED):
        Block.parse(value).note.check([VerifierKey.of(str(site.origin()), key) for key in (site.key, SECOND)])
    assert sealed_values(site, site.key, SECOND) == published
    assert sealed_values(site, site.key) == published


def test_the_steps_of_the_page_add_a_second_key_to_a_log(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.publish([b"by one key"])
    with site.sealer("--genesis") as sealer:
        site.await_sealed(1)
        assert sealer.stop() == 0
    toml = [dedent(block) for block in re.findall(r"^ *```toml\n(.*?)^ *```$", PAGE, re.DOTALL | re.MULTILINE)]
    lines = [line.strip()[2:].split()[1:] for line in PAGE.splitlines() if line.strip().startswith("$ ")]
    new, rehearsal, rotation = lines
    monkeypatch.chdir(site.directory)
    for name, value in site.environment().items():
        monkeypatch.setenv(name, value)
    (site.directory / "second.pem").unlink()
    write_secret(site.directory / "second-passphrase", PASSPHRASE)
    made = CliRunner().invoke(app, new)
    assert made.exit_code == 0, made.output
    (site.directory / "auditseal.toml").write_text("[sealer]\n" + toml[1])
    assert "would be announced" in CliRunner().invoke(app, rehearsal).stdout
    assert len(site.block_values()) == 1
    done = CliRunner().invoke(app, rotation)
    assert done.exit_code == 0, done.output
    assert re.search(r": [0-9a-f]{8} and [0-9a-f]{8} sign from block 2 on", done.stdout)
    site.publish([b"by both"])
    with site.sealer() as sealer:  # it lacks the second key
        assert sealer.exit_code() == Halt.KEY.exit_code
    for number, name in ((1, "next_"), (2, "")):
        assert f"{name}second_key_file" in toml[number]
        files = {
            f"{name}second_key_file": site.directory / "second.pem",
            f"{name}second_passphrase_file": site.directory / "second-passphrase",
        }
        site.publish([name.encode()])
        with site.sealer(**files) as sealer:
            site.await_sealed(2 + number)
            assert sealer.stop() == 0
    site.check_one_block_a_height()
    assert sealed_values(site, site.key) == [b"by one key", b"by both", b"next_", b""]
    last = site.store_blocks() / site.origin().block_key(len(site.block_values()) - 1)
    note = Block.parse(last.read_bytes()).note.format()
    line = note.splitlines(keepends=True)[-1]
    assert len(line) > 3_000
    last.write_bytes(last.read_bytes().replace(note, note.replace(line, line.replace(b"AAAA", b"AAAB", 1))))
    with pytest.raises(Refused, match="BAD_SIGNATURE"):
        values(site.directory / "vault", pinned(site, site.key))


def test_an_interrupted_announcement_of_a_second_key_ends_as_one_that_was_not(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publish([b"before"])
    with site.sealer("--genesis") as sealer:
        site.await_sealed(1)
        assert sealer.stop() == 0
    for name, value in site.environment(**second_key(site, "next_")).items():
        monkeypatch.setenv(name, value)
    settings = load_settings(SealerSettings, None)

    class Interrupt:
        def __init__(self, step: Step) -> None:
            self.step = step

        def after(self, step: Step, _origin: object) -> None:
            if step is self.step:
                raise InterruptedError(step)

    for step in AFTER_SIGNING:
        with pytest.raises(InterruptedError):
            list(rotate_keys(settings, dry_run=False, hooks=Interrupt(step)))
    (once,) = rotate_keys(settings, dry_run=False)
    assert (once.height, once.is_announced, len(once.next_keys)) == (2, True, 2)
    site.check_one_block_a_height()
    assert len(site.block_values()) == 2
