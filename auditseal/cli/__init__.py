"""The command line: one module a subcommand, each importing only what it runs."""

import typer

from auditseal.cli import emit, local

app = typer.Typer(
    name="auditseal",
    help="Audit events on Kafka, sealed into signed Merkle blocks in WORM storage that anyone can verify.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(emit.app)
app.add_typer(local.app, name="local")
