"""`auditseal receipt`: from a producer's receipt to the proof that its event is sealed."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.prove import write_proof
from auditseal.cli.vault_options import TrustFile, VaultUrl, exit_on_failure, read_trust, vault_url
from auditseal_auditor.blocks.prover import ReceiptClaim, prove_receipt
from auditseal_auditor.errors import RecordNotFoundError
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import Trust
from auditseal_vault.interface import VaultReader
from auditseal_vault.open import open_reader

app = typer.Typer()
_PAUSE = 0.5  # s between two looks


@app.command()
def receipt(
    trust: TrustFile,
    file: Annotated[Path, typer.Argument(help="JSON with topic, partition, offset and sha256; - for standard input.")],
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait until the event is in the vault.")] = 0,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file. [default: standard output]")] = None,
    vault: VaultUrl = None,
) -> None:
    """Turn a producer's receipt into a proof, once it is sealed.

    The proof is that of `auditseal prove`. The record must have the SHA-256 that the receipt says.

    Exit codes: 0 the proof is written; 1 the event isn't in the vault yet, or the vault can't be read; 2 usage, receipt
    or trust file; from 10 on the verdict: 17 BAD_RECORD, what is sealed there is another event.

    Example: auditseal receipt --trust trust.txt receipt.json -o x.tlog-proof
    """
    with exit_on_failure("receipt"):
        pinned = read_trust(trust)
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
        claim = ReceiptClaim.from_json(_parse(text))
        reader = open_reader(vault_url(vault, pinned))
        write_proof(_await_proof(reader, pinned, claim, wait).format(), output)


def _parse(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    return value


def _await_proof(reader: VaultReader, trust: Trust, claim: ReceiptClaim, seconds: float) -> TlogProof:
    """Return the proof as soon as the vault has the block."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return prove_receipt(reader, trust, claim)
        except RecordNotFoundError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)
