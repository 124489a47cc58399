"""A vault's URL, read strictly: `s3://bucket/prefix?endpoint=...&region=...` or `file:///path`, and no credentials."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from auditseal_schemas.errors import ConfigurationError, quoted

_PARAMETERS = {"endpoint", "region"}


@dataclass(frozen=True, slots=True)
class DirectoryUrl:
    """A directory, by its absolute path."""

    path: Path


@dataclass(frozen=True, slots=True)
class BucketUrl:
    """A bucket.

    Attributes:
        bucket: Its name.
        prefix: The start of each key: empty, or ending in a slash.
        endpoint: The store's URL; None for AWS, or for boto3's own configuration.
        region: None for boto3's own configuration.
    """

    bucket: str
    prefix: str
    endpoint: str | None
    region: str | None


def parse_vault_url(url: str) -> DirectoryUrl | BucketUrl:
    """Read a vault's URL.

    Raises:
        ConfigurationError: It names no vault, or holds credentials; its text then shows none of them.
    """
    parts = _split(url, "a vault's URL")
    if parts.fragment:
        raise ConfigurationError("a vault's URL has no fragment: s3://bucket/prefix?endpoint=... or file:///path")
    match parts.scheme:
        case "file":
            return _directory(parts)
        case "s3":
            return _bucket(parts)
    raise ConfigurationError(
        f"{_shown(url)} is not a vault: s3://bucket/prefix?endpoint=... or file:///path is expected"
    )


def _directory(parts: SplitResult) -> DirectoryUrl:
    if parts.netloc or parts.query or not parts.path.startswith("/") or "\0" in unquote(parts.path):
        raise ConfigurationError("a directory is named as file:///absolute/path, with nothing after it")
    return DirectoryUrl(Path(unquote(parts.path)))


def _bucket(parts: SplitResult) -> BucketUrl:
    try:
        pairs = parse_qsl(parts.query, strict_parsing=bool(parts.query), keep_blank_values=True)
    except ValueError as error:
        raise ConfigurationError(f"{_shown(parts.query)} in a vault's URL is not name=value&...") from error
    parameters = dict(pairs)
    known = parameters.keys() <= _PARAMETERS and "" not in parameters.values()
    if not parts.netloc or len(parameters) != len(pairs) or not known:
        raise ConfigurationError("a bucket is named as s3://bucket/prefix?endpoint=...&region=..., each once")
    endpoint = parameters.get("endpoint")
    if endpoint is not None:
        _check_endpoint(endpoint)
    prefix = unquote(parts.path).strip("/")
    return BucketUrl(parts.netloc, f"{prefix}/" if prefix else "", endpoint, parameters.get("region"))


def _check_endpoint(endpoint: str) -> None:
    parts = _split(endpoint, "the endpoint in a vault's URL")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{_shown(endpoint)} is not an S3 endpoint: in a vault's URL it is https://host:port, nothing after it"
        )


def _split(url: str, where: str) -> SplitResult:
    """Split a URL that may not hold credentials."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # it is checked when it is asked for
    except ValueError as error:
        raise ConfigurationError(f"{where} is not a URL: {_shown(url)}") from error
    if "@" in unquote(parts.netloc):
        raise ConfigurationError(f"{where} must not hold credentials: boto3 finds them by its own chain")
    return parts


def _shown(text: str) -> str:
    """Quote text for an error, unless it may hold credentials."""
    return "a text with an @ that is not shown" if "@" in unquote(unquote(text)) else quoted(text)
