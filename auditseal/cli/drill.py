"""`auditseal drill`: the WORM drill against a vault."""

import json
from typing import Annotated

import typer

from auditseal_schemas.errors import ConfigurationError, UnavailableError
from auditseal_schemas.exit_codes import ExitCode, exit_code_of
from auditseal_schemas.halt import HaltError
from auditseal_vault.drill import drill as run_drill
from auditseal_vault.open import open_vault

app = typer.Typer()


@app.command()
def drill(
    vault: Annotated[
        str, typer.Option("--vault", envvar="AUDITSEAL_VAULT", help="s3://bucket/prefix?endpoint=... or file:///path")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002
) -> None:
    """Attack a canary in a vault: does Object Lock keep its promise?

    Exit codes: 0 it does, or the vault is a directory and promises nothing; 1 the store is unreachable; 2 the URL does
    not name a vault; 49 the store failed the step that is named.

    Example: auditseal drill --vault 's3://audit?endpoint=https://s3.example'
    """
    code, enforces_worm, said = int(ExitCode.OK), None, "the store withstood every step of the WORM drill"
    try:
        opened = open_vault(vault)
        enforces_worm = opened.enforces_worm
        run_drill(opened)
        if not enforces_worm:
            said = "a directory shows tampering but is not WORM: anyone who may write to it may delete from it"
    except (ConfigurationError, HaltError, UnavailableError) as error:
        code, said = exit_code_of(error), str(error)
    if as_json:
        typer.echo(json.dumps({"ok": code == 0, "enforces_worm": enforces_worm, "result": said}))
    else:
        typer.echo(said, err=code != 0)
    raise typer.Exit(code)
