"""`auditseal demo`: the whole pipeline on this machine, then a tampering that it detects."""

import time
import webbrowser
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from auditseal.cli.exits import exit_on_errors
from auditseal.cli.status_line import status_line
from auditseal.demo.folder import DemoFolder
from auditseal.demo.live import LiveDemo
from auditseal.demo.panel import make_panel
from auditseal.demo.run import Demo, Heads, Running, make_store
from auditseal.demo.tamper import Tampering
from auditseal_explorer.server import address_of, hosts_of, listen, serve
from auditseal_local.errors import LocalStackError
from auditseal_local.ports import LOOPBACK
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
    explore: Annotated[bool, typer.Option("--explore", help="Go on publishing, and open it in a browser.")] = False,  # noqa: FBT002
) -> None:
    """Run the whole pipeline here, tamper with a copy, detect it.

    With --explore the services go on publishing until Ctrl-C. A page in the browser leads to the events as they arrive,
    and has a button that tampers with a copy.

    Example: auditseal demo --dir demo --events 20000

    Exit codes: 0 everything worked, 1 something failed, 2 usage or a missing extra, 130 interrupted.
    """
    folder, console, began = DemoFolder(directory.absolute()), Console(highlight=False), time.monotonic()

    def tell(line: str) -> None:
        console.print(Text(f"{time.monotonic() - began:5.1f} s  {line}"), soft_wrap=True)

    try:
        with exit_on_errors(_say, LocalStackError), folder.locked(), status_line() as progress:
            run = Demo(folder, make_store(vault, folder, progress), events, tell, progress)
            _play(run, console, began, _explore if explore else _keep_running if keep_running else _end)
    except KeyboardInterrupt as interrupt:
        _say("interrupted; everything it started is stopped")
        raise typer.Exit(ExitCode.INTERRUPTED) from interrupt


def _play(run: Demo, console: Console, began: float, then: Callable[[Demo, Running], None]) -> None:
    with run.pipeline() as running:
        _check_untouched(run)
        tampering = _check_tampered(run)
        run.tell(run.store.attack(run.origins[0]))
        run.keep_vault()
        _summarise(run, running.heads, tampering, console, time.monotonic() - began)
        then(run, running)


def _end(_run: Demo, _running: Running) -> None:
    """Let the pipeline end."""


def _keep_running(run: Demo, _running: Running) -> None:
    run.tell("everything keeps running until Ctrl-C")
    while True:
        time.sleep(1)


def _explore(run: Demo, running: Running) -> None:
    live = LiveDemo(run, running)
    explorer = live.start()
    with listen(LOOPBACK, 0) as listening:
        address = address_of(listening)

        def announce() -> None:
            run.tell(f"{address} shows the demo, and {explorer} its vault; everything keeps running until Ctrl-C")
            webbrowser.open(address)

        serve(make_panel(live, explorer, hosts_of(listening)), listening, None, announce)
        raise KeyboardInterrupt  # the server returns on Ctrl-C: the demo ends as it does everywhere else


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
        "",
        "See it in a browser:",
        f"  {run.explore_command()}",
    ]
    console.print(Text("\n".join(lines)), soft_wrap=True)


def _say(line: str) -> None:
    typer.echo(f"auditseal demo: {line}", err=True)
