"""`auditseal archiver`: the daemon that locks blocks into the vault."""

from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.exits import exit_on_errors
from auditseal.own_events import own_events
from auditseal.settings import format_settings, load_settings
from auditseal.settings_archiver import ArchiverSettings
from auditseal_archiver.archiver import Archiver
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.readiness import CONDITIONS
from auditseal_daemon.listen import check_listening
from auditseal_daemon.process_end import end_process
from auditseal_daemon.run import DaemonContext, run_daemon
from auditseal_vault.drill import drill
from auditseal_vault.open import open_vault

app = typer.Typer()


@app.command()
def archiver(
    config: Annotated[Path | None, typer.Option("--config", help="A TOML file; the environment wins over it.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Validate and print the configuration, and end.")] = False,  # noqa: FBT002
) -> None:
    """Verify blocks and lock them into the vault, until SIGTERM.

    Example: auditseal archiver --config /etc/auditseal.toml
    """
    with exit_on_errors():
        settings = load_settings(ArchiverSettings, config)
        open_vault(settings.vault, settings.config().encryption)
        check_listening(settings.metrics.host, settings.metrics.port)
    if check:
        typer.echo(format_settings(settings))
        return
    end_process(run_archiver(settings))


def run_archiver(settings: ArchiverSettings) -> int:
    """Run the archiver to its end in this process and return the exit code."""

    def body(context: DaemonContext) -> None:
        config, metrics = settings.config(), ArchiverMetrics(context.registry)
        vault = open_vault(settings.vault, config.encryption)
        recording = own_events(settings.record, settings.kafka.client_config, "auditseal-archiver", context.registry)
        with recording as events:
            run_drill = events.drill if events else drill
            Archiver(config, vault, metrics, context.health, run_drill=run_drill).run(context.stop)

    return run_daemon("auditseal.archiver", settings.options(), CONDITIONS, body)
