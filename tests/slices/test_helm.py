"""The Helm chart: linted, rendered, held to the schemas of three versions of Kubernetes, to the daemons and to rights.

Nothing here needs a cluster. The first run builds Helm and kube-score from source, which takes some minutes.
"""

import json
import subprocess
import tomllib
from base64 import b64encode
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal.settings import load_settings
from auditseal.settings_archiver import ArchiverSettings
from auditseal.settings_gateway import GatewaySettings
from auditseal.settings_sealer import SealerSettings
from auditseal.settings_signer import SignerSection
from auditseal.settings_watch import WatchSettings
from auditseal_daemon.topic_rules import TopicKind, TopicRules
from auditseal_local.progress import silent
from tests.factory.archiver_settings import log_line
from tests.factory.gateway import clients_file
from tests.factory.helm import CHART, KUBE_SCORE, VALUES, helm, objects, rendered
from tests.factory.keys import SIGNER
from tests.factory.rights import acl_bindings, acl_lines
from tests.factory.vaults import ORIGINS
from tests.monitoring.cases import WATCH, Case, running
from tests.monitoring.rule_tests import run_cases

pytestmark = pytest.mark.timeout(1800)  # the builds, on a machine that does much else

VERSIONS = ("1.32", "1.33", "1.34")
PUBLIC = b64encode(b"\x01" + SIGNER.public).decode()
OURS = {"KafkaTopic", "KafkaUser", "PrometheusRule", "ServiceMonitor"}
"""Kinds of operators, whose schemas Kubernetes does not have."""
DAEMONS = ("sealer", "archiver", "watch", "gateway", "index", "streams")
PARTS = (*DAEMONS, "explorer")


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("helm") / "values.yaml"
    path.write_text(yaml.safe_dump(VALUES))
    return path


@pytest.fixture(scope="module")
def text(values: Path) -> str:
    return rendered(values, VERSIONS[-1])


def of_kind(text: str, kind: str) -> dict[str, dict[str, Any]]:
    """Return the objects of a kind by their names."""
    return {each["metadata"]["name"]: each for each in objects(text) if each["kind"] == kind}


def test_lint_finds_nothing(values: Path) -> None:
    done = helm("lint", "--strict", str(CHART), "--values", str(values))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_fits_the_strict_schemas(values: Path, version: str) -> None:
    found = objects(rendered(values, version))
    assert {"ConfigMap", "NetworkPolicy", "PodDisruptionBudget", "Service", "StatefulSet"} < {o["kind"] for o in found}
    for each in found:
        if each["kind"] not in OURS:
            kubernetes_validate.validate(each, version, strict=True)


def test_the_schemas_refuse_a_misspelled_key(text: str) -> None:
    spoilt = deepcopy(of_kind(text, "StatefulSet")["audit-sealer"])
    spoilt["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(spoilt, VERSIONS[-1], strict=True)


def test_kube_score_finds_nothing_critical(text: str, tmp_path: Path) -> None:
    path = tmp_path / "objects.yaml"
    path.write_text(text)
    (binary,) = KUBE_SCORE.binaries(silent)
    command = [binary, "score", "--output-format", "json", str(path)]
    scored = json.loads(subprocess.run(command, capture_output=True, check=False, timeout=120).stdout)
    grades = [check["grade"] for each in scored for check in each["checks"] if not check["skipped"]]
    assert len(grades) > 50
    assert min(grades) == 10, "kube-score has a remark"  # 1 is critical, 5 a warning, 10 in order


@pytest.mark.parametrize("part", PARTS)
def test_a_pod_may_do_nothing_that_it_does_not_need(text: str, part: str) -> None:
    spec = of_kind(text, "StatefulSet")[f"audit-{part}"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["enableServiceLinks"] is False  # docs/reference/configuration.md: its variables would be refused
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    probes = [container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")]
    if part == "explorer":  # its pages need a login
        assert [probe.get("tcpSocket") for probe in probes] == [{"port": "https"}, None, {"port": "https"}]
    else:
        assert [probe["httpGet"]["path"] for probe in probes] == ["/healthz", "/healthz", "/readyz"]
    assert {volume["secret"]["defaultMode"] for volume in spec["volumes"] if "secret" in volume} == {0o440}
    writable = {mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"scratch"} | ({"state"} if part in {"watch", "gateway", "streams"} else set())
    assert {f"audit-{part}"} <= of_kind(text, "PodDisruptionBudget").keys() & of_kind(text, "NetworkPolicy").keys()


@pytest.mark.parametrize("part", PARTS)
def test_each_command_has_these_options(text: str, part: str) -> None:
    words = container_of(text, part)["args"]
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0, done.output
    misspelled = [word.replace("--", "--x-") for word in words]
    assert CliRunner().invoke(app, [*misspelled, "--help"]).exit_code == 2


def container_of(text: str, part: str) -> dict[str, Any]:
    (container,) = of_kind(text, "StatefulSet")[f"audit-{part}"]["spec"]["template"]["spec"]["containers"]
    return container


def test_each_part_has_its_own_credentials_and_role_or_those_of_all(text: str) -> None:
    stores = {}
    for name, each in of_kind(text, "StatefulSet").items():
        volumes = {volume["name"]: volume for volume in each["spec"]["template"]["spec"]["volumes"]}
        stores[name] = volumes["store"]["secret"]["secretName"] if "store" in volumes else None
    roles = {n: a["metadata"]["annotations"]["example.com/role"] for n, a in of_kind(text, "ServiceAccount").items()}
    shared = {f"audit-{part}" for part in PARTS} - {"audit-archiver"}
    assert stores == dict.fromkeys(shared, "audit-store") | {"audit-archiver": "audit-writer", "audit-gateway": None}
    assert roles == dict.fromkeys(shared, "reader") | {"audit-archiver": "writer"}


def test_without_the_optional_parts_there_is_nothing_of_them(tmp_path: Path) -> None:
    values = deepcopy(VALUES)
    for part in set(PARTS) - {"sealer", "archiver"}:
        values[part] = {**values.get(part, {}), "enabled": False}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    text = rendered(tmp_path / "values.yaml", VERSIONS[-1])
    assert of_kind(text, "StatefulSet").keys() == {"audit-sealer", "audit-archiver"}
    assert of_kind(text, "Ingress") == {}
    assert "gateway" not in tomllib.loads(of_kind(text, "ConfigMap")["audit-config"]["data"]["auditseal.toml"])


def test_clients_reach_gateway_and_explorer_over_tls_alone(text: str) -> None:
    policies, services = of_kind(text, "NetworkPolicy"), of_kind(text, "Service")
    for part, host in (("gateway", "audit.example.com"), ("explorer", "look.example.com")):
        ports = {port["name"]: port["containerPort"] for port in container_of(text, part)["ports"]}
        service = services[f"audit-{part}-https"]["spec"]
        assert (service["ports"], "https" in ports) == ([{"name": "https", "port": 443, "targetPort": "https"}], True)
        assert service["selector"]["app.kubernetes.io/component"] == part
        ingress = of_kind(text, "Ingress")[f"audit-{part}"]["spec"]
        assert ingress["tls"] == [{"hosts": [host], "secretName": "audit-ingress-tls"}]
        (path,) = ingress["rules"][0]["http"]["paths"]
        assert path["backend"]["service"] == {"name": f"audit-{part}-https", "port": {"name": "https"}}
    rules = {part: policies[f"audit-{part}"]["spec"]["ingress"] for part in PARTS}
    open_to = {
        part: [rule.get("from") for rule in rules[part] if rule["ports"][0]["port"] == "https"] for part in PARTS
    }
    assert {part: found for part, found in open_to.items() if found} == {
        "gateway": [[{"namespaceSelector": {}}]],
        "explorer": [None],
    }


def test_the_daemons_take_the_configuration(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The paths in the pods are replaced by files here; all else of the configuration is read as it is."""
    for name in ("sealer.pem", "passphrase", "ca.crt", "password", "tls.crt", "tls.key"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o600)
    clients_file(tmp_path / "clients.toml")
    trust = tmp_path / "trust.txt"
    trust.write_text(log_line(ORIGINS[0]).replace(ORIGINS[0].cluster, VALUES["cluster"]))
    config = of_kind(text, "ConfigMap")["audit-config"]["data"]["auditseal.toml"]
    for line in config.splitlines():
        if '= "/etc/auditseal/' in line:
            path = line.split('"')[1]
            config = config.replace(f'"{path}"', f'"{tmp_path / Path(path).name}"')
    config = config.replace('"/var/lib/auditseal"', f'"{tmp_path}"')
    (tmp_path / "auditseal.toml").write_text(config)
    monkeypatch.setenv("AUDITSEAL_KAFKA__SASL_USERNAME", "sealer")
    monkeypatch.setenv("AUDITSEAL_KAFKA__SASL_PASSWORD_FILE", str(tmp_path / "password"))
    sealer = load_settings(SealerSettings, tmp_path / "auditseal.toml")
    archiver = load_settings(ArchiverSettings, tmp_path / "auditseal.toml")
    watch = load_settings(WatchSettings, tmp_path / "auditseal.toml")
    assert (sealer.sealer.block_age, sealer.kafka.security_protocol) == (2, "SASL_SSL")
    assert (archiver.archiver.retention_days, archiver.archiver.encryption) == (2555, "SSE-KMS")
    gateway = load_settings(GatewaySettings, tmp_path / "auditseal.toml").config()
    assert sealer.sealer.second_key_file == sealer.sealer.next_second_key_file == tmp_path / "sealer.pem"
    assert (watch.vault, watch.record, archiver.record) == (VALUES["vault"], watch.record, watch.record)
    assert watch.record
    assert watch.record.topic == "audit.auditseal"
    assert watch.record.environment == "production"
    assert gateway.oidc
    assert (gateway.oidc.issuer, gateway.spool_dir) == ("https://id.example.com", tmp_path)
    assert gateway.tls
    assert gateway.tls.client_ca
    assert tomllib.loads(config)["metrics"] == {"host": "::", "port": 9460}


@pytest.mark.parametrize(
    ("uri", "secret"),
    [
        ("openbao://transit/sealer?address=https://bao.example.com:8200&version=1", "audit-token"),
        ("awskms:///arn:aws:kms:eu-north-1:123456789012:key/1234abcd", ""),
    ],
)
def test_a_signer_takes_the_place_of_the_key(tmp_path: Path, uri: str, secret: str) -> None:
    values = deepcopy(VALUES)
    values["sealer"] |= {"keySecret": secret, "signer": {"uri": uri, "publicKey": PUBLIC}}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    text = rendered(tmp_path / "values.yaml", VERSIONS[-1])
    for each in objects(text):
        if each["kind"] not in OURS:
            kubernetes_validate.validate(each, VERSIONS[-1], strict=True)
    config = tomllib.loads(of_kind(text, "ConfigMap")["audit-config"]["data"]["auditseal.toml"])["sealer"]
    token = {"secret_file": "/etc/auditseal/key/secret"} if secret else {}
    assert config["signer"] == {"uri": uri, "public_key": PUBLIC, **token}
    SignerSection(**config["signer"] | {"secret_file": None})
    assert "key_file" not in config
    assert "second_key_file" in config
    spec = of_kind(text, "StatefulSet")["audit-sealer"]["spec"]["template"]["spec"]
    assert [v["secret"]["secretName"] for v in spec["volumes"] if v["name"] == "key"] == ([secret] if secret else [])
    ports = {
        name: [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]
        for name, policy in of_kind(text, "NetworkPolicy").items()
    }
    assert [name for name, found in ports.items() if 8200 in found] == ["audit-sealer"]


def test_the_topics_are_those_that_topics_create_makes(text: str) -> None:
    topics = of_kind(text, "KafkaTopic")
    rules = TopicRules(3, replication=3)
    for kind, name in ((TopicKind.EVENTS, "audit.events"), (TopicKind.BLOCKS, "audit.blocks")):
        spec = topics[name]["spec"]
        assert (spec["partitions"], spec["replicas"]) == (3, 3)
        assert spec["config"] == rules.settings(kind)


def test_the_users_have_the_rights_that_are_tested_on_a_real_broker(text: str) -> None:
    of_all: dict[str, set[tuple[Any, ...]]] = {}
    for line in acl_lines():
        for binding in acl_bindings(line):
            principal, *rest = identity_of(binding)
            of_all.setdefault(principal.removeprefix("User:"), set()).add(tuple(rest))
    expected = {name: of_all[name] for name in ("producer", "sealer", "archiver", "watcher")}
    expected |= {"gateway": of_all["producer"], "explorer": of_all["watcher"]}  # it records looks
    found = {name: {identity_of(b)[1:] for b in bindings(user)} for name, user in of_kind(text, "KafkaUser").items()}
    assert found == expected


def identity_of(binding: AclBinding) -> tuple[Any, ...]:
    kind, pattern, operation = binding.restype.name, binding.resource_pattern_type.name, binding.operation.name
    return binding.principal, kind, binding.name, pattern, operation


def bindings(user: dict[str, Any]) -> Iterator[AclBinding]:
    kinds = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactionalId": ResourceType.TRANSACTIONAL_ID}
    for rule in user["spec"]["authorization"]["acls"]:
        resource = rule["resource"]
        is_prefix = resource.get("patternType") == "prefix"
        pattern = ResourcePatternType.PREFIXED if is_prefix else ResourcePatternType.LITERAL
        for name in rule["operations"]:
            operation = AclOperation["DESCRIBE_CONFIGS" if name == "DescribeConfigs" else name.upper()]
            principal = f"User:{user['metadata']['name']}"
            yield AclBinding(
                kinds[resource["type"]], resource["name"], pattern, principal, "*", operation, AclPermissionType.ALLOW
            )


def test_the_rules_and_the_jobs_are_those_of_the_monitoring_folder(text: str) -> None:
    of_folder = yaml.safe_load((CHART.parents[1] / "monitoring" / "auditseal.rules.yml").read_text())
    of_chart = of_kind(text, "PrometheusRule")["audit-rules"]["spec"]
    assert take_missing(of_folder) == expects("sealer", "archiver", "watch")
    assert take_missing(of_chart) == expects(*DAEMONS)
    assert of_chart == of_folder
    monitors = of_kind(text, "ServiceMonitor").values()
    jobs = {each["spec"]["endpoints"][0]["relabelings"][0]["replacement"] for each in monitors}
    assert jobs == {f"auditseal-{daemon}" for daemon in DAEMONS}


def take_missing(rules: dict[str, Any]) -> set[str]:
    """Take the expression of AuditsealMissing out of some rules, and return its parts."""
    (rule,) = (rule for group in rules["groups"] for rule in group["rules"] if rule.get("alert") == "AuditsealMissing")
    return {part.strip() for part in rule.pop("expr").split("\nor ")}


def expects(*daemons: str) -> set[str]:
    return {f'absent(auditseal_build_info{{component="auditseal.{daemon}"}})' for daemon in daemons}


@pytest.mark.parametrize(("disabled", "fires"), [((), True), (("watch",), False)], ids=["expected", "disabled"])
def test_without_a_watcher_an_alert_fires_only_where_the_chart_has_one(
    tmp_path: Path, disabled: tuple[str, ...], fires: bool
) -> None:
    values = deepcopy(VALUES)
    for part in disabled:
        values[part] = {"enabled": False}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    chart = rendered(tmp_path / "values.yaml", VERSIONS[-1])
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump(of_kind(chart, "PrometheusRule")["audit-rules"]["spec"]))
    minutes = 30
    gone = {name: None for name in running(minutes, blocks=60, events=6000) if WATCH in name}
    firing = frozenset({"AuditsealMissing"} if fires else ())
    done = run_cases(tmp_path / "tests.json", rules, Case("no watcher", minutes, gone, firing))
    assert done.returncode == 0, done.stderr + done.stdout


def change(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def apply(values: dict[str, Any]) -> None:
        *above, last = path.split(".")
        for name in above:
            values = values.setdefault(name, {})
        values[last] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("image.digest", "latest", "image/digest"),
        ("vault", "s3://key:secret@bucket", "vault"),
        ("vault", "file:///vault", "vault"),
        ("cluster", "", "cluster"),
        ("kafka.bootstrapServers", "kafka", "bootstrapServers"),
        ("kafka.securityProtocol", "PLAINTEXT", "securityProtocol"),
        ("sealer.keySecret", "", "keySecret"),
        ("sealer.signer.uri", "pkcs11:token=a;object=b?module-path=/m.so", "uri"),
        ("sealer.signer.uri", "awskms:///arn:aws:kms:eu-north-1:123456789012:key/1234abcd", "keySecret"),
        ("sealer.replicas", 0, "replicas"),
        ("sealer.replicas", 4, "sealer.replicas is 4, and partitions is 3"),
        ("sealer.replica", 2, "replica"),
        ("archiver.retentionDays", 0, "retentionDays"),
        ("archiver.resources.limits.memory", "much", "memory"),
        ("trust.configMap", "", "configMap"),
        ("strimzi.cluster", "", "strimzi.cluster"),
        ("sealer.secondKeySecret", "a secret", "secondKeySecret"),
        ("gateway.clientsSecret", "", "clientsSecret"),
        ("gateway.tlsSecret", "", "tlsSecret"),
        ("gateway.port", 443, "port"),
        ("gateway.ingress.tlsSecret", "", "gateway.ingress.tlsSecret"),
        ("index.place", "", "place"),
        ("index.place", "/var/lib/index", "place"),
        ("streams.expect", {"billing": "10m"}, "expect"),
        ("explorer.accessSecret", "", "accessSecret"),
        ("explorer.record", "yes", "record"),
        ("record.environment", "", "record.environment"),
        ("networkPolicy.loginPorts", [0], "loginPorts"),
        ("networkPolicy.kafkaPorts", [], "kafkaPorts"),
        ("nonsense", 1, "nonsense"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, path: str, value: object, named: str) -> None:
    values = deepcopy(VALUES)
    change(path, value)(values)
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    options = ("--values", str(tmp_path / "values.yaml"), "--kube-version", f"{VERSIONS[-1]}.0")
    done = helm("template", "audit", str(CHART), *options)
    assert done.returncode != 0
    assert named in done.stderr, done.stderr


def test_the_values_without_a_default_have_to_be_set() -> None:
    done = helm("template", "audit", str(CHART), "--kube-version", f"{VERSIONS[-1]}.0")
    assert done.returncode != 0
    for name in ("cluster", "vault", "digest", "repository", "bootstrapServers", "configMap", "keySecret"):
        assert name in done.stderr
