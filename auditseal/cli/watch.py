"""`auditseal watch`: the daemon that verifies a vault continuously."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.exits import exit_on_errors
from auditseal.own_events import own_events
from auditseal.settings import format_settings, load_settings
from auditseal.settings_watch import WatchSettings
from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.state.state_file import begin_heads, read_heads
from auditseal_daemon.listen import check_listening
from auditseal_daemon.process_end import end_process
from auditseal_daemon.run import DaemonContext, run_daemon
from auditseal_vault.open import open_reader
from auditseal_watch.metrics import WatchMetrics
from auditseal_watch.results import CheckResult
from auditseal_watch.watcher import VERIFIED, Watcher

app = typer.Typer()


@app.command()
def watch(
    config: Annotated[Path | None, typer.Option("--config", help="A TOML file; the environment wins over it.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Validate and print the configuration, and end.")] = False,  # noqa: FBT002
    state_new: Annotated[bool, typer.Option("--state-new", help="Begin the state file: the first start.")] = False,  # noqa: FBT002
) -> None:
    """Verify a vault continuously, until SIGTERM; serves /metrics.

    It verifies new blocks within seconds, and all blocks again within some days.

    It remembers heads in a state file that `auditseal verify --state` takes. A finding does not end it: the log, the
    metrics and /readyz show the verdict, and it continues.

    Exit codes: 0 stopped; 1 a process that checks blocks died, or the state file can't be read; 2 configuration, trust
    file or state file.

    Example: auditseal watch --config /etc/auditseal.toml
    """
    with exit_on_errors():
        settings = load_settings(WatchSettings, config)
        wanted = settings.config()
        open_reader(wanted.vault)
        (begin_heads if state_new else read_heads)(wanted.state_file)
        check_listening(settings.metrics.host, settings.metrics.port)
    if check:
        typer.echo(format_settings(settings))
        return
    end_process(run_watcher(settings, is_first=state_new))


def run_watcher(settings: WatchSettings, *, is_first: bool) -> int:
    """Run the watcher to its end in this process and return the exit code."""

    def body(context: DaemonContext) -> None:
        config, metrics = settings.config(), WatchMetrics(context.registry)
        recording = own_events(settings.record, settings.kafka_client, "auditseal-watch", context.registry)
        with CheckPool(partial(open_reader, config.vault), settings.watch.jobs) as pool, recording as events:

            def record(result: CheckResult) -> None:
                if events:
                    events.record_check(result, config.vault)

            Watcher(config, pool, metrics, context.health, is_first=is_first, on_result=record).run(context.stop)

    return run_daemon("auditseal.watch", settings.options(), [VERIFIED], body)
