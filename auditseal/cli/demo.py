"""`auditseal demo`: the whole pipeline on this machine, then a tampering that it detects."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from auditseal.cli.exits import exit_on_errors
from auditseal.cli.status_line import status_line
from auditseal.demo.folder import DemoFolder
from auditseal.demo.run import Demo, Heads, make_store
from auditseal.demo.tamper import Tampering
from auditseal_local.errors import LocalStackError
from auditseal_schemas.exit_codes import ExitCode

app = typer.Typer()


class VaultKind(StrEnum):
    """Where the demo's blocks go."""

    DIRECTORY = "directory"
    MINIO = "minio"


@app.command()
def demo(
    directory: Annotated[Path, typer.Option("--dir", help="The folder for everything.")] = Path("demo"),
    events: Annotated[int, typer.Option("--events", min=100, max=2_000_000, help="Events to record.")] = 20_000,
    vault: Annotated[VaultKind, typer.Option("--vault", help="A directory, or a real MinIO.")] = VaultKind.DIRECTORY,
    keep_running: Annotated[bool, typer.Option("--keep-running", help="Keep it running until Ctrl-C.")] = False,  # noqa: FBT002
) -> None:
    """Run the whole pipeline here, tamper with a copy, detect it.

    Example: auditseal demo --dir demo --events 20000

    Exit codes: 0 everything worked, 1 something failed, 2 usage or a missing extra, 130 interrupted.
    """
    folder, console, began = DemoFolder(directory.absolute()), Console(highlight=False), time.monotonic()

    def tell(line: str) -> None:
        console.print(Text(f"{time.monotonic() - began:5.1f} s  {line}"), soft_wrap=True)

    try:
        with exit_on_errors(_say, LocalStackError), folder.locked(), status_line() as progress:
            run = Demo(folder, make_store(vault, folder, progress), events, tell, progress)
            _play(run, console, began, keep_running=keep_running)
    except KeyboardInterrupt as interrupt:
        _say("interrupted; everything it started is stopped")
        raise typer.Exit(ExitCode.INTERRUPTED) from interrupt


def _play(run: Demo, console: Console, began: float, *, keep_running: bool) -> None:
    with run.pipeline() as heads:
        _check_untouched(run)
        tampering = _check_tampered(run)
        run.tell(run.store.attack(run.origins[0]))
        run.keep_vault()
        _summarise(run, heads, tampering, console, time.monotonic() - began)
        if keep_running:
            run.tell("everything keeps running until Ctrl-C")
            while True:
                time.sleep(1)


def _check_untouched(run: Demo) -> None:
    run.tell("verifying the vault from storage and the trust file alone:")
    if run.verify(run.store.url) != 0:
        raise LocalStackError("the verification of the unchanged vault failed")


def _check_tampered(run: Demo) -> Tampering:
    done = run.copy_and_tamper()
    run.tell(
        f"in a copy, an administrator changes the actor: the event at offset {done.offset} in block {done.height} "
        f"of {done.origin} now names {done.after} for {done.before}; verifying the copy:"
    )
    run.verify_copy(done)
    run.tell("the tampering was detected: block, record and field are the right ones")
    return done


def _summarise(run: Demo, heads: Heads, tampering: Tampering, console: Console, seconds: float) -> None:
    folder = run.folder
    lines = [
        "",
        f"{heads.events:,} events in {heads.blocks} signed blocks, {seconds:.0f} s. Heads:",
        *(f"  {line}" for line in heads.lines),
        "",
        f"  {run.store.url}  the vault",
        f"  {folder.trust}  the trust file",
        f"  {folder.events}  the events that the services recorded",
        f"  {folder.copy}  the copy with one changed byte",
        f"  {folder.logs}  logs",
        "",
        run.store.caveat,
        "",
        "Try next:",
        *(f"  {line}" for line in run.next_commands(tampering)),
    ]
    console.print(Text("\n".join(lines)), soft_wrap=True)


def _say(line: str) -> None:
    typer.echo(f"auditseal demo: {line}", err=True)
