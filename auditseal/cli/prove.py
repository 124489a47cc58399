"""`auditseal prove`: writes a proof that needs no vault and no network to be checked."""

from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.vault_options import TrustFile, VaultUrl, exit_on_failure, parse_origin, read_trust, vault_url
from auditseal_auditor.prover import prove_consistency, prove_offset
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.event_proof import check_record_proof
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust
from auditseal_vault.interface import VaultReader
from auditseal_vault.open import open_reader

app = typer.Typer()


@app.command()
def prove(
    trust: TrustFile,
    origin: Annotated[str, typer.Argument(help="The log: <cluster>/<topic>/<partition>/<run>.")],
    offset: Annotated[int | None, typer.Option(min=0, help="The Kafka offset of the record to prove.")] = None,
    consistency: Annotated[
        tuple[int, int] | None, typer.Option(min=1, help="Two sizes: the first blocks are a prefix of the others.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file. [default: standard output]")] = None,
    vault: VaultUrl = None,
) -> None:
    """Prove one event, or that one head is a prefix of a later one.

    A proof of an event is a C2SP tlog-proof: one text file with the record, its path to the signed checkpoint, and
    the checkpoint. `auditseal check-proof` checks it with the trust file alone.

    Exit codes: 0 the proof is written, and was checked; 1 there is no such record, or the vault can't be read; 2 usage
    or trust file; from 10 on the verdict on a block that doesn't hold: then no proof is written.

    Example: auditseal prove --trust trust.txt eu/audit.events/0/0 --offset 17
    """
    with exit_on_failure("prove"):
        if (offset is None) == (consistency is None):
            raise ConfigurationError("give either --offset, to prove a record, or --consistency with two sizes")
        pinned, name = read_trust(trust), parse_origin(origin)
        reader = open_reader(vault_url(vault, pinned))
        if offset is not None:
            proof = _prove_record(reader, pinned, name, offset)
        else:
            assert consistency is not None
            proof = _prove_consistency(reader, pinned, name, *consistency)
        write_proof(proof, output)


def _prove_record(reader: VaultReader, trust: Trust, name: Origin, offset: int) -> bytes:
    proof = prove_offset(reader, trust.log_of(name), offset)
    check_record_proof(proof, trust)
    return proof.format()


def _prove_consistency(reader: VaultReader, trust: Trust, name: Origin, old_size: int, size: int) -> bytes:
    proof = prove_consistency(reader, trust.log_of(name), old_size, size)
    proof.check(trust)
    return proof.format()


def write_proof(proof: bytes, output: Path | None) -> None:
    """Write a proof to a file, or to standard output."""
    if output is None:
        typer.echo(proof.decode(), nl=False)
    else:
        output.write_bytes(proof)
        typer.echo(f"{output}: {len(proof):,} bytes", err=True)
