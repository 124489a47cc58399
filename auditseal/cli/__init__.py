"""The command line: one module a subcommand, each importing only what it runs."""

import typer

from auditseal.cli import archiver, demo, drill, emit, keys, local, sealer, show, topics, verify

app = typer.Typer(
    name="auditseal",
    help="Audit events on Kafka, sealed into signed Merkle blocks in WORM storage that anyone can verify.",
    no_args_is_help=True,
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
