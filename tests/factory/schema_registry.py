"""A schema registry on loopback: it speaks the part of Confluent's REST API that serializers and `registry pin` use.

It gives a schema one id and one GUID wherever it is registered, as the real one does. A test can put any answer in
place of a registry's own.
"""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from auditseal_local.ports import LOOPBACK
from tests.factory.json_answer import answer_json

FIRST_ID = 7


@dataclass
class SchemaRegistry:
    """What the registry has.

    Attributes:
        port: Where it listens.
        subjects: The schemas of each subject, in the order of their versions.
        authorization: The header that each request must have; None for none.
        answers: What it answers at a path, in place of its own answer: a status, and a body of JSON.
        schemas: Each schema once, in the order of their ids.
    """

    port: int = 0
    subjects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    authorization: str | None = None
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    schemas: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def add(self, subject: str, schema: str, kind: str = "AVRO") -> tuple[int, str]:
        """Register a schema; return its id and its GUID."""
        body = {"schema": schema} if kind == "AVRO" else {"schema": schema, "schemaType": kind}
        if body not in self.schemas:
            self.schemas.append(body)
        versions = self.subjects.setdefault(subject, [])
        if body not in versions:
            versions.append(body)
        return self._id(body), self._guid(body)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Return status and body of a request's answer."""
        match [method, *map(unquote, path.strip("/").split("/"))]:
            case ["POST", "subjects", subject, "versions"]:
                self.add(subject, body["schema"], body.get("schemaType", "AVRO"))
                return 200, self._version(subject, len(self.subjects[subject]))
            case ["POST", "subjects", subject] if {"schema": body["schema"]} in self.subjects.get(subject, ()):
                return 200, self._version(subject, self.subjects[subject].index({"schema": body["schema"]}) + 1)
            case ["GET", "subjects", subject, "versions"] if subject in self.subjects:
                return 200, list(range(1, len(self.subjects[subject]) + 1))
            case ["GET", "subjects", subject, "versions", number] if subject in self.subjects:
                return 200, self._version(subject, int(number))
        return 404, {"error_code": 40401, "message": f"{path} was not found"}

    def _version(self, subject: str, number: int) -> dict[str, Any]:
        body = self.subjects[subject][number - 1]
        return {"subject": subject, "version": number, "id": self._id(body), "guid": self._guid(body), **body}

    def _id(self, body: dict[str, Any]) -> int:
        return FIRST_ID + self.schemas.index(body)

    @staticmethod
    def _guid(body: dict[str, Any]) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(body)))


@contextmanager
def schema_registry() -> Iterator[SchemaRegistry]:
    """Run a registry while the context lasts."""
    registry = SchemaRegistry()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            path = urlsplit(self.path).path
            sent = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
            if registry.authorization and self.headers.get("authorization") != registry.authorization:
                status, body = 401, {"error_code": 401, "message": "who are you?"}
            elif path in registry.answers:
                status, body = registry.answers[path]
            else:
                status, body = registry.answer(self.command, path, sent)
            answer_json(self, status, body)

        do_GET = do_POST = _answer  # noqa: N815  (the names of the base class)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        registry.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield registry
        finally:
            server.shutdown()
            thread.join()
