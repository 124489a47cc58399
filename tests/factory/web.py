"""A web server on this machine that has files, and fails as planned."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self, TypeAlias

Failure: TypeAlias = int | Literal["reset", "cut"]
"""A status, a connection that is reset before an answer, or a body that is cut off."""


class Repository:
    """A server of files. As a context manager it serves them at `url`.

    Attributes:
        files: The content of each path, without the leading slash.
        failures: The failures of the first requests, one each.
        asked: The paths that were asked for.
    """

    def __init__(self, files: dict[str, bytes], failures: list[Failure] | None = None) -> None:
        self.files, self.failures = files, list(failures or [])
        self.asked: list[str] = []
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                repository.asked.append(self.path)
                failure = repository.failures.pop(0) if repository.failures else None
                content = repository.files.get(self.path.lstrip("/"))
                if failure == "reset":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status = failure if isinstance(failure, int) else 404 if content is None else 200
                body = content if status == 200 and content is not None else b"none"
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:-1] if failure == "cut" else body)
                self.close_connection = failure == "cut"

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
