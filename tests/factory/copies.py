"""A log and its second copy, for the tests of `auditseal replicate` and of `auditseal verify --copy`."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_schemas.block import Block
from auditseal_vault.interface import Vault
from auditseal_vault.open import open_vault
from tests.factory.archiver_settings import log_line
from tests.factory.vaults import ORIGINS, make_log

LOG = ORIGINS[0]
BLOCKS = make_log(LOG, [1, 2] * 12, partitions=1)
UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)


def write_trust(folder: Path) -> Path:
    """Write a trust file that pins the log."""
    path = folder / "trust.txt"
    path.write_text(log_line(LOG))
    return path


def put(url: str, blocks: Sequence[Block]) -> Vault:
    """Store blocks of the log in a vault, and return it."""
    vault = open_vault(url)
    for block in blocks:
        vault.put(LOG.block_key(block.header.height), block.format(), UNTIL)
    return vault


def content(url: str) -> dict[str, bytes]:
    """All objects of a vault's logs, by key."""
    vault = open_vault(url)
    return {entry.key: vault.read(entry.key, entry.version_id) for entry in vault.versions("v1/")}


def run(command: str, trust: Path, vault: str, *arguments: str) -> tuple[int, Any, str]:
    """Run a command with --json; return its exit code, its answer and what it complained of."""
    options = ["--trust", str(trust), "--vault", vault, "--json", *arguments]
    answer = CliRunner().invoke(app, [command, *options])
    return answer.exit_code, json.loads(answer.stdout) if answer.stdout else None, answer.stderr
