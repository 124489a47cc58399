"""`auditseal gateway`: the daemon that takes events over HTTP."""

import gc
import sys
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.exits import exit_on_errors
from auditseal.settings import format_settings, load_settings
from auditseal.settings_gateway import GatewaySettings
from auditseal_daemon.listen import check_listening
from auditseal_daemon.process_end import end_process
from auditseal_daemon.run import DaemonContext, run_daemon
from auditseal_gateway.metrics import GatewayMetrics
from auditseal_gateway.server import KAFKA, run_gateway
from auditseal_gateway.tokens import digest_of, make_token

app = typer.Typer()
_OBJECTS = 20_000
_TURN_SECONDS = 0.001


@app.command()
def gateway(
    config: Annotated[Path | None, typer.Option("--config", help="A TOML file; the environment wins over it.")] = None,
    new_token: Annotated[bool, typer.Option("--new-token", help="Make a client's token, and end.")] = False,  # noqa: FBT002
    check: Annotated[bool, typer.Option("--check", help="Validate and print the configuration, and end.")] = False,  # noqa: FBT002
) -> None:
    """Take events over HTTP and publish them, until SIGTERM.

    It serves /metrics. A request is answered after all in-sync replicas have its events. Each event has the source of
    the credential with which the request came.

    With --new-token it prints a new token, and its hash on standard error. The token is for a client, the hash for the
    client's entry in the clients file. The token is kept nowhere.

    Exit codes: 0 stopped; 1 Kafka's client failed, a spool can't be opened, or the port is in use; 2 configuration or
    clients file.

    Example: auditseal gateway --config /etc/auditseal.toml
    """
    if new_token:
        token = make_token()
        typer.echo(token)
        typer.echo(f'token_sha256 = ["{digest_of(token)}"]', err=True)
        return
    with exit_on_errors():
        settings = load_settings(GatewaySettings, config)
        wanted = settings.config()
        for source in wanted.clients.sources:
            wanted.producer(source)
        check_listening(settings.metrics.host, settings.metrics.port)
    if check:
        typer.echo(format_settings(settings))
        return
    end_process(run(settings))


def run(settings: GatewaySettings) -> int:
    """Run the gateway to its end in this process and return the exit code."""

    def body(context: DaemonContext) -> None:
        def show(missing: str | None) -> None:
            if missing is None:
                context.health.hold(KAFKA)
            else:
                context.health.miss(KAFKA, missing)

        _tune()
        run_gateway(settings.config(), GatewayMetrics(context.registry), show, context.stop)

    return run_daemon("auditseal.gateway", settings.options(), [KAFKA], body)


def _tune() -> None:
    """Let this process answer quickly: its garbage collector and its threads, which are this daemon's alone.

    Nothing that is there now is garbage later, so the collector need not look at it again and again. It took a sixth of
    all time, since 700 new objects are those of a few requests. The thread that takes the brokers' acknowledgements
    waits for its turn once for each, for 5 ms by default.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])
    sys.setswitchinterval(_TURN_SECONDS)
