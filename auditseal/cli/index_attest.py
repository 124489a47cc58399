"""`auditseal index attest`: derives what an index signed again from the vault, and proves what is false."""

import json
import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.vault_options import Json, TrustFile, VaultUrl, exit_on_failure, read_trust, vault_url
from auditseal_auditor.report_text import printable
from auditseal_schemas.completeness_proof import MAX_COMPLETENESS_BYTES, CompletenessProof
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.trust import Trust
from auditseal_search.index_attester import Attestation, IndexAttester
from auditseal_search.index_store import open_index
from auditseal_search.range_pool import RangePool
from auditseal_vault.open import open_reader


def attest(  # noqa: PLR0917  (typer passes them by name)
    trust: TrustFile,
    index: Annotated[str, typer.Option("--index", help="A directory or s3://bucket/prefix of the index.")],
    vault: VaultUrl = None,
    proof: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Attest a proof of completeness instead.")
    ] = None,
    evidence: Annotated[Path | None, typer.Option(help="A directory for proofs of fraud.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, max=256, help="Processes. [default: one for each CPU]")] = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Derive a signed index again from the vault, and compare.

    Everyone who has the vault can do so. What the index signed and what is false leaves a proof of fraud, one file that
    `auditseal check-proof` accepts. With --proof only what a proof of completeness says is compared.

    Exit codes: 0 the index signed what the vault's blocks make; 1 the vault or the index can't be read; 2 usage or
    trust file; 3 it differs, and no fraud could be proven; 5 a fraud is proven; from 10 on the verdict on a block or on
    the given proof.

    Example: auditseal index attest --trust trust.txt --index ./index
    """
    with exit_on_failure("index attest"):
        pinned = read_trust(trust)
        url, store = vault_url(vault, pinned), open_index(index)
        with RangePool(partial(open_reader, url), jobs or os.cpu_count() or 1) as pool:
            attester = IndexAttester(store, pool, pinned)
            found = list(_attest(attester, pinned, proof))
        written = _write_frauds(found, evidence)
    code = _exit_code(found)
    if as_json:
        typer.echo(json.dumps({"ok": code == 0, "exit_code": code, "segments": list(map(_json, found)), **written}))
    else:
        for one in found:
            typer.echo(printable(str(one)), err=bool(one.problem))
        for path in written["evidence"]:
            typer.echo(f"FRAUD: {path} proves it")
    raise typer.Exit(code)


def _attest(attester: IndexAttester, trust: Trust, proof: Path | None) -> list[Attestation]:
    if proof is None:
        return [one for log in trust.logs for one in attester.attest(log)]
    with proof.open("rb") as file:
        return list(attester.attest_proof(CompletenessProof.parse(file.read(MAX_COMPLETENESS_BYTES + 1))))


def _write_frauds(found: list[Attestation], folder: Path | None) -> dict[str, list[str]]:
    """Write each proof of fraud, and return the names of the files."""
    written = []
    for one in found:
        if folder and one.fraud:
            folder.mkdir(parents=True, exist_ok=True)
            name = f"{str(one.origin).replace('/', '_')}-{one.first_height:012d}.fraud"
            (folder / name).write_bytes(one.fraud.format())
            written.append(str(folder / name))
    return {"evidence": written}


def _exit_code(found: list[Attestation]) -> int:
    if any(one.fraud for one in found):
        return ExitCode.FRAUD
    return ExitCode.REJECTED if any(one.problem for one in found) else ExitCode.OK


def _json(one: Attestation) -> dict[str, object]:
    heights = {"first_height": one.first_height, "last_height": one.last_height}
    return {"origin": str(one.origin), **heights, "problem": one.problem, "fraud": one.fraud is not None}
