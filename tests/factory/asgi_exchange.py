"""One exchange with an ASGI application: what a server would send it, and what it answers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Headers = Sequence[tuple[str, str]]


def http_scope(method: str = "GET", path: str = "/", query: str = "", headers: Headers = ()) -> dict[str, Any]:
    """Return the connection scope of a request, as servers of ASGI 3 make it."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": ("192.0.2.7", 40_000),
        "server": ("127.0.0.1", 80),
    }


async def exchange(
    app: Callable[..., Awaitable[None]], scope: dict[str, Any], body: bytes = b""
) -> list[dict[str, Any]]:
    """Send one request to an application, and return the messages that it sends."""
    sent: list[dict[str, Any]] = []
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()  # the client stays
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(dict(message))

    await app(scope, receive, send)
    return sent
