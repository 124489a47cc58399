"""`hold keygen` and `index keygen`: the trust line that they print is the one that the key is found by."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_schemas.trust import Trust
from auditseal_sealer.key_file import load_key
from tests.factory.archiver_settings import log_line
from tests.factory.secret_files import write_secret
from tests.factory.vaults import ORIGINS

PASSPHRASE = "a passphrase"


@pytest.mark.parametrize(
    ("command", "name", "refused"),
    [("hold", "alice@example.com", "can't name a person"), ("index", "index.example.com", "can't name an index")],
)
def test_the_line_is_one_of_a_trust_file(tmp_path: Path, command: str, name: str, refused: str) -> None:
    write_secret(tmp_path / "passphrase", PASSPHRASE)
    words = [command, "keygen", str(tmp_path / "key.pem"), "--passphrase-file", str(tmp_path / "passphrase"), "--name"]
    wrong = CliRunner().invoke(app, [*words, "a b"])
    assert (wrong.exit_code, refused in wrong.stderr) == (2, True)
    made = CliRunner().invoke(app, [*words, name])
    trust = Trust.parse((log_line(ORIGINS[0]) + made.stdout).encode())
    (key,) = trust.people or trust.indexes
    assert (key.name, key.public) == (name, load_key(tmp_path / "key.pem", PASSPHRASE).public)
