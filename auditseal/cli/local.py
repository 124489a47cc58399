"""`auditseal local`: a real Kafka, and on request a real MinIO, on this machine without containers."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.exits import exit_on_errors
from auditseal.cli.status_line import status_line
from auditseal_local.errors import LocalStackError
from auditseal_local.stack import LocalStack, default_directory

app = typer.Typer(name="local", no_args_is_help=True)

Directory = Annotated[
    Path | None,
    typer.Option("--dir", help="For data, logs and ports. [default: a folder in the user's data directory]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def up(
    directory: Directory = None,
    minio: Annotated[bool, typer.Option("--minio", help="Start a MinIO too, with a bucket under Object Lock.")] = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Start it in the background, and print its environment.

    It listens on free loopback ports, and keeps them.

    Example: eval "$(auditseal local up --minio)"
    """
    with _stack(directory) as stack:
        stack.up_kafka()
        if minio:
            stack.up_minio()
        environment = stack.environment()
    if as_json:
        typer.echo(json.dumps(environment))
    else:
        for name, value in environment.items():
            typer.echo(f"export {name}={shlex.quote(value)}")
    _tell(f"running in {stack.directory}; stop it with: {_down_command(directory)}")


@app.command()
def down(directory: Directory = None, as_json: Json = False) -> None:  # noqa: FBT002
    """Stop the stack. Its data and ports remain for the next start.

    Example: auditseal local down
    """
    with _stack(directory) as stack:
        stopped = stack.down()
    if as_json:
        typer.echo(json.dumps({"stopped": [name.lower() for name in stopped]}))
    _tell(f"stopped {' and '.join(stopped)}" if stopped else f"nothing runs in {stack.directory}")


@app.command()
def status(directory: Directory = None, as_json: Json = False) -> None:  # noqa: FBT002
    """Print what runs, at which addresses, and how much memory it uses.

    Example: auditseal local status
    """
    with _stack(directory) as stack:
        nodes = stack.status()
    if as_json:
        typer.echo(json.dumps({"nodes": [asdict(node) for node in nodes]}))
        return
    for node in nodes:
        state = f"running at {node.address}, {node.resident_mib} MiB" if node.running else "stopped"
        typer.echo(f"{node.name}: {state}; {node.directory}")
    if not nodes:
        typer.echo(f"nothing was ever started in {stack.directory}")


@app.command(context_settings={"ignore_unknown_options": True})
def kafka(
    tool: Annotated[str, typer.Argument(help="The tool's name, as in Kafka's bin directory.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Its arguments; --bootstrap-server is added.")] = None,
    directory: Directory = None,
) -> None:
    """Run one of Kafka's own tools against the running broker.

    Options of this command come before --, and those of the tool after it. The exit code is the tool's.

    Example: auditseal local kafka -- kafka-topics --describe
    """
    with _stack(directory) as stack:
        command, environment = stack.kafka_tool(tool, arguments or [])
    raise typer.Exit(subprocess.run(command, check=False, env=environment).returncode)  # noqa: S603


@contextmanager
def _stack(directory: Path | None) -> Iterator[LocalStack]:
    """Yield the stack of `directory` and show its progress; end the command with one line if it fails."""
    with exit_on_errors(_tell, LocalStackError), status_line() as progress:
        yield LocalStack(directory or default_directory(), progress)


def _down_command(directory: Path | None) -> str:
    return "auditseal local down" + (f" --dir {shlex.quote(str(directory))}" if directory else "")


def _tell(line: str) -> None:
    typer.echo(f"auditseal local: {line}", err=True)
