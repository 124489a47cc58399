"""`auditseal show`: one block or one event, verified and readable."""

import json
from typing import Annotated

import typer

from auditseal.cli.vault_options import (
    Json,
    TrustFile,
    VaultUrl,
    exit_on_failure,
    parse_origin,
    read_trust,
    vault_url,
)
from auditseal_auditor.block_view import block_to_json, lines_of
from auditseal_auditor.single_block import find_height, find_record, read_single
from auditseal_schemas.errors import ConfigurationError
from auditseal_vault.open import open_reader

app = typer.Typer()


@app.command()
def show(
    trust: TrustFile,
    origin: Annotated[str, typer.Argument(help="The log: <cluster>/<topic>/<partition>/<run>.")],
    height: Annotated[int | None, typer.Argument(min=0, help="The block. [default: the one with the offset]")] = None,
    offset: Annotated[int | None, typer.Option(min=0, help="The Kafka offset of the record to show.")] = None,
    vault: VaultUrl = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Show one block or one event, and verify what is shown.

    Exit codes: 0 shown, and it is valid; 1 it does not exist, or the store can't be read; 2 usage or trust file; 10 and
    up the verdict on an invalid block, as `auditseal verify --help` lists them.

    Example: auditseal show --trust trust.txt eu/audit.events/0/0 --offset 17
    """
    with exit_on_failure("show"):
        pinned, name = read_trust(trust), parse_origin(origin)
        log = next((log for log in pinned.logs if log.origin == name), None)
        if log is None:
            raise ConfigurationError(f"the trust file doesn't pin {name}: nothing in it can be verified")
        reader = open_reader(vault_url(vault, pinned))
        if height is None:
            if offset is None:
                raise ConfigurationError("name the block by its height, or the record by --offset")
            height = find_height(reader, name, offset)
        single = read_single(reader, log, height)
        shown = block_to_json(single, None if offset is None else find_record(single.block, offset))
        if as_json:
            typer.echo(json.dumps(shown))
            return
        for line in lines_of(shown):
            typer.echo(line)
