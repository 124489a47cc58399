"""`auditseal check-proof`: checks a proof from its file and a trust file alone."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from auditseal.cli.vault_options import Json, TrustFile, exit_on_failure, read_trust
from auditseal_auditor.blocks.block_json import heads_to_json, proven_to_json
from auditseal_auditor.blocks.block_text import proof_lines
from auditseal_auditor.blocks.index_proof_json import completeness_to_json, fraud_to_json
from auditseal_schemas import completeness_proof, consistency_file, index_fraud
from auditseal_schemas.completeness_proof import MAX_COMPLETENESS_BYTES, CompletenessProof
from auditseal_schemas.consistency_file import ConsistencyFile
from auditseal_schemas.event_proof import check_record_proof
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.index_fraud import IndexFraud
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import Trust

app = typer.Typer()


@app.command("check-proof")
def check_proof(
    trust: TrustFile,
    proof: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The proof.")],
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Check a proof with a trust file: no vault, no network.

    It prints what the proof establishes: the event, who signed it, and when it was sealed. For a proof of completeness
    these are the offsets of all records with the terms, up to the heads that it names.

    Exit codes: 0 the proof holds; 1 the file can't be read; 2 usage or trust file; 5 it proves that an index signed
    something false; from 10 on the verdict, as `auditseal verify --help` lists them.

    Example: auditseal check-proof --trust trust.txt x.tlog-proof
    """
    with exit_on_failure("check-proof"):
        pinned = read_trust(trust)
        with proof.open("rb") as file:
            shown = _check(file.read(MAX_COMPLETENESS_BYTES + 1), pinned)
        for line in [json.dumps(shown)] if as_json else proof_lines(shown):
            typer.echo(line)
    if shown["kind"] == "fraud":
        raise typer.Exit(ExitCode.FRAUD)


def _check(data: bytes, trust: Trust) -> dict[str, Any]:
    """Return what a proof of any kind establishes.

    Raises:
        VerificationError: It doesn't hold.
    """
    if data.startswith(consistency_file.FIRST_LINE.encode()):
        return heads_to_json(*ConsistencyFile.parse(data).check(trust))
    if data.startswith(completeness_proof.FIRST_LINE):
        return completeness_to_json(CompletenessProof.parse(data).check(trust))
    if data.startswith(index_fraud.FIRST_LINE):
        return fraud_to_json(IndexFraud.parse(data).check(trust))
    return proven_to_json(check_record_proof(TlogProof.parse(data), trust))
