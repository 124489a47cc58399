"""A login by client certificates: TLS accepts only those of an authority, and the common name is the auditor's name."""

from collections.abc import Mapping
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from auditseal_explorer.login_pages import login_page


class CertificateLogin:
    """Establishes the name in the client's certificate."""

    kind = "client_certificate"
    routes: tuple[BaseRoute, ...] = ()
    middleware: tuple[Middleware, ...] = ()

    def name_of(self, request: Request) -> str | None:
        """Return the certificate's common name, None where it has not exactly one."""
        return common_name(getattr(request.state, "certificate", None) or {})

    def ask(self, request: Request) -> Response:
        """Refuse."""
        problem = "Your certificate does not have exactly one common name (CN). Get one that has."
        return login_page(request, "Your certificate does not name you", problem, 401)


def common_name(certificate: Mapping[str, Any]) -> str | None:
    """Return the only common name of a certificate as `ssl.SSLSocket.getpeercert` has it, None for none or several."""
    parts = (part for entry in certificate.get("subject", ()) for part in entry)
    names = [value for key, value in parts if key == "commonName"]
    return names[0] if len(names) == 1 else None
