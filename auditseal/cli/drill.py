"""`auditseal drill`: the WORM drill against a vault."""

import json
from typing import Annotated

import typer

from auditseal.cli.sse import KmsKey, SseOption
from auditseal_schemas.errors import ConfigurationError, UnavailableError
from auditseal_schemas.exit_codes import ExitCode, exit_code_of
from auditseal_schemas.halt import HaltError
from auditseal_vault.drill import drill as run_drill
from auditseal_vault.encryption import Encryption, wanted_encryption
from auditseal_vault.open import open_vault

app = typer.Typer()


@app.command()
def drill(
    vault: Annotated[
        str, typer.Option("--vault", envvar="AUDITSEAL_VAULT", help="s3://bucket/prefix?endpoint=... or file:///path")
    ],
    encryption: SseOption = None,
    kms_key: KmsKey = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002
) -> None:
    """Attack a canary in a vault: does Object Lock keep its promise?

    It also shows how the store says that it encrypts a canary at rest.

    Exit codes: 0 it does, or the vault is a directory and promises nothing; 1 the store is unreachable; 2 the URL does
    not name a vault; 49 the store failed the step that is named; 57 it does not encrypt as --encryption asks.

    Example: auditseal drill --vault 's3://audit?endpoint=https://s3.example'
    """
    code, enforces_worm, shown = int(ExitCode.OK), None, None
    try:
        opened = open_vault(vault, wanted_encryption(encryption, kms_key))
        enforces_worm = opened.enforces_worm
        shown = run_drill(opened)
        said = _result(shown, enforces_worm=enforces_worm)
    except (ConfigurationError, HaltError, UnavailableError) as error:
        code, said = exit_code_of(error), str(error)
    if as_json:
        at_rest = shown.algorithm if shown else None
        found = {"ok": code == 0, "enforces_worm": enforces_worm, "encryption": at_rest, "result": said}
        typer.echo(json.dumps(found))
    else:
        typer.echo(said, err=code != 0)
    raise typer.Exit(code)


def _result(shown: Encryption | None, *, enforces_worm: bool) -> str:
    if not enforces_worm:
        return "a directory shows tampering but is not WORM: anyone who may write to it may delete from it"
    at_rest = f"says that it encrypts at rest by {shown}" if shown else "does not say that it encrypts at rest"
    return f"the store withstood every step of the WORM drill; it {at_rest}"
