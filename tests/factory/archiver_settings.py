"""An archiver's configuration file and the trust file that it names."""

from pathlib import Path

from auditseal_schemas.key import VerifierKey
from auditseal_schemas.origin import Origin
from tests.factory.keys import SIGNER


def log_line(origin: Origin) -> str:
    """Return the trust file's line of a log."""
    return f"log {VerifierKey(str(origin), SIGNER.public)}\n"


def write_archiver_settings(folder: Path) -> Path:
    """Write `trust.txt` and `auditseal.toml` into a folder, make its vault, and return the latter's path."""
    trust, config = folder / "trust.txt", folder / "auditseal.toml"
    trust.write_text(log_line(Origin("a.example", "audit.events", 0, 0)))
    (folder / "vault").mkdir()
    config.write_text(
        f"""
        cluster = "a.example"
        vault = "file://{folder}/vault"
        [kafka]
        bootstrap_servers = "127.0.0.1:9092"
        [archiver]
        trust_file = "{trust}"
        retention_days = 30
        """
    )
    return config
