"""Django in one file: the ASGI middleware around the application, and one event that a view records itself.

`uvicorn --factory examples.django_app:make_app` serves it; the settings are environment variables, as in flask_app.py.
"""

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from auditseal import Actor, AsyncAuditProducer, AsyncRecorder, Outcome, ProducerConfig, Resource
from auditseal_glue import AsyncContextRecorder, HttpAudit
from auditseal_glue.asgi import AuditMiddleware

recorders: list[AsyncRecorder] = []
"""The recorder of the process, for views."""


async def approve(request: HttpRequest, invoice: str) -> JsonResponse:
    """Approve an invoice."""
    await AsyncContextRecorder(recorders[-1]).accept(
        actor=Actor("user", request.headers.get("X-User", "nobody")),
        action="invoice.approve",
        resources=[Resource("invoice", invoice)],
        outcome=Outcome.SUCCESS,
    )
    return JsonResponse({"invoice": invoice, "status": "approved"})


urlpatterns = [path("invoices/<invoice>/approve", approve)]


def make_app(recorder: AsyncRecorder | None = None) -> AuditMiddleware:
    """Make the application; tests give it an AsyncRecordedEvents."""
    if not settings.configured:
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="example", USE_TZ=True)  # noqa: S106
        django.setup(set_prefix=False)
    recorders.append(recorder or AsyncAuditProducer(ProducerConfig.from_env()))
    headers = HttpAudit(headers=("X-User",))
    return AuditMiddleware(get_asgi_application(), recorders[-1], headers)
