"""From a vault's URL to the vault: `s3://bucket/prefix?endpoint=...&region=...` or `file:///path`."""

from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from auditseal_schemas.errors import ConfigurationError, quoted
from auditseal_vault.interface import Vault, VaultReader

_PARAMETERS = {"endpoint", "region"}


def open_vault(url: str) -> Vault:
    """Return the vault at a URL, for the archiver to write to.

    Raises:
        ConfigurationError: The URL names none.
        UnavailableError: It names a directory that isn't there. Is its disk mounted?
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigurationError(f"{quoted(url)} is no URL: {quoted(str(error))}") from error
    if parts.fragment or "@" in parts.netloc:
        raise ConfigurationError("a vault's URL has no fragment and no credentials: boto3 finds them by its own chain")
    match parts.scheme:
        case "file":
            return _directory(parts.netloc, parts.path, parts.query)
        case "s3":
            return _bucket(parts.netloc, parts.path, parts.query)
    raise ConfigurationError(f"{quoted(url)} is no vault: s3://bucket/prefix?endpoint=... or file:///path is expected")


def open_reader(url: str) -> VaultReader:
    """Return the vault at a URL, for reading.

    Raises:
        ConfigurationError: The URL names none.
        UnavailableError: It names a directory that isn't there. Is its disk mounted?
    """
    return open_vault(url)


def _directory(host: str, path: str, query: str) -> Vault:
    if host or query or not path.startswith("/") or "\0" in unquote(path):
        raise ConfigurationError("a directory is named as file:///absolute/path, with nothing after it")
    from auditseal_vault.directory import DirectoryVault  # noqa: PLC0415  (one backend needn't load the other)

    vault = DirectoryVault(Path(unquote(path)))
    vault.check_root()
    return vault


def _bucket(name: str, path: str, query: str) -> Vault:
    try:
        pairs = parse_qsl(query, strict_parsing=bool(query), keep_blank_values=True)
    except ValueError as error:
        raise ConfigurationError(f"{quoted(query)} in a vault's URL is no name=value&...: {error}") from error
    parameters = dict(pairs)
    if not name or len(parameters) != len(pairs) or not parameters.keys() <= _PARAMETERS or "" in parameters.values():
        raise ConfigurationError("a bucket is named as s3://bucket/prefix?endpoint=...&region=..., each once")
    from auditseal_vault.s3 import S3Vault  # noqa: PLC0415  (boto3 takes 0.3 s to load)
    from auditseal_vault.s3_client import Bucket  # noqa: PLC0415

    prefix = unquote(path).strip("/")
    bucket = Bucket(name, f"{prefix}/" if prefix else "", parameters.get("endpoint"), parameters.get("region"))
    try:
        return S3Vault(bucket)
    except ValueError as error:
        raise ConfigurationError(f"a vault's URL leads to no S3 endpoint: {quoted(str(error))}") from error
