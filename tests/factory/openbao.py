"""A real OpenBao with a transit engine, whose storage outlives the process."""

import json
import os
import signal
import sys
import time
import urllib.request
from base64 import b64decode
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, ClassVar
from urllib.error import HTTPError

from auditseal_local.node import Node
from auditseal_local.ports import LOOPBACK

_CONFIG = """
api_addr = "{address}"
cluster_addr = "http://{cluster}"
storage "raft" {{
  path = "{data}"
  node_id = "one"
}}
listener "tcp" {{
  address = "{listen}"
  tls_disable = true
}}
audit "file" "requests" {{
  options = {{ file_path = "{audit}", log_raw = "true" }}
}}
"""
_SECONDS = 60  # for one call: the first one makes the storage
SIGN_ONLY = 'path "transit/sign/{key}" {{ capabilities = ["update"] }}'
"""The policy of docs/how-to/signers.md: a sealer's token can do nothing else."""


class OpenBaoNode(Node):
    """A server. After a start it is unsealed, and its transit engine is at `transit/`."""

    title: ClassVar[str] = "OpenBao"
    port_names: ClassVar[tuple[str, ...]] = ("api", "cluster")

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._unseal_key = self._root_token = ""

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['api']}"

    def uri(self, key: str, version: int = 1) -> str:
        """Return the URI of a key as a sealer's settings have it."""
        return f"openbao://transit/{key}?address={self.address}&version={version}"

    def prepare(self) -> Sequence[str]:
        (self.directory / "data").mkdir(exist_ok=True)
        config = self.directory / "openbao.hcl"
        listen, cluster = (f"{LOOPBACK}:{self.ports[name]}" for name in self.port_names)
        data, audit = self.directory / "data", self.directory / "audit.log"
        config.write_text(_CONFIG.format(address=self.address, cluster=cluster, data=data, listen=listen, audit=audit))
        return [str(Path(sys.executable).with_name("bao")), "server", f"-config={config}"]

    def is_ready(self) -> bool:
        try:
            self._call("GET", "sys/seal-status", None)
        except (OSError, HTTPException):
            return False
        return True

    def start(self) -> None:
        """Start, and unseal; the first time also initialize, and mount the transit engine."""
        super().start()
        try:
            self._serve()
        except BaseException:
            self.kill()
            raise

    def _serve(self) -> None:
        if self._unseal_key:
            self._unseal()
            return
        made = self._call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self._unseal_key, self._root_token = made["keys_base64"][0], made["root_token"]
        self._unseal()
        self.call("POST", "sys/mounts/transit", {"type": "transit"})

    def _unseal(self) -> None:
        """Unseal, and wait until the server serves: it elects itself first."""
        self._call("PUT", "sys/unseal", {"key": self._unseal_key})
        deadline = time.monotonic() + self.start_seconds
        while True:
            try:
                self._call("GET", "sys/health", None)
            except HTTPError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.05)
            else:
                return

    def token(self, key: str, ttl: str = "1h") -> str:
        """Return a token that can sign with a key, and do nothing else."""
        self.call("PUT", f"sys/policies/acl/sign-{key}", {"policy": SIGN_ONLY.format(key=key)})
        wanted = {"policies": [f"sign-{key}"], "ttl": ttl, "no_default_policy": True}
        token: str = self.call("POST", "auth/token/create", wanted)["auth"]["client_token"]
        return token

    def asked(self, key: str) -> list[bytes]:
        """Return the messages that the server was asked to sign with a key, from its audit log."""
        lines = map(json.loads, (self.directory / "audit.log").read_text().splitlines())
        requests = (line["request"] for line in lines if line["type"] == "request")
        asked = [request["data"]["input"] for request in requests if request["path"] == f"transit/sign/{key}"]
        return [b64decode(text) for text in asked if text]

    @property
    def root_token(self) -> str:
        """The token that may do everything."""
        return self._root_token

    def expired_token(self, key: str) -> str:
        """Return a token that could sign until it expired."""
        token = self.token(key, ttl="1s")
        with suppress(HTTPError):
            while True:
                self.call_as(token, "POST", f"transit/sign/{key}", {"input": ""})
                time.sleep(0.1)
        return token

    def suspend(self) -> None:
        """Stop the process as it is: it takes connections, and answers nobody."""
        os.killpg(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it continue."""
        os.killpg(self._pid, signal.SIGCONT)

    @property
    def _pid(self) -> int:
        pid: int = json.loads((self.directory / "process.json").read_text())["pid"]
        return pid

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API with the root token."""
        return self._call(method, path, body, self._root_token)

    def call_as(self, token: str, method: str, path: str, body: Any) -> Any:
        """Call the API with a token."""
        return self._call(method, path, body, token)

    def _call(self, method: str, path: str, body: Any, token: str = "") -> Any:
        request = urllib.request.Request(
            f"{self.address}/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Vault-Token": token} if token else {},
        )
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return json.loads(answer.read() or b"{}")
