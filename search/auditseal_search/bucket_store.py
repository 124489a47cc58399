"""An index in an S3 bucket."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import ClientError, CredentialRetrievalError, NoCredentialsError
from botocore.session import Session

from auditseal_schemas.errors import quoted
from auditseal_search.errors import IndexFileError, MissingFileError
from auditseal_search.query_sql import literal
from auditseal_vault.open import open_vault
from auditseal_vault.s3 import S3Vault
from auditseal_vault.s3_client import Bucket, concerns_credentials
from auditseal_vault.s3_errors import NOT_FOUND, S3_ERRORS, status_of

_ATTEMPTS = 4
Result = TypeVar("Result")


class BucketStore:
    """An index below a prefix of an S3 bucket. Where the credentials are refused, a new client looks for others.

    Attributes:
        bucket: The bucket and the prefix.
    """

    def __init__(self, bucket: Bucket) -> None:
        """Take the bucket; nothing is sent before a method is called."""
        self.bucket = bucket
        self._client = self._connect()

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the store at `s3://bucket/prefix?endpoint=…&region=…`.

        Raises:
            ConfigurationError: The URL names none.
        """
        vault = open_vault(url)
        assert isinstance(vault, S3Vault)
        return cls(vault.bucket)

    @property
    def url(self) -> str:
        """The prefix's URL."""
        return f"s3://{self.bucket.name}/{self.bucket.prefix}"

    def read(self, name: str) -> bytes | None:
        """Return an object's content; see `IndexStore`."""

        def read(client: Any) -> bytes:
            content: bytes = client.get_object(**self._object(name))["Body"].read()
            return content

        try:
            return self._call(name, read)
        except MissingFileError:
            return None

    def fetch(self, name: str, path: Path) -> bool:
        """Copy an object; see `IndexStore`."""
        place = self._object(name)
        try:
            self._call(name, lambda client: client.download_file(place["Bucket"], place["Key"], str(path)))
        except MissingFileError:
            return False
        return True

    def write(self, name: str, data: bytes) -> None:
        """Store a small object; see `IndexStore`."""
        self._call(name, lambda client: client.put_object(**self._object(name), Body=data))

    def store(self, name: str, path: Path) -> None:
        """Store a copy of a file, in parts where it is large; see `IndexStore`."""
        place = self._object(name)
        self._call(name, lambda client: client.upload_file(str(path), place["Bucket"], place["Key"]))

    def remove(self, name: str) -> None:
        """Remove an object; see `IndexStore`."""
        self._call(name, lambda client: client.delete_object(**self._object(name)))

    def names(self, prefix: str) -> list[str]:
        """Return the objects' names; see `IndexStore`."""
        start, place = len(self.bucket.prefix), self._object(prefix)

        def listed(client: Any) -> list[str]:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=place["Bucket"], Prefix=place["Key"])
            return [entry["Key"][start:] for page in pages for entry in page.get("Contents", ())]

        return self._call(prefix, listed)

    def location(self, name: str) -> str:
        """Return an object's `s3://` URL."""
        return f"{self.url}{name}"

    def secret(self) -> str:
        """Return what DuckDB's `CREATE SECRET` takes: the bucket's place, and the credentials that boto3 finds."""
        session = boto3.Session()
        found = session.get_credentials()
        region = self.bucket.region or session.region_name or "us-east-1"
        parts = [f"TYPE s3, REGION {literal(region)}"]
        if found is not None:
            frozen = found.get_frozen_credentials()
            parts.append(f"KEY_ID {literal(frozen.access_key)}, SECRET {literal(frozen.secret_key)}")
            if frozen.token:
                parts.append(f"SESSION_TOKEN {literal(frozen.token)}")
        if self.bucket.endpoint:
            scheme, _, host = self.bucket.endpoint.partition("://")
            tls = str(scheme == "https").lower()
            parts.append(f"ENDPOINT {literal(host.rstrip('/'))}, URL_STYLE path, USE_SSL {tls}")
        return ", ".join(parts)

    def _object(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket.name, "Key": self.bucket.prefix + name}

    def _connect(self) -> Any:
        """Return a client with the credentials that boto3's chain has now.

        It is not the vault's client, whose bounds are those of blocks: a segment has some 50 MiB.
        """
        config = Config(
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"} if self.bucket.endpoint else {},
        )
        session = boto3.Session(botocore_session=Session())
        return session.client("s3", endpoint_url=self.bucket.endpoint, region_name=self.bucket.region, config=config)

    def _call(self, name: str, call: Callable[[Any], Result]) -> Result:
        """Call the client; once more, with a new one, where the credentials are refused.

        Raises:
            MissingFileError: The bucket does not have the object.
            IndexFileError: The store refused, or is unreachable.
        """
        try:
            try:
                return call(self._client)
            except (ClientError, CredentialRetrievalError, NoCredentialsError, S3UploadFailedError) as error:
                if not concerns_credentials(_cause(error)):
                    raise
                self._client = self._connect()
                return call(self._client)
        except (*S3_ERRORS, S3UploadFailedError) as error:
            is_missing = isinstance(error, ClientError) and status_of(error) == NOT_FOUND
            problem = f"the index file {name} in {self.url}: {quoted(str(error), 500)}"
            raise (MissingFileError if is_missing else IndexFileError)(problem) from error


def _cause(error: Exception) -> Exception:
    """Return the store's answer behind a failed upload."""
    return error.__context__ if isinstance(error, S3UploadFailedError) and error.__context__ else error
