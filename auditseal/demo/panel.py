"""The page of the demo that goes on: where to watch events arrive, and the button that tampers with a copy.

Explorers only read, so the button has a page and an address of its own.
"""

from collections.abc import Iterable
from functools import partial
from hmac import compare_digest
from secrets import token_urlsafe
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from auditseal.demo.live import LiveDemo
from auditseal_explorer.guard import READS, Guard
from auditseal_local.errors import LocalStackError


def make_panel(live: LiveDemo, explorer: str, hosts: Iterable[str]) -> Starlette:
    """Return the application of the demo's page.

    Args:
        live: The demo.
        explorer: The address of the explorer of its vault.
        hosts: The values of `Host` under which the page is reached.
    """
    token = token_urlsafe()  # a page of another site can't know it, so it can't press the button
    templates = Environment(loader=PackageLoader("auditseal.demo"), autoescape=True, undefined=StrictUndefined)

    def page(problem: str = "") -> str:
        shown = {"explorer": explorer, "copy": live.copy, "token": token, "vault": live.demo.store.url}
        return templates.get_template("panel.html.j2").render(**shown, problem=problem)

    def show(_request: Request) -> Response:
        return HTMLResponse(page())

    async def tamper(request: Request) -> Response:
        given = parse_qs((await request.body()).decode("ascii", "replace")).get("token", [""])[-1]
        if not compare_digest(given.encode(), token.encode()):
            return PlainTextResponse("The button was not pressed on the demo's own page: open that page again.", 403)
        try:
            await run_in_threadpool(live.tamper)
        except LocalStackError as error:
            return HTMLResponse(page(str(error)), 503)
        return RedirectResponse("/#changed", 303)

    return Starlette(
        routes=[
            Route("/", show),
            Route("/tamper", tamper, methods=["POST"]),
            Mount("/static", StaticFiles(packages=[("auditseal_explorer", "static")])),
        ],
        middleware=[Middleware(partial(Guard, hosts=tuple(hosts), methods=(*READS, "POST")))],
    )
