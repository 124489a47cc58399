"""The command line: one module a subcommand, each importing only what it runs."""

from typing import Annotated

import typer

from auditseal.cli import archiver, demo, drill, emit, keys, local, sealer, show, topics, verify
from auditseal_schemas import __version__

app = typer.Typer(
    name="auditseal",
    help="Audit events on Kafka, sealed into signed Merkle blocks in WORM storage that anyone can verify.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: it can be piped, and words in brackets are no markup
    pretty_exceptions_enable=False,
)
app.add_typer(demo.app)
app.add_typer(emit.app)
app.add_typer(local.app, name="local")
app.add_typer(keys.app, name="keys")
app.add_typer(sealer.app)
app.add_typer(topics.app, name="topics")
app.add_typer(archiver.app)
app.add_typer(drill.app)
app.add_typer(verify.app)
app.add_typer(show.app)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  (typer calls it with the option's value)
    if wanted:
        typer.echo(f"auditseal {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: FBT002
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say the version and exit.")
    ] = False,
) -> None:
    """Take what may stand before a command."""
