"""A sealer's configuration file, its key and its passphrase."""

from pathlib import Path

from auditseal_schemas.key import SigningKey
from auditseal_sealer.key_file import store_key
from tests.factory.secret_files import write_secret


def write_sealer_key(folder: Path) -> None:
    """Write `key.pem` and `passphrase` into a folder."""
    write_secret(folder / "passphrase", "secret")
    store_key(folder / "key.pem", SigningKey.generate(), "secret")


def write_sealer_settings(folder: Path, *lines: str) -> Path:
    """Write `auditseal.toml` with further lines of the section [sealer] into a folder, and return its path."""
    path = folder / "auditseal.toml"
    files = (f'key_file = "{folder}/key.pem"', f'passphrase_file = "{folder}/passphrase"')
    general = ('cluster = "a"', f'vault = "{folder.as_uri()}"', 'kafka.bootstrap_servers = "127.0.0.1:9092"')
    path.write_text("\n".join((*general, "[sealer]", *files, *lines)))
    return path
