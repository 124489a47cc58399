"""The explorer's file of access: its address, its TLS, one login, and the auditors."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import AfterValidator, Field, ValidationError, model_validator

from auditseal.settings_sections import ReadableFile, Section, read_toml
from auditseal_daemon.signed_tokens import TokenRules
from auditseal_explorer.access import Access, Tls
from auditseal_explorer.admission import Login
from auditseal_explorer.certificate_login import CertificateLogin
from auditseal_explorer.oidc_login import OidcLogin
from auditseal_explorer.proxy_login import ProxyLogin
from auditseal_schemas.errors import ConfigurationError


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.netloc or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("write https://host or https://host:port")
    return f"https://{parts.netloc}"


HttpsUrl = Annotated[str, AfterValidator(_check_url)]
Text = Annotated[str, Field(min_length=1)]


class OidcSection(Section):
    """[oidc]: a login at an OpenID Connect provider.

    Attributes:
        issuer: The provider.
        client_id: The explorer's name there.
        client_secret_file: The file with its secret.
        claim: The claim of the ID token that has the auditor's name.
    """

    issuer: Annotated[str, Field(pattern="^https?://")]
    client_id: Text
    client_secret_file: ReadableFile
    claim: Text = "sub"


class CertificatesSection(Section):
    """[client_certificates]: a login by certificates, whose common name is the auditor's name.

    Attributes:
        authorities: The file with the authorities that sign them.
    """

    authorities: ReadableFile


class ProxySection(Section):
    """[proxy]: a login at a reverse proxy, which says by a signed header who asks.

    Attributes:
        header: The header, whose value is a JSON Web Token.
        keys_file: The proxy's public keys, a JSON Web Key Set.
        issuer: The token's `iss`.
        audience: The token's `aud`.
        claim: The claim that has the auditor's name.
    """

    header: Text
    keys_file: ReadableFile
    issuer: Text
    audience: Text
    claim: Text = "sub"


class AccessFile(Section):
    """The whole file.

    Attributes:
        url: The explorer's address as browsers have it.
        certificate: The file with the server's certificate; not set where a proxy on this machine has TLS.
        key: The file with its key.
        oidc: One of the three logins.
        client_certificates: Another.
        proxy: Another.
        auditors: For each name the tenants that it may see, or `"all"`.
    """

    url: HttpsUrl
    certificate: ReadableFile | None = None
    key: ReadableFile | None = None
    oidc: OidcSection | None = None
    client_certificates: CertificatesSection | None = None
    proxy: ProxySection | None = None
    auditors: dict[Text, Literal["all"] | Annotated[list[Text], Field(min_length=1)]] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        logins = [self.oidc, self.client_certificates, self.proxy]
        if len([login for login in logins if login]) != 1:
            raise ValueError("name exactly one login: [oidc], [client_certificates] or [proxy]")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together: add the other one")
        if self.client_certificates and not self.certificate:
            raise ValueError("client certificates need the explorer's own TLS: add certificate and key")
        return self

    def access(self) -> Access:
        """Return how the explorer is reached.

        Raises:
            ConfigurationError: A file's content can't be used.
        """
        authorities = self.client_certificates.authorities if self.client_certificates else None
        tls = Tls(self.certificate, self.key, authorities) if self.certificate and self.key else None
        auditors = {name: None if given == "all" else frozenset(given) for name, given in self.auditors.items()}
        return Access(self.url, self._login(), auditors, tls)

    def _login(self) -> Login:
        if self.oidc:
            secret = self.oidc.client_secret_file.read_text("utf-8").strip()
            return OidcLogin(self.oidc.issuer, self.oidc.client_id, secret, self.url, self.oidc.claim)
        if self.proxy:
            rules = TokenRules(self.proxy.issuer, self.proxy.audience, self.proxy.claim)
            return ProxyLogin(self.proxy.header, _read_keys(self.proxy.keys_file), rules)
        return CertificateLogin()


def read_access(path: Path) -> Access:
    """Read a file of access.

    Raises:
        ConfigurationError: It can't be read, or a key of it is wrong, unknown or missing; one line for each.
    """
    try:
        return AccessFile(**read_toml(path)).access()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"a file that {path} names can't be read: {error}") from error
    except ValidationError as error:
        lines = (f"{path}: {_describe(details['loc'], details['msg'])}" for details in error.errors())
        raise ConfigurationError("\n".join(lines)) from error


def _describe(place: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{'.'.join(map(str, place))}: {text}" if place else text


def _read_keys(path: Path) -> KeySet:
    try:
        parsed: Any = json.loads(path.read_text("utf-8"))
        keys = KeySet.import_key_set(parsed)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(f"{path} is not a JSON Web Key Set of public keys: {error}") from error
    if any(key.is_private for key in keys.keys):
        raise ConfigurationError(f"{path} has a private key: keep that at the proxy, and give the public one")
    return keys
