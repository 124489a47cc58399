"""FastAPI: one event for each request, and one that the code records itself.

`uvicorn examples.fastapi_app:app` serves it; the settings are environment variables, as in flask_app.py.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request

from auditseal import Actor, AsyncAuditProducer, AsyncRecorder, Outcome, ProducerConfig, Resource
from auditseal_glue import AsyncContextRecorder, HttpAudit
from auditseal_glue.asgi import AuditMiddleware


def log_in(request: Request, x_user: Annotated[str, Header()] = "nobody") -> Actor:
    """Return who sends a request; the middleware finds it in the request's state."""
    request.state.actor = Actor("user", x_user)
    return Actor("user", x_user)


def make_app(recorder: AsyncRecorder) -> FastAPI:
    """Make the application; tests give it an AsyncRecordedEvents."""
    audit = AsyncContextRecorder(recorder)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        if isinstance(recorder, AsyncAuditProducer):
            await recorder.close(timeout=10)

    app = FastAPI(lifespan=lifespan)

    @app.post("/invoices/{invoice}/approve")
    async def approve(invoice: str, actor: Annotated[Actor, Depends(log_in)]) -> dict[str, str]:
        await audit.accept(
            actor=actor,
            action="invoice.approve",
            resources=[Resource("invoice", invoice)],
            outcome=Outcome.SUCCESS,
        )
        return {"invoice": invoice, "status": "approved"}

    options = HttpAudit(actor=lambda scope: scope["state"].get("actor"))
    app.add_middleware(AuditMiddleware, recorder=recorder, audit=options)
    return app


def __getattr__(name: str) -> FastAPI:
    """Make `app` when a server asks for it."""
    if name != "app":
        raise AttributeError(name)
    return make_app(AsyncAuditProducer(ProducerConfig.from_env()))
