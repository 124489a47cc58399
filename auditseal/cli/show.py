"""`auditseal show`: one block or one event, verified and readable."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

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
from auditseal_auditor.blocks.block_json import block_to_json
from auditseal_auditor.blocks.block_text import block_lines, place_lines, record_lines, verified_lines
from auditseal_auditor.blocks.single_block import find_height, find_record, read_single
from auditseal_auditor.errors import RecordNotFoundError
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.record import SealedRecord
from auditseal_vault.open import open_reader

app = typer.Typer()


@app.command()
def show(  # noqa: PLR0917  (one for each option)
    trust: TrustFile,
    origin: Annotated[str, typer.Argument(help="The log: <cluster>/<topic>/<partition>/<run>.")],
    height: Annotated[int | None, typer.Argument(min=0, help="The block. [default: the one with the offset]")] = None,
    offset: Annotated[int | None, typer.Option(min=0, help="The Kafka offset of the record to show.")] = None,
    vault: VaultUrl = None,
    block: Annotated[bool, typer.Option("--block", help="With --offset: print the whole block header, too.")] = False,  # noqa: FBT002
    raw: Annotated[
        Path | None, typer.Option(help="Write the value's bytes to this new file; without --offset the block's.")
    ] = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Show one block or one event, and verify what is shown.

    A long text and a long list are cut, with their length; --json prints everything.

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
            height = find_height(reader, name, offset, log.start.height if log.start else 0)
        single = read_single(reader, log, height)
        record = None if offset is None else find_record(single.block, offset)
        if raw:
            _write_new(raw, _value_of(record) if record else single.block.format())
        shown = block_to_json(single, record)
        if as_json:
            typer.echo(json.dumps(shown))
            return
        for line in _lines(shown, whole_block=block or record is None):
            typer.echo(line)


def _lines(shown: dict[str, Any], *, whole_block: bool) -> Iterator[str]:
    if shown["record"]:
        yield from record_lines(shown)
    yield from block_lines(shown) if whole_block else place_lines(shown)
    yield from verified_lines(shown)


def _value_of(record: SealedRecord) -> bytes:
    """Return the bytes of a record's value.

    Raises:
        RecordNotFoundError: It has no such record.
    """
    if record.value is None:
        why = "it was too long, and its length and hash were sealed" if record.oversize else "it is null"
        raise RecordNotFoundError(f"the record at offset {record.offset} has no value to write: {why}")
    return record.value


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that doesn't exist yet.

    Raises:
        ConfigurationError: It exists.
        OSError: It can't be written.
    """
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise ConfigurationError(f"--raw {path}: the file exists; name a new one") from error
