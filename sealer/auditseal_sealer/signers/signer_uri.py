"""The URI of a key that is outside this process. It never holds a secret. Pure.

| URI | the key |
| --- | --- |
| `pkcs11:token=T;object=O?module-path=/path/to/module.so` | in a PKCS#11 token, RFC 7512 |
| `openbao://MOUNT/KEY?address=https://host:8200&version=1` | of a transit engine of OpenBao or HashiCorp Vault |
| `awskms:///arn:aws:kms:REGION:ACCOUNT:key/ID` | in AWS KMS |
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, unquote_to_bytes, urlsplit

from auditseal_schemas.errors import ConfigurationError, quoted
from auditseal_schemas.transport import is_loopback

_ARN = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", re.ASCII)
_PKCS11_NAMES = frozenset({"token", "serial", "object", "id", "type"})
_EXPECTED = (
    "pkcs11:token=…;object=…?module-path=…, openbao://MOUNT/KEY?address=…&version=… or awskms:///ARN is expected"
)


@dataclass(frozen=True, slots=True)
class Pkcs11Uri:
    """A private key in a token.

    Attributes:
        module: The library of the token's maker.
        token: The token's label; empty for any.
        serial: The token's serial number; empty for any.
        label: The key's label, CKA_LABEL; empty for any.
        key_id: The key's CKA_ID; empty for any.
    """

    module: Path
    token: str
    serial: str
    label: str
    key_id: bytes

    def __str__(self) -> str:
        parts = {"token": self.token, "serial": self.serial, "object": self.label, "id": self.key_id.hex()}
        return "pkcs11:" + ";".join(f"{name}={value}" for name, value in parts.items() if value)


@dataclass(frozen=True, slots=True)
class OpenBaoUri:
    """A version of a key of a transit engine.

    Attributes:
        address: The server's URL, without a slash at its end.
        mount: The engine's path.
        name: The key's name.
        version: The key's version: the engine makes another one when it rotates the key.
        namespace: The namespace; empty for the root.
    """

    address: str
    mount: str
    name: str
    version: int
    namespace: str

    def __str__(self) -> str:
        return f"openbao://{self.mount}/{self.name}"


@dataclass(frozen=True, slots=True)
class KmsUri:
    """A key in AWS KMS.

    Attributes:
        arn: The key's ARN. An alias could point to another key tomorrow.
        region: The ARN's region.
        endpoint: The URL of the service; empty for AWS's own.
    """

    arn: str
    region: str
    endpoint: str

    def __str__(self) -> str:
        return f"awskms:///{self.arn}"


SignerUri = Pkcs11Uri | OpenBaoUri | KmsUri


def parse_signer_uri(uri: str) -> SignerUri:
    """Read the URI of a key.

    Raises:
        ConfigurationError: It names no key, or holds a secret; the text then does not show it.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise ConfigurationError(f"the signer's URI can't be read: {error}; {_EXPECTED}") from error
    if "@" in parts.netloc or parts.fragment:
        raise ConfigurationError(f"the signer's URI has a user or a fragment: {_EXPECTED}")
    match parts.scheme:
        case "pkcs11":
            return _pkcs11(parts)
        case "openbao":
            return _openbao(parts)
        case "awskms":
            return _awskms(parts)
    raise ConfigurationError(f"{quoted(uri)} does not name a signer: {_EXPECTED}")


def _pkcs11(parts: SplitResult) -> Pkcs11Uri:
    """Read a URI of RFC 7512."""
    path, query = _pairs(parts.path, ";"), _pairs(parts.query, "&")
    if secrets := query.keys() & {"pin-value", "pin-source"}:
        raise ConfigurationError(
            f"the signer's URI has {', '.join(sorted(secrets))}: name the PIN's file as secret_file"
        )
    if unknown := (path.keys() - _PKCS11_NAMES) | (query.keys() - {"module-path"}):
        known = ", ".join(sorted(_PKCS11_NAMES))
        raise ConfigurationError(
            f"the signer's URI has {quoted(', '.join(sorted(unknown)))}: only {known} and ?module-path= are supported"
        )
    module = query.get("module-path", b"").decode(errors="replace")
    if not module.startswith("/"):
        raise ConfigurationError("the signer's URI needs ?module-path=/…, the absolute path of the PKCS#11 module")
    token, serial, label = (path.get(name, b"").decode(errors="replace") for name in ("token", "serial", "object"))
    key_id = path.get("id", b"")
    if not (token or serial) or not (label or key_id):
        raise ConfigurationError("the signer's URI needs token= or serial=, and object= or id=")
    if path.get("type", b"private") != b"private":
        raise ConfigurationError("the signer's URI has a type other than private: only a private key signs")
    return Pkcs11Uri(Path(module), token, serial, label, key_id)


def _openbao(parts: SplitResult) -> OpenBaoUri:
    query = _query(parts, {"address", "version", "namespace"})
    *mount, name = [parts.netloc, *unquote(parts.path).strip("/").split("/")]
    if not mount or not all(map(_SEGMENT.fullmatch, (*mount, name))):
        raise ConfigurationError("the signer's URI needs the engine's mount and the key's name: openbao://MOUNT/KEY?…")
    version = query.get("version", "")
    if not version.isascii() or not version.isdigit() or int(version) < 1:
        raise ConfigurationError("the signer's URI needs version=N: a key has one public key for each version")
    address = query.get("address", "").rstrip("/")
    _check_address(address, "address", "the token")
    namespace = query.get("namespace", "")
    if not all(map(_SEGMENT.fullmatch, namespace.strip("/").split("/"))) and namespace:
        raise ConfigurationError(f"{quoted(namespace)} in the signer's URI is not a namespace")
    return OpenBaoUri(address, "/".join(mount), name, int(version), namespace)


def _awskms(parts: SplitResult) -> KmsUri:
    query = _query(parts, {"endpoint"})
    arn = unquote(parts.path).removeprefix("/")
    match = _ARN.fullmatch(arn)
    if parts.netloc or match is None:
        raise ConfigurationError(
            f"{quoted(arn)} is not the ARN of a KMS key: awskms:///arn:aws:kms:REGION:ACCOUNT:key/ID is expected, and"
            " not an alias"
        )
    endpoint = query.get("endpoint", "")
    if endpoint:
        _check_address(endpoint, "endpoint", "signatures")
    return KmsUri(arn, match["region"], endpoint)


def _pairs(text: str, separator: str) -> dict[str, bytes]:
    """Read `name=value` pairs, each name once."""
    pairs = [part.partition("=") for part in text.split(separator) if part]
    values = {name: unquote_to_bytes(value) for name, equals, value in pairs if equals}
    if len(values) != len(pairs):
        raise ConfigurationError(f"the signer's URI is not name=value{separator}…, each name once")
    return values


def _query(parts: SplitResult, known: set[str]) -> dict[str, str]:
    try:
        pairs = parse_qsl(parts.query, strict_parsing=bool(parts.query), keep_blank_values=True)
    except ValueError as error:
        raise ConfigurationError("the signer's URI has a query that is not name=value&…") from error
    values = dict(pairs)
    if len(values) != len(pairs) or not values.keys() <= known or "" in values.values():
        raise ConfigurationError(f"the signer's URI takes {', '.join(sorted(known))} after its ?, each at most once")
    return values


def _check_address(address: str, name: str, exposed: str) -> None:
    """Check that a server is reached through TLS, or is this machine."""
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ConfigurationError(f"the signer's URI needs {name}=https://host:port, without credentials")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigurationError(f"the signer's {name} would send {exposed} unencrypted over a network: use https")
