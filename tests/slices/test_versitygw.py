"""versitygw, a second independent store: the drill, the vault's promises, and the door that the drill can't see."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import HaltError
from auditseal_vault.drill import drill
from auditseal_vault.encryption import Encryption
from auditseal_vault.errors import AlreadyStoredError
from auditseal_vault.interface import Retention
from auditseal_vault.open import open_vault
from tests.factory.archiver_settings import log_line
from tests.factory.vaults import ORIGINS, make_log
from tests.factory.versitygw import VersityNode

pytestmark = pytest.mark.timeout(1800)  # the first build of the store, on a machine that does much else

LOG = ORIGINS[0]
BLOCKS = make_log(LOG, (4, 3, 5), partitions=1)
UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VersityNode]:
    with VersityNode(tmp_path_factory.mktemp("versitygw")) as node:
        yield node


@pytest.fixture
def vault_url(gateway: VersityNode, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    for name, value in gateway.client_environment().items():
        monkeypatch.setenv(name, value)
    bucket = request.node.name.replace("_", "-")[:40].strip("-")
    gateway.make_bucket(bucket)
    return gateway.vault_url(bucket)


def test_it_passes_the_drill(vault_url: str) -> None:
    assert drill(open_vault(vault_url)) is None  # it does not encrypt, and says so by saying nothing


def test_a_vault_in_it_is_stored_once_and_verifies(vault_url: str, tmp_path: Path) -> None:
    vault = open_vault(vault_url)
    for block in BLOCKS:
        vault.put(LOG.block_key(block.header.height), block.format(), UNTIL)
    with pytest.raises(AlreadyStoredError):
        vault.put(LOG.block_key(0), b"another", UNTIL)
    (entry,) = vault.versions_of(LOG.block_key(0))
    assert vault.retention(entry.key, entry.version_id) == Retention("COMPLIANCE", UNTIL)
    (tmp_path / "trust.txt").write_text(f"vault {vault_url}\n{log_line(LOG)}")
    checked = CliRunner().invoke(app, ["verify", "--trust", str(tmp_path / "trust.txt")])
    assert checked.exit_code == 0, checked.output
    assert "encrypted at rest, as the store says: none 3" in checked.output


def test_a_store_that_can_not_encrypt_is_not_taken_for_one_that_does(vault_url: str) -> None:
    with pytest.raises((HaltError, UnavailableError)):
        drill(open_vault(vault_url, Encryption("AES256")))


def test_the_disk_below_it_is_another_door(vault_url: str, gateway: VersityNode, tmp_path: Path) -> None:
    """Who may write to the gateway's directory removes a locked block. The drill passes; only a verifier notices."""
    vault = open_vault(vault_url)
    for block in BLOCKS:
        vault.put(LOG.block_key(block.header.height), block.format(), UNTIL)
    bucket = vault_url.split("/")[2]
    (gateway.directory / "data" / bucket / LOG.block_key(1)).unlink()
    drill(vault)
    (tmp_path / "trust.txt").write_text(f"vault {vault_url}\n{log_line(LOG)}")
    checked = CliRunner().invoke(app, ["verify", "--trust", str(tmp_path / "trust.txt")])
    assert (checked.exit_code, "BROKEN_CHAIN" in checked.output) == (16, True), checked.output
