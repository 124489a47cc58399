"""An answer in JSON, for small HTTP servers that tests run on loopback."""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler


def answer_json(handler: BaseHTTPRequestHandler, status: int, body: Mapping[str, object]) -> None:
    """Send a whole answer."""
    content = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)
