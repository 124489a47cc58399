"""How an explorer is reached from other machines: its address, its TLS, its login, and its auditors."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.middleware import Middleware

from auditseal_explorer.admission import Admission, Login
from auditseal_explorer.refusals import Refusals


@dataclass(frozen=True, slots=True)
class Tls:
    """The server's certificate, and whose client certificates it accepts.

    Attributes:
        certificate: The file with the server's certificate and those above it, PEM.
        key: The file with its key.
        authorities: The file with the authorities of client certificates; None to ask for none.
    """

    certificate: Path
    key: Path
    authorities: Path | None = None

    def options(self) -> dict[str, Any]:
        """Return the options for uvicorn."""
        files: dict[str, Any] = {"ssl_certfile": str(self.certificate), "ssl_keyfile": str(self.key)}
        if self.authorities is None:
            return files
        return files | {"ssl_ca_certs": str(self.authorities), "ssl_cert_reqs": ssl.CERT_REQUIRED}


@dataclass(frozen=True, slots=True)
class Access:
    """How an explorer is reached.

    Attributes:
        url: Its address as browsers have it: https.
        login: Establishes who asks.
        auditors: What each auditor may see: tenants, or None for everything.
        tls: Its TLS; None where a proxy on the same machine has that.
    """

    url: str
    login: Login
    auditors: Mapping[str, frozenset[str] | None]
    tls: Tls | None = None

    def middleware(self, refusals: Refusals) -> tuple[Middleware, ...]:
        """Return the middleware in front of the application: the login's own, and admission."""
        admission = partial(Admission, login=self.login, auditors=self.auditors, refusals=refusals)
        return (*self.login.middleware, Middleware(admission))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The values of `Host` under which it is reached."""
        return (urlsplit(self.url).netloc,)
