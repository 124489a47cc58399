"""A real kube-apiserver that sends its audit events to `auditseal gateway` (`make kube-audit`).

Its webhook has the policy and the configuration that docs/how-to/gateway.md shows: TLS by an authority of its own, and
a token. Requests of three users are made. Each of their events must be sealed once, under the right actor, action,
resource and outcome. A repeated list adds nothing. `--record FILE` keeps the events, shortened, for the tests of CI.
"""

import json
import ssl
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509

from auditseal_gateway.clients import Client
from auditseal_gateway.tokens import digest_of, make_token
from auditseal_local.kafka import KafkaNode
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.event_parts import Outcome, Source
from tests.factory.certificates import LOOPBACK_NAME, Authority
from tests.factory.gateway import clients_file, gateway_process, read_events
from tests.factory.kube_apiserver import ADMIN, NOBODY, ApiServerNode, EtcdNode
from tests.factory.sealing import Site
from tests.factory.secret_files import write_secret

CLUSTER = Source(service="cluster-1", environment="test")
_PATHS = "/api/v1/namespaces/shop/configmaps"
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "rules": [
        {"level": "RequestResponse", "resources": [{"group": "", "resources": ["configmaps"]}], "namespaces": ["shop"]},
        {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets"]}], "namespaces": ["shop"]},
        {"level": "Metadata", "nonResourceURLs": ["/healthz"], "users": [NOBODY]},
        {"level": "None"},
    ],
}
Expected = tuple[str, str | None, str, str, Outcome, str]
"""Actor, on behalf of whom, action, resource, outcome and status."""
_TYPE = "kubernetes.audit"
_WAIT_SECONDS = 60.0


def requests_of(server: ApiServerNode) -> list[Expected]:
    """Make the requests, and return what their last stages must say."""
    shop = {"metadata": {"name": "shop"}}
    assert server.ask("POST", "/api/v1/namespaces", body={"apiVersion": "v1", "kind": "Namespace", **shop}) == 201
    prices = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prices"}, "data": {"pear": "Zoë"}}
    statuses = [
        server.ask("POST", _PATHS, body=prices),
        server.ask("GET", f"{_PATHS}/prices", NOBODY),
        server.ask("GET", "/api/v1/namespaces/shop/secrets", **{"Impersonate-User": "u-7"}),
        server.ask("GET", "/healthz", NOBODY),
        server.ask("DELETE", f"{_PATHS}/prices"),
        server.ask("GET", f"{_PATHS}/prices"),
    ]
    assert statuses == [201, 403, 403, 200, 200, 404], statuses
    return [
        (ADMIN, None, "create", "configmaps:shop/prices", Outcome.SUCCESS, "201"),
        (NOBODY, None, "get", "configmaps:shop/prices", Outcome.DENIED, "403"),
        (ADMIN, "u-7", "list", "secrets:shop", Outcome.DENIED, "403"),
        (NOBODY, None, "get", "nonresource:/healthz", Outcome.SUCCESS, "200"),
        (ADMIN, None, "delete", "configmaps:shop/prices", Outcome.SUCCESS, "200"),
        (ADMIN, None, "get", "configmaps:shop/prices", Outcome.FAILURE, "404"),
    ]


def said(event: AuditEvent) -> Expected:
    """Return what an event says, in the form of `Expected`."""
    (resource,) = event.resources
    return (
        event.actor.id,
        event.actor.on_behalf_of,
        event.action,
        f"{resource.type}:{resource.id}",
        event.outcome,
        event.status_code or "",
    )


def check(events: Sequence[AuditEvent], expected: list[Expected]) -> None:
    """Check that each request has its two stages once, and that the last one says what happened.

    Raises:
        AssertionError: An event is missing, there twice, or says something else.
    """
    stages = Counter((event.correlation_id, event.event_type) for event in events)
    assert set(stages.values()) == {1}, f"a stage was recorded twice: {stages}"
    assert {event.source for event in events} == {CLUSTER}
    ended = sorted((each for each in events if each.event_type == f"{_TYPE}.ResponseComplete"), key=_when)
    assert Counter(map(said, ended)) == Counter(expected), [said(each) for each in ended]
    begun = {event.correlation_id for event in events if event.event_type == f"{_TYPE}.RequestReceived"}
    assert begun == {event.correlation_id for event in ended}, "a stage is missing"
    for event in events:
        original = json.loads(event.attributes["original"])
        assert (original["auditID"], original["verb"]) == (event.correlation_id, event.action)


def _when(event: AuditEvent) -> Any:
    return event.occurred_at


def main(arguments: Sequence[str]) -> int:
    """Run the apiserver, the gateway and a sealer; print what was recorded."""
    with tempfile.TemporaryDirectory(prefix="auditseal-kube-") as name, KafkaNode(Path(name) / "kafka") as kafka:
        folder = Path(name)
        site = Site(kafka.bootstrap_servers, folder / "site", "audit.events", "audit.blocks")
        site.create_topics()
        token, authority = make_token(), Authority("example")
        config = _gateway_files(folder, kafka.bootstrap_servers, token, authority)
        with site.sealer("--genesis") as sealer, gateway_process(config) as (_, _, url):
            options = _webhook_files(folder, url, token)
            with (
                EtcdNode(folder / "etcd") as etcd,
                ApiServerNode(folder / "apiserver", etcd, options=options, progress=print) as server,
            ):
                expected = requests_of(server)
                records = site.await_sealed(2 * len(expected))
            events = [decode_event(record.value or b"") for record in records]
            check(events, expected)
            answer = _post(url, token, authority, [event.attributes["original"] for event in events])
            assert all(each["repeated"] for each in answer["results"]), answer
            assert len(read_events(kafka.bootstrap_servers, site.events)) == len(events)
            assert sealer.stop() == 0
    for event in sorted(events, key=_when):
        print(event.event_type, *said(event))
    print(f"{len(events)} events of {len(expected)} requests are sealed, each once; a repeated list added none")
    if arguments[:1] == ["--record"]:
        Path(arguments[1]).write_bytes(_shortened(events))
    return 0


def _gateway_files(folder: Path, servers: str, token: str, authority: Authority) -> Path:
    certificate, key = authority.issue("gateway", [LOOPBACK_NAME, x509.DNSName("localhost")])
    (folder / "gateway.pem").write_text(certificate)
    (folder / "ca.pem").write_text(authority.pem)
    write_secret(folder / "gateway.key", key)
    clients = clients_file(folder / "clients.toml", [Client(CLUSTER, (digest_of(token),))])
    path = folder / "auditseal.toml"
    path.write_text(
        f'events_topic = "audit.events"\n[kafka]\nbootstrap_servers = "{servers}"\n[gateway]\nport = 0\n'
        f'clients_file = "{clients}"\ntls_certificate_file = "{folder / "gateway.pem"}"\n'
        f'tls_key_file = "{folder / "gateway.key"}"\n'
    )
    return path


def _webhook_files(folder: Path, url: str, token: str) -> list[str]:
    """Write the audit policy and the webhook's configuration; return the options of the apiserver."""
    write_secret(folder / "gateway.token", token)
    webhook = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "gateway",
                "cluster": {"server": f"{url}/v1/kubernetes", "certificate-authority": str(folder / "ca.pem")},
            }
        ],
        "users": [{"name": "apiserver", "user": {"tokenFile": str(folder / "gateway.token")}}],
        "contexts": [{"name": "gateway", "context": {"cluster": "gateway", "user": "apiserver"}}],
        "current-context": "gateway",
    }
    (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY))
    (folder / "webhook.yaml").write_text(yaml.safe_dump(webhook))
    return [
        f"--audit-policy-file={folder / 'policy.yaml'}",
        f"--audit-webhook-config-file={folder / 'webhook.yaml'}",
        "--audit-webhook-batch-max-size=400",
        "--audit-webhook-batch-max-wait=1s",
    ]


def _post(url: str, token: str, authority: Authority, items: Sequence[str]) -> Any:
    """Send the events once more, as the apiserver does when it gets no answer."""
    request = urllib.request.Request(
        f"{url}/v1/kubernetes",
        f'{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{{}},"items":[{",".join(items)}]}}'.encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    context = ssl.create_default_context(cadata=authority.pem)
    with urllib.request.urlopen(request, timeout=_WAIT_SECONDS, context=context) as answer:
        return json.load(answer)


def _shortened(events: Sequence[AuditEvent]) -> bytes:
    """Return the events as a list of the apiserver, without what each object's managers did."""
    items = [json.loads(event.attributes["original"]) for event in sorted(events, key=_when)]
    for item in items:
        item["userAgent"] = "client/1.0"
        for name in ("requestObject", "responseObject"):
            item.get(name, {}).get("metadata", {}).pop("managedFields", None)
    whole = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": items}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode() + b"\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
