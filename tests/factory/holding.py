"""A bucket with a log and three people who may hold its blocks, and the command as they run it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from auditseal.cli import app, hold
from auditseal_local.minio import MinioNode
from auditseal_producer.testing import RecordedEvents
from auditseal_sealer.key_file import store_key
from auditseal_vault.open import open_vault
from tests.factory.archiver_settings import log_line
from tests.factory.people import ALICE, PEOPLE, SIGNERS
from tests.factory.secret_files import write_secret
from tests.factory.vaults import ORIGINS, make_log

LOG = ORIGINS[0]
BLOCKS = make_log(LOG, [1] * 12, partitions=1)
PASSPHRASE = "a passphrase"
UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)


class Recording(RecordedEvents):
    """Recorded events in place of a producer that is opened and closed."""

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_: object) -> None:
        """Stay open for the next command."""


class HoldPlace:
    """The bucket, its trust file, the keys, and the events of all commands.

    Attributes:
        url: The vault.
        trust: The trust file.
        recorded: The audit events; `brokers_down()` takes the brokers away.
    """

    def __init__(self, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url, self.folder, self.trust = url, folder, folder / "trust.txt"
        self.trust.write_text(f"vault {url}\n{log_line(LOG)}" + "".join(f"person {key}\n" for key in PEOPLE))
        write_secret(folder / "passphrase", PASSPHRASE)
        for name, signer in SIGNERS.items():
            store_key(self.key(name), signer, PASSPHRASE)
        self.recorded = Recording()
        monkeypatch.setattr(hold, "AuditProducer", lambda _: self.recorded)
        monkeypatch.setenv("AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
        monkeypatch.setenv("AUDITSEAL_ENVIRONMENT", "test")

    def key(self, person: str) -> Path:
        return self.folder / f"{person}.pem"

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run `auditseal hold`; return its exit code and what it printed on both outputs."""
        answer = CliRunner().invoke(app, ["hold", *words, "--trust", str(self.trust)])
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
        return answer.exit_code, answer.stdout, answer.stderr

    def signed(self, person: str, *words: str) -> tuple[int, str, str]:
        """Run it with a person's key."""
        secret = str(self.folder / "passphrase")
        return self.run(*words, "--key", str(self.key(person)), "--passphrase-file", secret)

    def add(self, heights: str, case: str = "CASE-7", person: str = ALICE) -> tuple[int, str, str]:
        return self.signed(person, "add", case, "--origin", str(LOG), "--heights", heights)

    def states(self) -> dict[str, str]:
        """Each case with its state."""
        code, out, _ = self.run("list", "--json")
        assert code == 0
        return {case["case"]: case["state"] for case in json.loads(out)["cases"]}

    def held(self) -> list[int]:
        """The heights whose first version the store holds."""
        return held_in(self.url)

    def verify(self, *words: str) -> tuple[int, Any]:
        answer = CliRunner().invoke(app, ["verify", "--trust", str(self.trust), "--json", *words])
        return answer.exit_code, json.loads(answer.stdout)


def held_in(url: str) -> list[int]:
    """The heights whose first version the store of a vault holds."""
    vault = open_vault(url)
    found = [vault.versions_of(LOG.block_key(block.header.height))[-1] for block in BLOCKS]
    return [height for height, entry in enumerate(found) if vault.legal_hold(entry.key, entry.version_id)]


def make_place(minio: MinioNode, bucket: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> HoldPlace:
    """Store the log in a bucket, under locks of two days."""
    for name, value in minio.client_environment().items():
        monkeypatch.setenv(name, value)
    url = f"s3://{bucket}/vault/?endpoint={minio.endpoint}"
    vault = open_vault(url)
    for block in BLOCKS:
        vault.put(LOG.block_key(block.header.height), block.format(), UNTIL)
    return HoldPlace(url, folder, monkeypatch)
