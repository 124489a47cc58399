"""The Compose file, loaded as Docker Compose loads it. Its settings, commands and paths are those of the product."""

import json
import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from auditseal_local.kafka import KafkaNode, KafkaSettings
from tests.factory.programs import go_program
from tests.factory.prometheus import promtool
from tests.factory.rights import BUCKET

pytestmark = pytest.mark.timeout(900)  # the build, on a machine that does much else

DEPLOY = Path(__file__).parents[2] / "deploy"
AUDITSEAL = [sys.executable, "-m", "auditseal"]
IMAGES = ("AUDITSEAL_IMAGE", "KAFKA_IMAGE", "MINIO_IMAGE", "PROMETHEUS_IMAGE", "GRAFANA_IMAGE")
OURS = {"sealer", "archiver", "watch", "index", "streams", "explorer", "gateway", "topics", "tool"}
FIRST = {"watch": ["--state-new"]}
"""What a daemon needs while the file of its state is not there: the page makes it before."""
DAEMONS = ("sealer", "archiver", "watch", "gateway")
FOLLOWERS = ("index", "streams")
"""Daemons that have options and no file of settings."""
OF_THIS_BROKER = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}
Load = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `deploy` in which `setup.sh` ran; return the folder of the Compose file."""
    copy = tmp_path_factory.mktemp("compose") / "deploy"
    for name in ("compose", "monitoring", "rights"):
        copytree(DEPLOY / name, copy / name)
    set_up(copy / "compose")
    return copy / "compose"


def set_up(folder: Path) -> None:
    environment = {**os.environ, "AUDITSEAL": " ".join(AUDITSEAL)}
    subprocess.run([folder / "setup.sh"], env=environment, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def load(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Load:
    program = go_program(Path(__file__).parents[1] / "factory" / "compose_load", tmp_path_factory.mktemp("loader"))

    def run(*files: str, **variables: str) -> subprocess.CompletedProcess[str]:
        given = {name: f"registry.example.com/{name.lower()}@sha256:{'0' * 64}" for name in IMAGES}
        environment = given | {"AUDITSEAL_USER": "1000:1000"} | variables
        command = [program, *(files or ["compose.yaml"])]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def project(load: Load) -> dict[str, Any]:
    done = load()
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def test_it_has_all_parts(project: dict[str, Any]) -> None:
    assert project["services"].keys() == OURS | {"kafka", "minio", "bucket", "prometheus", "grafana"}


@pytest.mark.parametrize("name", [*IMAGES, "AUDITSEAL_USER"])
def test_what_must_be_named_has_no_default(load: Load, name: str) -> None:
    done = load(**{name: ""})
    assert done.returncode != 0
    assert name in done.stderr


def test_a_misspelled_key_is_refused(folder: Path, load: Load) -> None:
    spoilt = (folder / "compose.yaml").read_text().replace("read_only:", "readonly:", 1)
    (folder / "spoilt.yaml").write_text(spoilt)
    done = load("spoilt.yaml")
    assert done.returncode != 0
    assert "readonly" in done.stderr


def test_the_first_start_changes_the_sealers_command_alone(project: dict[str, Any], load: Load) -> None:
    first = json.loads(load("compose.yaml", "first-start.yaml").stdout)
    assert first["services"]["sealer"]["command"] == [*project["services"]["sealer"]["command"], "--genesis"]
    first["services"]["sealer"]["command"].pop()
    assert first == project


def test_no_part_may_do_what_it_does_not_need(project: dict[str, Any]) -> None:
    for name, service in project["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        if name != "kafka":  # its image has a user of its own, and writes its configuration
            assert (service["user"], service["read_only"]) == ("1000:1000", True), name
        for port in service.get("ports", ()):
            assert port["host_ip"] == "127.0.0.1", name
        assert not any("PASSWORD" in key and not key.endswith("_FILE") for key in service.get("environment") or {}), (
            name
        )
        if service["restart"] == "unless-stopped":
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_each_part_waits_until_what_it_needs_is_ready(project: dict[str, Any]) -> None:
    conditions = {
        (name, needed): how["condition"]
        for name, service in project["services"].items()
        for needed, how in (service.get("depends_on") or {}).items()
    }
    assert len(conditions) >= 13
    for (_, needed), condition in conditions.items():
        is_once = needed in {"topics", "bucket"}
        assert condition == ("service_completed_successfully" if is_once else "service_healthy")
    assert {needed for name, needed in conditions if name in DAEMONS} == {"topics", "bucket"}


def test_setup_makes_secrets_that_only_their_owner_reads_and_keeps_them(folder: Path) -> None:
    def secrets() -> dict[str, tuple[bytes, int]]:
        return {
            path.name: (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
            for path in [*(folder / "secrets").iterdir(), folder / "trust.txt", folder / "clients.toml"]
        }

    before = secrets()
    assert {mode for _, mode in before.values()} == {0o600}
    assert all(content for content, _ in before.values())
    assert before["trust.txt"][0].count(b"log audit.example.com/audit.events/") == 3
    set_up(folder)
    assert secrets() == before


def mounted(project: dict[str, Any], service: dict[str, Any]) -> dict[str, str]:
    """Return the source of each file and folder that a container has, by its path there."""
    found = {each["target"]: each["source"] for each in service.get("volumes", ())}
    for kind in ("secrets", "configs"):
        for each in service.get(kind, ()):
            target = each.get("target") or f"/run/secrets/{each['source']}"
            found[target] = project[kind][each["source"]]["file"]
    return found


def test_every_file_that_is_mounted_is_there(project: dict[str, Any]) -> None:
    sources = {source for each in project["services"].values() for source in mounted(project, each).values()}
    assert len(sources) > 20
    assert [source for source in sources if source != "kafka" and not Path(source).exists()] == []


@pytest.mark.parametrize("daemon", DAEMONS)
def test_each_daemon_takes_its_configuration(project: dict[str, Any], daemon: str, tmp_path: Path) -> None:
    """Paths of the container are replaced by those of the files that are mounted there; all else is read as it is."""
    service = project["services"][daemon]
    files = mounted(project, service)
    config = Path(files["/etc/auditseal/auditseal.toml"]).read_text()
    for target in sorted(files, key=len, reverse=True):
        config = config.replace(f'"{target}', f'"{files[target]}')
    here = tmp_path / "auditseal.toml"
    here.write_text(config)
    words = [str(here) if word == "/etc/auditseal/auditseal.toml" else word for word in service["command"]]
    environment = {
        **os.environ,
        **{key: files.get(value, value) for key, value in (service.get("environment") or {}).items()},
    }
    done = subprocess.run(
        [*AUDITSEAL, *words, *FIRST.get(daemon, ()), "--check"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    checked = tomllib.loads(done.stdout)
    assert checked["metrics"] == {"host": "0.0.0.0", "port": 9460}
    own = tomllib.loads(config)[daemon]
    assert {key: checked[daemon][key] for key in own} == own


@pytest.mark.parametrize("name", [*FOLLOWERS, "explorer", "topics"])
def test_the_other_commands_have_these_options(project: dict[str, Any], name: str) -> None:
    words = project["services"][name]["command"]
    done = subprocess.run([*AUDITSEAL, *words, "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    misspelled = [word.replace("--", "--x-") for word in words]
    assert subprocess.run([*AUDITSEAL, *misspelled, "--help"], capture_output=True, check=False).returncode == 2


def test_ports_and_places_are_those_of_the_configuration(project: dict[str, Any], folder: Path) -> None:
    config = tomllib.loads((folder / "auditseal.toml").read_text())
    services = project["services"]
    vault = urlsplit(config["vault"])
    assert vault.netloc == BUCKET, "the policies of deploy/rights name another bucket"
    assert f"store/{vault.netloc}" in (folder / "bucket.sh").read_text()
    assert vault.query == "endpoint=http://minio:9000"
    assert all(config["vault"] in services[name]["command"] for name in FOLLOWERS)
    assert config["kafka"]["bootstrap_servers"] == "kafka:9092"
    assert services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"] == "CLIENT://kafka:9092"
    assert [port["target"] for port in services["gateway"]["ports"]] == [config["gateway"]["port"]]
    for name in (*DAEMONS, *FOLLOWERS):
        assert f":{config['metrics']['port']}/healthz" in services[name]["healthcheck"]["test"][-1]
    for name in FOLLOWERS:
        assert ["--port", str(config["metrics"]["port"])] == services[name]["command"][-2:]


def test_prometheus_takes_its_configuration_and_scrapes_each_daemon(project: dict[str, Any], folder: Path) -> None:
    service = project["services"]["prometheus"]
    inside = folder / "prometheus-inside"
    inside.mkdir()
    for target, source in mounted(project, service).items():
        if target.startswith("/etc/prometheus/"):
            (inside / Path(target).name).write_text(Path(source).read_text())
    command = [promtool(), "check", "config", inside / "prometheus.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    jobs, usual = (
        {
            job["job_name"]: job["static_configs"][0]["targets"]
            for job in yaml.safe_load(path.read_text())["scrape_configs"]
        }
        for path in (inside / "prometheus.yml", DEPLOY / "monitoring" / "prometheus.yml")
    )
    assert jobs == {f"auditseal-{name}": [f"{name}:9460"] for name in (*DAEMONS, *FOLLOWERS)}
    assert jobs.keys() <= usual.keys(), "the rules expect other names"


def test_grafana_finds_the_dashboard_and_its_source(project: dict[str, Any]) -> None:
    files = mounted(project, project["services"]["grafana"])
    (provider,) = yaml.safe_load(Path(files["/etc/grafana/provisioning/dashboards/auditseal.yml"]).read_text())[
        "providers"
    ]
    (source,) = yaml.safe_load(Path(files["/etc/grafana/provisioning/datasources/auditseal.yml"]).read_text())[
        "datasources"
    ]
    dashboards = [Path(path) for at, path in files.items() if at.startswith(f"{provider['options']['path']}/")]
    (variable,) = json.loads(dashboards[0].read_text())["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", source["type"])
    assert urlsplit(source["url"]).hostname in project["services"]


@pytest.mark.kafka
def test_a_broker_takes_its_settings_and_the_topics_are_hardened(
    project: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    given = project["services"]["kafka"]["environment"]
    settings = {name[6:].lower().replace("_", "."): value for name, value in given.items() if name.startswith("KAFKA_")}
    assert settings.keys() > OF_THIS_BROKER
    taken = tuple((name, value) for name, value in settings.items() if name not in OF_THIS_BROKER)
    protocols = "CLIENT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT"
    overrides = (*taken, ("listener.security.protocol.map", protocols))
    node = KafkaNode(tmp_path / "kafka", KafkaSettings(overrides=overrides, cluster_id=given["CLUSTER_ID"]))
    words = project["services"]["topics"]["command"]
    here = [str(folder / "auditseal.toml") if word == "/etc/auditseal/auditseal.toml" else word for word in words]
    with node:
        environment = {**os.environ, "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": node.bootstrap_servers}
        for _ in range(2):  # a second start finds them
            subprocess.run([*AUDITSEAL, *here], env=environment, check=True, capture_output=True, timeout=60)
        check = [*AUDITSEAL, "topics", "check", "--replication", "1", "--hardened"]
        done = subprocess.run(check, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
