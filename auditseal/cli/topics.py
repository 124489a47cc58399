"""`auditseal topics`: makes, grows and audits the events and blocks topics."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.exits import exit_on_errors
from auditseal.cli.passphrase import read_passphrase
from auditseal.settings import load_settings
from auditseal.settings_signer import read_public_key
from auditseal.settings_topics import TopicsSection, TopicsSettings
from auditseal.trust_lines import TrustLines
from auditseal_daemon.batch_size import sealer_memory
from auditseal_daemon.blocks_owner import foreign_blocks
from auditseal_daemon.cluster import Cluster
from auditseal_daemon.reachable import check_reachable
from auditseal_daemon.topic_rules import TopicRules
from auditseal_daemon.topics import check_topics, create_topics, grow_topics
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.halt import Halt
from auditseal_schemas.limits import MIB
from auditseal_schemas.origin import Origin
from auditseal_sealer.key_file import load_key

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
Hardened = Annotated[
    bool,
    typer.Option("--hardened", help="Have brokers store events uncompressed, so that no batch of a producer can grow."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def create(  # noqa: PLR0917  (typer passes them by name)
    partitions: Annotated[int, typer.Option("--partitions", min=1, help="Partitions of both topics: one log each.")],
    config: ConfigFile = None,
    replication: Replication = None,
    events_retention: Annotated[int, typer.Option(min=1, help="Days that events are kept.")] = 30,
    blocks_retention: Annotated[int, typer.Option(min=1, help="Days that blocks are kept in Kafka.")] = 30,
    hardened: Hardened = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Make the topics that are missing, then audit both. What exists is never changed.

    Example: auditseal topics create --partitions 6 --replication 3

    Exit codes: 0 fine, 1 Kafka does not answer, 2 usage or configuration, 46 an existing topic is not as it must be.
    """
    with exit_on_errors():
        site = _connect(config, replication)
        site = replace(
            site,
            rules=replace(
                site.rules,
                partitions=partitions,
                events_retention=events_retention,
                blocks_retention=blocks_retention,
                hardened=hardened,
            ),
        )
        _refuse_foreign_blocks(site, {"made": []}, as_json=as_json)
        made = create_topics(site.cluster, site.rules, site.events, site.blocks)
        _report(site, {"made": made}, [f"made {name}" for name in made], as_json=as_json)


@app.command()
def grow(  # noqa: PLR0917  (typer passes them by name)
    partitions: Annotated[int, typer.Option("--partitions", min=1, help="Partitions that both topics get, in all.")],
    config: ConfigFile = None,
    trust_file: Annotated[
        Path | None, typer.Option("--trust-file", help="Gets the new logs' lines. [default: archiver.trust_file]")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", help="The signing key, for these lines. [default: sealer.key_file]")
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option("--passphrase-file", help="Its passphrase. [default: sealer.passphrase_file]")
    ] = None,
    replication: Replication = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Add partitions to both topics, and lines to the trust file.

    The blocks topic grows first. Then the trust file gets the new logs' lines, and the events topic grows last. After
    an interruption, repeat the command: it does the rest.

    Example: auditseal topics grow --partitions 6 --trust-file trust.txt

    Exit codes: 0 fine, 1 Kafka does not answer, 2 usage or configuration, 46 a topic is not as it must be.
    """
    with exit_on_errors():
        site = _connect(config, replication)
        lines = _find_lines(site.settings, partitions, trust_file, key_file, passphrase_file)
        _refuse_foreign_blocks(site, {"grown": [], "log_lines": []}, as_json=as_json)
        grown = grow_topics(site.cluster, site.events, site.blocks, partitions, lines.write)
        done = [f"{name} has {partitions} partitions" for name in grown]
        done += [f"{lines.path} pins {line.split()[1].partition('+')[0]}" for line in lines.lines]
        if grown or lines.lines:
            done.append("next: start the archivers again, then the sealers with --genesis; give auditors the new lines")
        _report(site, {"grown": grown, "log_lines": list(lines.lines)}, done, as_json=as_json)


@app.command()
def check(
    config: ConfigFile = None,
    replication: Replication = None,
    hardened: Hardened = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Audit the settings of both topics; show the sealer's memory.

    Example: auditseal topics check --json

    Exit codes: 0 fine, 1 Kafka does not answer, 2 usage or configuration, 46 a topic is not as it must be.
    """
    with exit_on_errors():
        site = _connect(config, replication)
        site = replace(site, rules=replace(site.rules, hardened=hardened))
        _refuse_foreign_blocks(site, {"made": []}, as_json=as_json)
        memory = _memory(site)
        _report(site, {"made": [], "sealer_memory_mib": memory}, _memory_line(memory), as_json=as_json)


def _memory(site: "_Site") -> int | None:
    """Return the MiB that a sealer of one partition needs, None where there is no events topic."""
    view = site.cluster.topic(site.events)
    return None if view is None else sealer_memory(view.settings) // MIB


def _memory_line(memory: int | None) -> list[str]:
    return [] if memory is None else [f"a sealer of one partition needs at most {memory} MiB, whatever producers send"]


@dataclass(frozen=True, slots=True)
class _Site:
    """The settings, the cluster that they lead to, and the rules for its topics."""

    settings: TopicsSettings
    cluster: Cluster
    rules: TopicRules

    @property
    def events(self) -> str:
        return self.settings.events_topic

    @property
    def blocks(self) -> str:
        return self.settings.blocks_topic


def _connect(config: Path | None, replication: int | None) -> _Site:
    settings = load_settings(TopicsSettings, config)
    client = settings.kafka.client_config()
    check_reachable(client)
    return _Site(settings, Cluster(client, _TIMEOUT), settings.rules(replication))


def _find_lines(
    settings: TopicsSettings, partitions: int, trust_file: Path | None, key_file: Path | None, passphrase: Path | None
) -> TrustLines:
    """Find the log lines that the trust file lacks."""
    trust_file = trust_file or settings.archiver.trust_file
    if settings.named_cluster is None:
        raise ConfigurationError("cluster (AUDITSEAL_CLUSTER): the name in the logs' origins is needed")
    if trust_file is None:
        raise ConfigurationError("no trust file is named that the new logs can be added to: say --trust-file")
    read_keys = find_public_keys(settings.sealer, key_file, passphrase)
    run = settings.sealer.run
    origins = [Origin(settings.cluster, settings.events_topic, partition, run) for partition in range(partitions)]
    return TrustLines.lacking(trust_file, origins, read_keys)


def find_public_keys(
    section: TopicsSection, key_file: Path | None, passphrase: Path | None
) -> Callable[[], list[bytes]] | None:
    """Return a function that reads the keys of the logs, each as type ‖ public key; None where no key is named."""
    if not section.signer:
        key_file, passphrase = key_file or section.key_file, passphrase or section.passphrase_file
    readers = list[Callable[[], bytes]]()
    if key_file:
        readers.append(partial(_read_public_key, key_file, passphrase))
    elif section.signer:
        readers.append(partial(read_public_key, section.signer.public_key))
    if readers and section.second_key_file:
        readers.append(partial(_read_public_key, section.second_key_file, section.second_passphrase_file))
    return (lambda: [read() for read in readers]) if readers else None


def _read_public_key(key_file: Path, passphrase_file: Path | None) -> bytes:
    key = load_key(key_file, read_passphrase(passphrase_file, confirm=False))
    return key.algorithm + key.public


def _refuse_foreign_blocks(site: _Site, nothing: Mapping[str, object], *, as_json: bool) -> None:
    """End the command where the blocks topic has blocks of another events topic."""
    view = site.cluster.topic(site.blocks)
    if view is None:
        return
    client, cluster = site.settings.kafka.client_config(), site.settings.named_cluster
    problems = foreign_blocks(client, site.settings.sealer.group, view, site.events, cluster, _TIMEOUT)
    if problems:
        _end(site, nothing, [], problems, as_json=as_json)


def _report(site: _Site, done: Mapping[str, object], lines: list[str], *, as_json: bool) -> None:
    """Audit the topics, and end with a list of changes and problems."""
    problems = check_topics(site.cluster, site.rules, site.events, site.blocks)
    _end(site, done, lines, problems, as_json=as_json)


def _end(site: _Site, done: Mapping[str, object], lines: list[str], problems: list[str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"ok": not problems, **done, "problems": problems}))
    else:
        for line in lines:
            typer.echo(line)
        for problem in problems:
            typer.echo(problem, err=True)
        if not problems:
            typer.echo(f"{site.events} and {site.blocks} are as they must be")
    if problems:
        raise typer.Exit(Halt.TOPIC_MISCONFIGURED.exit_code)
