"""Signers outside the sealer's process: a real SoftHSM and a real OpenBao, and a real sealer that uses them."""

import json
import signal
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError

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
from auditseal_schemas.trust import Trust
from tests.factory.openbao import OpenBaoNode
from tests.factory.sealing import CLUSTER, KILL_ONCE_AFTER, PATIENCE, UNCOMMITTED, SealerProcess, Site
from tests.factory.secret_files import write_secret
from tests.factory.softhsm import PIN, find_softhsm

Signer = dict[str, object]
"""The settings of a section [sealer.signer], as variables of the environment."""


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBaoNode]:
    with OpenBaoNode(tmp_path_factory.mktemp("openbao")) as node:
        yield node


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a token, without a key; the process and its children find the token."""
    directory = tmp_path_factory.mktemp("softhsm")
    softhsm = find_softhsm()
    softhsm.make_token(directory, "audit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(directory / "softhsm2.conf"))
        yield f"pkcs11:token=audit;object={{}}?module-path={softhsm.module}"


@pytest.fixture
def site(kafka: KafkaNode, topic_name: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(kafka.bootstrap_servers, tmp_path / "site", topic_name("events"), topic_name("blocks"))
    site.create_topics()
    return site


def keys(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["keys", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done.stdout


def public_key(lines: str) -> str:
    """Return the last part of the verifier key in a trust line, as the settings have it."""
    (log,) = Trust.parse(lines.encode()).logs
    return str(log.keys[0]).split("+", 2)[2]


def signer(uri: str, lines: str, secret_file: Path, prefix: str = "signer", **more: object) -> Signer:
    values = {"uri": uri, "public_key": public_key(lines), "secret_file": secret_file, "timeout": 2, **more}
    return {f"{prefix}__{name}": value for name, value in values.items()}


NO_FILE: Signer = {"key_file": None, "passphrase_file": None}


def made_in_bao(site: Site, bao: OpenBaoNode, name: str) -> tuple[str, str]:
    """Make a key in OpenBao by the command; return its URI and its trust line."""
    root = write_secret(site.directory / "root-token", bao.root_token)
    log = ("--cluster", CLUSTER, "--topic", site.events, "--partitions", 1, "--passphrase-file", root)
    made = keys("new", bao.uri(name), *log)
    assert keys("show", bao.uri(name), *log) == made
    return bao.uri(name), made


def await_values(site: Site, lines: str, count: int) -> list[bytes | None]:
    """Wait until so many records are sealed; return their values, checked as by an auditor who pins the first key."""
    (log,) = Trust.parse(lines.encode()).logs
    values = [record.value for record in site.await_sealed(count, keys=log.keys)]
    assert len(values) == count
    site.check_one_block_a_height()
    return values


def await_problem(sealer: SealerProcess, *words: str) -> None:
    """Wait until `/readyz` says why the sealer does not seal."""
    deadline = time.monotonic() + PATIENCE
    while True:
        status, text = sealer.get("/readyz")
        if status == 503 and all(word in text for word in words):
            return
        assert time.monotonic() < deadline, f"{words} are not in {text}: {sealer.log.read_text()}"
        time.sleep(0.05)


def heights(messages: list[bytes]) -> dict[int, set[bytes]]:
    """Return the different texts that were to be signed for each height."""
    texts: dict[int, set[bytes]] = {}
    for message in messages:
        texts.setdefault(int(message.split(b"\n")[1]) - 1, set()).add(message)
    return texts


def test_a_signer_that_is_away_slow_or_refuses_loses_nothing(site: Site, bao: OpenBaoNode) -> None:
    """One sealer, through all of it: each outage is named, ends by itself, and one text is signed for a height."""
    uri, lines = made_in_bao(site, bao, "outages")
    token = write_secret(site.directory / "token", bao.token("outages"))
    site.publish([b"before"])
    with site.sealer("--genesis", **NO_FILE, **signer(uri, lines, token)) as sealer:
        await_values(site, lines, 1)
        assert b64encode(b"\x01" + bao_public(bao, "outages")).decode() == public_key(lines)

        bao.stop()
        site.publish([b"while it was away"])
        await_problem(sealer, "the signer openbao://transit/outages", bao.address)
        sealer.await_metric('auditseal_signer_available{signer="openbao://transit/outages"} 0.0')
        sealer.await_metric(f'auditseal_log_state{{partition="0",state="waiting",topic="{site.events}"}} 1.0')
        bao.start()
        await_values(site, lines, 2)
        sealer.await_ready()

        bao.suspend()
        site.publish([b"while it was slow"])
        await_problem(sealer, f"{bao.address} did not answer within 2 s")
        bao.resume()
        await_values(site, lines, 3)

        write_secret(token, bao.expired_token("outages"))
        site.publish([b"while the token had expired"])
        await_problem(sealer, "answered 403", f"renew the token in {token}")
        write_secret(token, bao.token("outages"))
        values = await_values(site, lines, 4)
        sealer.await_ready()
        assert sealer.stop() == 0
    assert values == [b"before", b"while it was away", b"while it was slow", b"while the token had expired"]
    asked = heights(bao.asked("outages"))
    assert {height: len(texts) for height, texts in asked.items()} == dict.fromkeys(range(len(asked)), 1)
    assert len(bao.asked("outages")) > len(asked)  # it was asked again, for the same text


@pytest.mark.parametrize("step", ["signed", "flushed"])
def test_a_sealer_that_is_killed_after_signing_publishes_one_block(site: Site, bao: OpenBaoNode, step: str) -> None:
    uri, lines = made_in_bao(site, bao, f"killed-{step}")
    settings = signer(uri, lines, write_secret(site.directory / "token", bao.token(f"killed-{step}")))
    site.publish([b"one", b"two"])
    hook = KILL_ONCE_AFTER.format(step=step, mark=site.directory / "killed")
    with site.sealer("--genesis", hook=hook, **NO_FILE, **settings) as sealer:
        assert sealer.exit_code() == -signal.SIGKILL
    with site.sealer("--genesis", **NO_FILE, **settings) as sealer:
        assert await_values(site, lines, 2) == [b"one", b"two"]
        assert sealer.stop() == 0
    published = {Block.parse(data).note.text.encode() for data in site.block_values(UNCOMMITTED)}
    assert len(published) == len(site.block_values())
    if step == "flushed":  # before that, the signature is gone with the process, and nobody has it
        assert set(bao.asked(f"killed-{step}")) == published


def test_a_key_in_a_file_hands_over_to_one_in_openbao(
    site: Site, bao: OpenBaoNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, lines = made_in_bao(site, bao, "next")
    token = write_secret(site.directory / "token", bao.token("next"))
    following = signer(uri, lines, token, "next_signer")
    pinned = f"log {VerifierKey(str(site.origin()), site.key.public)}\n"
    site.publish([b"by the file"])
    with site.sealer("--genesis", **following) as sealer:
        await_values(site, pinned, 1)
        for name, value in site.environment(**following).items():
            monkeypatch.setenv(name, value)
        settings = load_settings(SealerSettings, None)
        (rehearsed,) = rotate_keys(settings, dry_run=True)
        assert not rehearsed.is_announced
        (done,) = rotate_keys(settings, dry_run=False)
        assert [str(key) for key in done.next_keys] == [lines.split()[1]]
        site.publish([b"by OpenBao"])
        await_values(site, pinned, 2)
        assert sealer.stop() == 0
    retired = json.dumps([public_key(pinned)])
    with site.sealer(**NO_FILE, retired_keys=retired, **signer(uri, lines, token)) as sealer:
        bao.call("POST", "transit/keys/next/rotate", {})  # makes version 2, and the sealer names version 1
        site.publish([b"by OpenBao alone"])
        assert await_values(site, pinned, 3)[-1] == b"by OpenBao alone"
        assert sealer.stop() == 0


def test_an_answer_by_another_key_halts_the_sealer(site: Site, bao: OpenBaoNode) -> None:
    uri, lines = made_in_bao(site, bao, "other")
    token = write_secret(site.directory / "token", bao.root_token)
    expected = f"log {VerifierKey(str(site.origin()), SigningKey.generate().public)}\n"
    site.publish([b"unsigned"])
    with site.sealer("--genesis", **NO_FILE, **signer(uri, expected, token)) as sealer:
        assert sealer.exit_code() == Halt.KEY.exit_code
        halted = sealer.await_line("halted")["problem"]
    assert f"must sign with the key {public_key(expected)}" in halted
    assert f"its signature is of the key {public_key(lines)}" in halted
    assert site.block_values(UNCOMMITTED) == []


def test_a_policy_that_signs_can_do_nothing_else(site: Site, bao: OpenBaoNode) -> None:
    made_in_bao(site, bao, "rights")
    token = write_secret(site.directory / "token", bao.token("rights"))
    log = ("--cluster", CLUSTER, "--topic", site.events, "--partitions", "1", "--passphrase-file", str(token))
    refused = CliRunner().invoke(app, ["keys", "show", bao.uri("rights"), *log])
    assert refused.exit_code == 1
    assert "answered 403" in refused.stderr
    for path, body in (("keys/rights/rotate", {}), ("keys/rights", {"type": "ed25519"}), ("keys/new", {})):
        with pytest.raises(HTTPError, match="403"):
            bao.call_as(token.read_text(), "POST", f"transit/{path}", body)
    with pytest.raises(HTTPError, match="403"):
        bao.call_as(token.read_text(), "DELETE", "transit/keys/rights", None)


def test_a_key_in_softhsm_signs_and_a_wrong_pin_is_corrected(site: Site, hsm: str) -> None:
    uri = hsm.format("sealer")
    pin = write_secret(site.directory / "pin", PIN)
    log = ("--cluster", CLUSTER, "--topic", site.events, "--partitions", 1, "--passphrase-file", pin)
    lines = keys("new", uri, *log)
    assert keys("show", uri, *log) == lines
    again = CliRunner().invoke(app, ["keys", "new", uri, *map(str, log)])
    assert again.exit_code == 2
    assert "there is an object of this name already" in again.stderr
    write_secret(pin, "999999")
    site.publish([b"signed inside"])
    with site.sealer("--genesis", **NO_FILE, **signer(uri, lines, pin)) as sealer:
        await_problem(sealer, "the signer pkcs11:token=audit;object=sealer", f"the PIN in {pin}", "not tried again")
        write_secret(pin, PIN)
        assert await_values(site, lines, 1) == [b"signed inside"]
        sealer.await_metric('auditseal_signer_available{signer="pkcs11:token=audit;object=sealer"} 1.0')
        assert sealer.stop() == 0
    gone = hsm.format("gone")
    with site.sealer(**NO_FILE, **signer(gone, lines, pin)) as sealer:
        site.publish([b"unsigned"])
        await_problem(sealer, "the signer pkcs11:token=audit;object=gone", "NoSuchKey")
    assert await_values(site, lines, 1) == [b"signed inside"]


def bao_public(bao: OpenBaoNode, name: str) -> bytes:
    public = bao.call("GET", f"transit/keys/{name}")["data"]["keys"]["1"]["public_key"]
    return b64decode(public)
