"""S3 as the vault and its drill use it: one way to make a client, and one form of a locked write."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import boto3
from botocore.config import Config

from auditseal_vault.s3_answer import guard_answers

_CONNECT_SECONDS = 5
_READ_SECONDS = 30
_CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Bucket:
    """The place of a vault.

    Attributes:
        name: The bucket.
        prefix: The beginning of every key: empty, or ending in a slash.
        endpoint: The store's URL; None for AWS, or whatever boto3's own configuration says.
        region: None for boto3's own.
    """

    name: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None


def make_client(bucket: Bucket, attempts: int) -> Any:
    """Return a boto3 client with credentials from boto3's own chain.

    Args:
        bucket: Whose endpoint and region to use.
        attempts: How often a call is made at most while it times out or is answered by a 5xx; with jitter between.
    """
    path_style = {"addressing_style": "path"} if bucket.endpoint else {}
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        max_pool_connections=_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": attempts},
        request_checksum_calculation="when_required",  # a locked write brings its own; some stores refuse the default
        response_checksum_validation="when_required",
        s3=path_style,
    )
    client = boto3.Session().client("s3", endpoint_url=bucket.endpoint, region_name=bucket.region, config=config)
    guard_answers(client)
    return client


def put_locked(client: Any, bucket: str, key: str, data: bytes, retain_until: datetime) -> None:
    """Create an object under a COMPLIANCE lock, if there is none of that key.

    The checksum is given as a header: left to boto3 it is a trailer over TLS, which not every store reads.

    Raises:
        ClientError: 412 where the key exists; 409 where two writers met, and the call may be repeated.
    """
    client.put_object(
        Bucket=bucket,
        Key=key,
        Body=data,
        IfNoneMatch="*",
        ObjectLockMode="COMPLIANCE",
        ObjectLockRetainUntilDate=retain_until,
        ChecksumAlgorithm="SHA256",
        ChecksumSHA256=b64encode(sha256(data).digest()).decode(),
        ContentType="application/octet-stream",
    )
