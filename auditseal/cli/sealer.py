"""`auditseal sealer`: the daemon that turns events into signed blocks."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import structlog
import typer

from auditseal.cli.exits import exit_on_errors
from auditseal.cli.give_up import check_giving_up
from auditseal.cli.signer import OpenSigners, open_signers
from auditseal.settings import format_settings, load_settings
from auditseal.settings_sealer import SealerSection, SealerSettings
from auditseal_daemon.cluster import Cluster
from auditseal_daemon.listen import check_listening
from auditseal_daemon.process_end import end_process
from auditseal_daemon.run import DaemonContext, run_daemon
from auditseal_schemas.halt import HaltError
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.context import SealerContext
from auditseal_sealer.hooks import Hooks, NoHooks
from auditseal_sealer.key_expiry import KeyExpiry, report_expiries
from auditseal_sealer.log_signers import LogSigners
from auditseal_sealer.metrics import SealerMetrics
from auditseal_sealer.sealer import Sealer
from auditseal_sealer.watchdog import Watchdog
from auditseal_vault.open import open_reader

app = typer.Typer()

SEALING = "sealing"


@app.command()
def sealer(
    config: Annotated[Path | None, typer.Option("--config", help="A TOML file; the environment wins over it.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Validate and print the configuration, and end.")] = False,  # noqa: FBT002
    genesis: Annotated[bool, typer.Option("--genesis", help="Allow logs without any block to begin.")] = False,  # noqa: FBT002
    give_up: Annotated[
        list[str] | None,
        typer.Option(
            "--give-up",
            metavar='"ORIGIN SIZE"',
            help="With --genesis of a run above 0: the log that ends and its number of blocks, as sealer.predecessors"
            " has them; once for each. Without it, a terminal is asked.",
        ),
    ] = None,
) -> None:
    """Seal the events of a topic into signed blocks, until SIGTERM.

    Example: auditseal sealer --config /etc/auditseal.toml
    """
    with exit_on_errors():
        settings = load_settings(SealerSettings, config)
        made = settings.config(genesis_allowed=genesis)
        open_reader(settings.vault)
        check_listening(settings.metrics.host, settings.metrics.port)
        signers = open_signers(settings.sealer)
        if genesis or give_up:
            ask = partial(typer.prompt, err=True) if sys.stdin.isatty() and not check else None
            check_giving_up(made.predecessors if genesis else (), give_up or (), ask)
    if check:
        typer.echo(format_settings(settings))
        return
    end_process(run_sealer(settings, signers, genesis_allowed=genesis))


def run_sealer(
    settings: SealerSettings, opened: OpenSigners, *, genesis_allowed: bool, hooks: Hooks | None = None
) -> int:
    """Run the sealer to its end in this process and return the exit code; `hooks` are for fault campaigns."""

    def body(daemon: DaemonContext) -> None:
        def show(missing: str | None) -> None:
            if missing is None:
                daemon.health.hold(SEALING)
            else:
                daemon.health.miss(SEALING, missing)

        opened.metrics.register(daemon.registry)
        config, metrics = settings.config(genesis_allowed=genesis_allowed), SealerMetrics(daemon.registry)
        context = make_context(settings, config, opened.signers, metrics, hooks or NoHooks())
        report_expiries(_expiries(settings.sealer, context), context.metrics.key_expiry, datetime.now(UTC))
        Sealer(context, show).run(daemon.stop)

    return run_daemon("auditseal.sealer", settings.options(), [SEALING], body)


def _expiries(section: SealerSection, context: SealerContext) -> Iterator[KeyExpiry]:
    """Yield the days by which the keys that sign now are to be changed."""
    signers = ((context.signers.first, section.key_expires), (context.signers.second, section.second_key_expires))
    yield from (KeyExpiry.of(signer, day) for signer, day in signers if signer and day)


def make_context(
    settings: SealerSettings, config: SealerConfig, signers: LogSigners, metrics: SealerMetrics, hooks: Hooks
) -> SealerContext:
    """Return what all parts of a sealer share.

    Raises:
        ConfigurationError: The vault's URL is wrong.
    """
    return SealerContext(
        config,
        signers=signers,
        vault=open_reader(settings.vault),
        cluster=Cluster(config.client, config.timeouts.question),
        metrics=metrics,
        watchdog=Watchdog(config.timeouts.stuck, _end_hard),
        hooks=hooks,
        retired=settings.sealer.retired_public_keys(),
    )


def _end_hard(error: HaltError) -> None:
    """End the process without waiting for the call that hangs."""
    log = structlog.get_logger("auditseal.sealer")
    log.critical("halted", reason=error.halt.name, problem=str(error), runbook=error.halt.runbook)
    os._exit(error.halt.exit_code)
