"""A real kube-apiserver on its etcd, built from pinned source once: it checks objects as a cluster would."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import requests

from auditseal_local.go_program import GoModule
from auditseal_local.node import Node
from auditseal_local.ports import LOOPBACK
from auditseal_local.progress import Progress, silent
from tests.factory.certificates import Authority
from tests.factory.secret_files import write_secret

KUBERNETES = GoModule(
    title="Kubernetes",
    module="k8s.io/kubernetes",
    version="v1.34.3",
    digest="h1:0TfljWbhEF5DBks+WFMSrvKfxBLo4vnZuqORjLMiyT4=",
    pins=Path(__file__).parent / "kubernetes_build",
    commands=("k8s.io/kubernetes/cmd/kube-apiserver",),
)
ETCD = GoModule(
    title="etcd",
    module="go.etcd.io/etcd/server/v3",
    version="v3.6.4",
    digest="h1:LsCA7CzjVt+8WGrdsnh6RhC0XqCsLkBly3ve5rTxMAU=",
    pins=Path(__file__).parent / "etcd_build",
    commands=("go.etcd.io/etcd/server/v3",),
)
ADMIN, NOBODY = "admin", "nobody"
"""The users: an administrator, and one without rights."""
_TIMEOUT = 20.0  # s


class EtcdNode(Node):
    """The store of a kube-apiserver."""

    title: ClassVar[str] = "etcd"
    port_names: ClassVar[tuple[str, ...]] = ("client", "peer")

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['client']}"

    def prepare(self) -> Sequence[str]:
        (binary,) = ETCD.binaries(self.progress)
        peer = f"http://{LOOPBACK}:{self.ports['peer']}"
        return [
            str(binary),
            f"--data-dir={self.directory / 'data'}",
            f"--listen-client-urls={self.address}",
            f"--advertise-client-urls={self.address}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ]

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.address}/health", timeout=2, proxies={"http": ""}).ok
        except (requests.ConnectionError, requests.Timeout):
            return False


class ApiServerNode(Node):
    """A kube-apiserver, and calls of it: an administrator's, and those of a user without rights.

    Args:
        directory: As `Node` takes it.
        etcd: Its store.
        options: Further options of its command line.
        progress: As `Node` takes it.
    """

    title: ClassVar[str] = "kube-apiserver"
    port_names: ClassVar[tuple[str, ...]] = ("secure",)
    start_seconds: ClassVar[float] = 300

    def __init__(
        self, directory: Path, etcd: EtcdNode, *, options: Sequence[str] = (), progress: Progress = silent
    ) -> None:
        super().__init__(directory, progress=progress)
        self._etcd, self._options = etcd, options
        self._tokens = {ADMIN: secrets.token_hex(), NOBODY: secrets.token_hex()}
        self._session = requests.Session()
        self._session.trust_env = False  # a bundle of certificates there would replace ours
        self._session.headers["Authorization"] = f"Bearer {self._tokens[ADMIN]}"

    @property
    def address(self) -> str:
        return f"https://{LOOPBACK}:{self.ports['secure']}"

    def prepare(self) -> Sequence[str]:
        (binary,) = KUBERNETES.binaries(self.progress)
        authority = Authority("kubernetes")
        certificate, key = authority.issue(LOOPBACK)
        at = {name: self.directory / name for name in ("ca.pem", "server.pem", "key.pem", "tokens.csv")}
        at["ca.pem"].write_text(authority.pem)
        at["server.pem"].write_text(certificate)
        write_secret(at["key.pem"], key)
        groups = {ADMIN: ',"system:masters"', NOBODY: ""}
        lines = [f"{token},{user},{user}{groups[user]}\n" for user, token in self._tokens.items()]
        write_secret(at["tokens.csv"], "".join(lines))
        self._session.verify = str(at["ca.pem"])
        return [
            str(binary),
            f"--etcd-servers={self._etcd.address}",
            f"--bind-address={LOOPBACK}",
            "--advertise-address=192.0.2.1",  # no object may name loopback, and no other server looks for this one
            "--endpoint-reconciler-type=none",
            f"--secure-port={self.ports['secure']}",
            f"--cert-dir={self.directory}",
            f"--tls-cert-file={at['server.pem']}",
            f"--tls-private-key-file={at['key.pem']}",
            f"--token-auth-file={at['tokens.csv']}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.example.com",
            f"--service-account-key-file={at['server.pem']}",
            f"--service-account-signing-key-file={at['key.pem']}",
            "--service-cluster-ip-range=10.0.0.0/24",
            *self._options,
        ]

    def is_ready(self) -> bool:
        try:
            return self._session.get(f"{self.address}/readyz", timeout=2).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    def ask(self, method: str, path: str, user: str = ADMIN, body: Any = None, **headers: str) -> int:
        """Send a request as one of the users, and return the status of its answer."""
        sent = {"Authorization": f"Bearer {self._tokens[user]}", **headers}
        return self._session.request(
            method, f"{self.address}{path}", json=body, headers=sent, timeout=_TIMEOUT
        ).status_code

    def create(self, made: dict[str, Any]) -> None:
        """Create an object for good; the error of a refusal has the server's words."""
        answer = self._session.post(f"{self.address}{self.collection(made)}", json=made, timeout=_TIMEOUT)
        if not answer.ok:
            raise requests.HTTPError(answer.text)

    def dry_run(self, made: dict[str, Any]) -> tuple[str, list[str]]:
        """Apply an object as `kubectl apply --server-side --dry-run=server --validate=strict` does.

        Returns:
            The server's refusal, empty where it would take the object; and its warnings.
        """
        answer = self._session.patch(
            f"{self.address}{self.collection(made)}/{made['metadata']['name']}",
            params={"dryRun": "All", "fieldManager": "auditseal", "fieldValidation": "Strict"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            data=json.dumps(made),  # JSON is YAML
            timeout=_TIMEOUT,
        )
        warnings = answer.headers.get("Warning")
        return ("" if answer.ok else answer.json()["message"]), [warnings] if warnings else []

    def knows(self, made: dict[str, Any]) -> bool:
        """Return whether the server has the object's kind."""
        return any(each["kind"] == made["kind"] for each in self._kinds(made["apiVersion"]))

    def collection(self, made: dict[str, Any]) -> str:
        """Return the path of all objects of an object's kind in its namespace, as the server names it."""
        version, namespace = made["apiVersion"], made["metadata"].get("namespace")
        (kind,) = (each for each in self._kinds(version) if each["kind"] == made["kind"] and "/" not in each["name"])
        place = f"/namespaces/{namespace}" if kind["namespaced"] else ""
        return f"{_root(version)}{place}/{kind['name']}"

    def _kinds(self, version: str) -> list[dict[str, Any]]:
        answer = self._session.get(f"{self.address}{_root(version)}", timeout=_TIMEOUT)
        kinds: list[dict[str, Any]] = answer.json()["resources"] if answer.ok else []
        return kinds


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"
