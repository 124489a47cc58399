"""`auditseal prove`: writes a proof that needs no vault and no network to be checked."""

from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.lazy_group import missing_extra
from auditseal.cli.vault_options import TrustFile, VaultUrl, exit_on_failure, parse_origin, read_trust, vault_url
from auditseal_auditor.blocks.block_json import proven_to_json
from auditseal_auditor.blocks.prover import prove_consistency, prove_in_block, prove_offset
from auditseal_auditor.errors import RecordNotFoundError
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.event_proof import check_record_proof
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust
from auditseal_vault.interface import VaultReader
from auditseal_vault.open import open_reader

app = typer.Typer()


@app.command()
def prove(  # noqa: PLR0917  (one for each option)
    trust: TrustFile,
    origin: Annotated[
        str | None, typer.Argument(help="The log: <cluster>/<topic>/<partition>/<run>. Not with --event-id.")
    ] = None,
    offset: Annotated[int | None, typer.Option(min=0, help="The Kafka offset of the record to prove.")] = None,
    consistency: Annotated[
        tuple[int, int] | None, typer.Option(min=1, help="Two sizes: the first blocks are a prefix of the others.")
    ] = None,
    event_id: Annotated[
        str | None, typer.Option("--event-id", help="The id of the event to prove, in any pinned log.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file. [default: standard output]")] = None,
    vault: VaultUrl = None,
    index: Annotated[
        str | None, typer.Option("--index", help="The index to find --event-id with. [default: none, read the vault]")
    ] = None,
) -> None:
    """Prove one event, or that one head is a prefix of a later one.

    A proof of an event is a C2SP tlog-proof: one text file with the record, its path to the signed checkpoint, and
    the checkpoint. `auditseal check-proof` checks it with the trust file alone. `--event-id` needs the extra `search`.

    Exit codes: 0 the proof is written, and was checked; 1 there is no such record, or the vault can't be read; 2 usage
    or trust file; 4 no event with the id was found, and the search was PARTIAL; from 10 on the verdict on a block that
    doesn't hold. Only 0 writes a proof.

    Example: auditseal prove --trust trust.txt eu/audit.events/0/0 --offset 17
    """
    with exit_on_failure("prove"):
        if [offset, consistency, event_id].count(None) != 2:
            raise ConfigurationError("give one of --offset, --event-id and --consistency")
        if (origin is None) != (event_id is not None):
            raise ConfigurationError("name the log for --offset and --consistency; --event-id is looked for in all")
        if event_id is not None:
            proof = _prove_event(event_id, trust, vault, index)
        else:
            pinned, name = read_trust(trust), parse_origin(origin or "")
            reader = open_reader(vault_url(vault, pinned))
            if offset is not None:
                proof = _prove_record(reader, pinned, name, offset)
            else:
                assert consistency is not None
                proof = _prove_consistency(reader, pinned, name, *consistency)
        write_proof(proof, output)


def _prove_event(event_id: str, trust: Path, vault: str | None, index: str | None) -> bytes:
    """Return the proof of the only record with an event id."""
    try:
        from auditseal.cli.event_lookup import find_event  # noqa: PLC0415  (the extra search is for this option alone)
    except ModuleNotFoundError as missing:
        typer.echo(missing_extra("auditseal prove --event-id", missing.name or "", "search"), err=True)
        raise typer.Exit(ExitCode.UNUSABLE) from missing
    pinned, place = read_trust(trust), find_event(event_id, trust, vault, index)
    reader = open_reader(vault_url(vault, pinned))
    proof = prove_in_block(reader, pinned.log_of(place.origin), place.height, place.offset)
    event = proven_to_json(check_record_proof(proof, pinned))["record"]["event"]
    if event is None or event["event_id"] != place.event_id:
        problem = f"the record at offset {place.offset} of {place.origin} has another event id than the index says"
        raise RecordNotFoundError(f"{problem}: check the index with auditseal index verify")
    return proof.format()


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
