"""`auditseal topics`: makes and checks the events and blocks topics."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.exits import exit_on_errors
from auditseal.settings import load_settings
from auditseal.settings_topics import TopicsSettings
from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicRules
from auditseal_daemon.topics import check_topics, create_topics
from auditseal_schemas.halt import Halt

app = typer.Typer(name="topics", no_args_is_help=True)

_TIMEOUT = 20.0  # s

ConfigFile = Annotated[Path | None, typer.Option("--config", help="The daemons' TOML file; the environment wins.")]
Replication = Annotated[
    int | None,
    typer.Option(
        "--replication",
        min=1,
        help="Replicas of each partition; 1 for one broker. [default: the sealer's setting, 3]",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def create(
    partitions: Annotated[int, typer.Option("--partitions", min=1, help="Partitions of both topics: one log each.")],
    config: ConfigFile = None,
    replication: Replication = None,
    events_retention: Annotated[int, typer.Option(min=1, help="Days for which events are kept.")] = 30,
    blocks_retention: Annotated[int, typer.Option(min=1, help="Days for which blocks are kept in Kafka.")] = 30,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Make the topics that are missing, then check both. An existing topic is never changed.

    Example: auditseal topics create --partitions 6 --replication 3

    Exit codes: 0 both are right, 1 Kafka is unreachable or refuses, 2 usage or configuration, 46 an existing topic is
    not as it must be.
    """
    with exit_on_errors():
        settings, cluster = _connect(config)
        rules = replace(
            settings.rules(replication),
            partitions=partitions,
            events_retention=events_retention,
            blocks_retention=blocks_retention,
        )
        made = create_topics(cluster, rules, settings.events_topic, settings.blocks_topic)
        _report(settings, cluster, rules, made, as_json=as_json)


@app.command()
def check(config: ConfigFile = None, replication: Replication = None, as_json: Json = False) -> None:  # noqa: FBT002
    """Check the settings of both topics.

    Example: auditseal topics check --json

    Exit codes: 0 both are right, 1 Kafka is unreachable or refuses, 2 usage or configuration, 46 a topic is not as it
    must be.
    """
    with exit_on_errors():
        settings, cluster = _connect(config)
        _report(settings, cluster, settings.rules(replication), [], as_json=as_json)


def _connect(config: Path | None) -> tuple[TopicsSettings, Cluster]:
    settings = load_settings(TopicsSettings, config)
    return settings, Cluster(settings.kafka.client_config(), _TIMEOUT)


def _report(settings: TopicsSettings, cluster: Cluster, rules: TopicRules, made: list[str], *, as_json: bool) -> None:
    """Check and print."""
    problems = check_topics(cluster, rules, settings.events_topic, settings.blocks_topic)
    if as_json:
        typer.echo(json.dumps({"ok": not problems, "made": made, "problems": problems}))
    else:
        for name in made:
            typer.echo(f"made {name}")
        for problem in problems:
            typer.echo(problem, err=True)
        if not problems:
            typer.echo(f"{settings.events_topic} and {settings.blocks_topic} are as they must be")
    if problems:
        raise typer.Exit(Halt.TOPIC_MISCONFIGURED.exit_code)
