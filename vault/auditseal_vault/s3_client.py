"""The S3 client of a vault and of its drill: how it is made, and how it comes to renewed credentials."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

import boto3
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError, CredentialRetrievalError, NoCredentialsError
from botocore.httpsession import get_cert_path
from botocore.loaders import Loader
from botocore.session import Session
from botocore.utils import parse_timestamp

from auditseal_vault.http_connections import HttpAnswer, HttpRequest, Signature, TransferError
from auditseal_vault.http_transport import HttpTransport
from auditseal_vault.s3_errors import CREDENTIALS_REFUSED, FORBIDDEN, code_of, status_of
from auditseal_vault.s3_sending import send_by

SECONDS_BETWEEN_RENEWALS = 5.0
"""At least, so that a store that goes on refusing costs few clients."""
_ANY_KEY = "key"
_Item = TypeVar("_Item")
_REFUSALS = (ClientError, CredentialRetrievalError, NoCredentialsError)


@dataclass(frozen=True, slots=True)
class Bucket:
    """The place of a vault.

    Attributes:
        name: The bucket.
        prefix: The beginning of every key: empty, or ending in a slash.
        endpoint: The store's URL; None for AWS, or as boto3's own configuration says.
        region: None for boto3's own.
    """

    name: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class _SigningContext:
    """The place, region and credentials with which boto3 would read or write an object.

    Attributes:
        bucket_url: The bucket's URL, with a slash at its end.
        region: The region that a signature names.
        credentials: The credentials that boto3 would use now.
    """

    bucket_url: str
    region: str
    credentials: ReadOnlyCredentials


class S3Client:
    """Calls boto3, with a new client where the store refuses the credentials: boto3's chain may have others by then."""

    def __init__(self, bucket: Bucket, attempts: int) -> None:
        """Take the bucket; nothing is sent.

        Args:
            bucket: The bucket.
            attempts: How often a call is made at most while it times out or is answered by a 5xx; with jitter between.
        """
        self._bucket, self._attempts = bucket, attempts
        self._lock, self._next_renewal = threading.Lock(), 0.0
        session = Session()
        self._transport = HttpTransport(_ca_file(session))
        self._connection = _Connection(session, bucket, attempts, self._transport)

    @property
    def boto3(self) -> Any:
        """The current boto3 client."""
        return self._connection.client

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Call one of boto3's operations on the bucket; once more, with renewed credentials, where they are refused.

        Raises:
            ClientError, BotoCoreError: The store refused, or is unreachable.
        """
        connection = self._connection
        try:
            return connection.call(operation, arguments)
        except _REFUSALS as error:
            if not concerns_credentials(error) or not self._is_renewed(connection):
                raise
        return self._connection.call(operation, arguments)

    def signed_request(
        self,
        key: str,
        most_bytes: int,
        method: str = "GET",
        *,
        query: str = "",
        headers: tuple[str, ...] = (),
        body: bytes | None = None,
    ) -> HttpRequest:
        """Return a request for an object, which libcurl signs: it costs a fraction of one that boto3 makes.

        Args:
            key: The object's key, with the vault's prefix.
            most_bytes: How much of the answer's body is read.
            method: `GET` or `PUT`.
            query: Empty, or `?` and the query, percent-encoded.
            headers: Lines `name: value`, all of which are signed.
            body: The object's content.

        Raises:
            BotoCoreError: The credentials are missing.
        """
        context = self._connection.signing_context()
        credentials = context.credentials
        token = (f"x-amz-security-token: {credentials.token}",) if credentials.token else ()
        return HttpRequest(
            context.bucket_url + quote(key, safe="/-._~") + query,
            most_bytes,
            method,
            (*token, *headers),
            body,
            Signature(context.region, credentials.access_key, credentials.secret_key),
        )

    def send_each(
        self, items: Iterable[_Item], request_of: Callable[[_Item], HttpRequest]
    ) -> Iterator[tuple[_Item, HttpAnswer | TransferError]]:
        """Send a request for each item, many in flight, and yield the items with the outcomes, in their order.

        Raises:
            BotoCoreError: The credentials are missing.
        """
        sent = deque[_Item]()

        def requests() -> Iterator[HttpRequest]:
            for item in items:
                sent.append(item)
                yield request_of(item)

        for outcome in self._transport.send_many(requests()):
            yield sent.popleft(), outcome

    def _is_renewed(self, refused: "_Connection") -> bool:
        """Return whether there is a newer connection than the refused one; make one, but not again and again."""
        with self._lock:
            now = time.monotonic()
            if self._connection is refused and now >= self._next_renewal:
                self._next_renewal = now + SECONDS_BETWEEN_RENEWALS
                self._connection = _Connection(Session(), self._bucket, self._attempts, self._transport)
            return self._connection is not refused


class _Connection:
    """A boto3 client, and the session that has its credentials."""

    def __init__(self, session: Session, bucket: Bucket, attempts: int, transport: HttpTransport) -> None:
        path_style = {"addressing_style": "path"} if bucket.endpoint else {}
        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            request_checksum_calculation="when_required",  # a locked write has its own; some stores refuse the default
            response_checksum_validation="when_required",
            signature_version="s3v4",
            s3=path_style,
        )
        # botocore's own way to read a time takes twice as long as all else of a listing.
        session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_parse_time)
        session.register_component("data_loader", _model_loader())
        made = boto3.Session(botocore_session=session)
        self.client = made.client("s3", endpoint_url=bucket.endpoint, region_name=bucket.region, config=config)
        send_by(transport, self.client)
        self._session, self._bucket = session, bucket.name

    def call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self.client, operation)(Bucket=self._bucket, **arguments)
        return answer

    def signing_context(self) -> _SigningContext:
        url, region = self._place
        return _SigningContext(url, region, self._session.get_credentials().get_frozen_credentials())

    @cached_property
    def _place(self) -> tuple[str, str]:
        """The bucket's URL and region, from what botocore signs: it knows endpoints, and follows a bucket's region."""
        parameters = {"Bucket": self._bucket, "Key": _ANY_KEY}
        parts = urlsplit(self.client.generate_presigned_url("get_object", Params=parameters))
        _, _, region, *_ = parse_qs(parts.query)["X-Amz-Credential"][0].split("/")
        return f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(_ANY_KEY)}", region


@cache
def _model_loader() -> Loader:
    """Return what reads S3's model and keeps it: without that, each further client parses a megabyte of JSON again.

    A process that is forked after the first client has the model, too.
    """
    loader: Loader = Session().get_component("data_loader")
    return loader


def _ca_file(session: Session) -> str:
    """Return the file of trusted certificates that boto3 would use (`AWS_CA_BUNDLE`, `REQUESTS_CA_BUNDLE`, its own)."""
    configured = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or True
    return str(get_cert_path(configured))


def _parse_time(value: Any) -> datetime:
    """Return an answer's time: at once where it is in ISO 8601 with a zone, else as botocore reads it."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is None:
        found = parse_timestamp(value)
    return found


def concerns_credentials(error: Exception) -> bool:
    """Return whether other credentials may help. The answer to a HEAD has no code but its status."""
    if not isinstance(error, ClientError):
        return True
    return status_of(error) == FORBIDDEN or code_of(error) in {*CREDENTIALS_REFUSED, "400"}
