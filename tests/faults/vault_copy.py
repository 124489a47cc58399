"""A bucket read by nothing but S3 calls: every version looked at, its lock too, and its bytes put into a folder.

The folder is what the two readers judge. This module knows nothing of blocks, and imports nothing of the product.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_NOT_BLOCKS = ("v1-drill/", "v1-holds/")
"""Drills leave objects without a lock, and holds their records, which `verify` checks."""


class StorageFaultError(AssertionError):
    """The bucket holds what no archiver may have left there."""


@dataclass(frozen=True)
class Stored:
    """One object: its key, where its bytes were put, and when the store took it (s since the epoch)."""

    key: str
    path: Path
    at: float


def copy_vault(s3: Any, bucket: str, folder: Path) -> list[Stored]:
    """Copy every block into a new folder; each key must have one version, locked in COMPLIANCE mode, and no marker.

    Raises:
        StorageFaultError: One hasn't.
    """
    versions, markers = [], []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions += [entry for entry in page.get("Versions", ()) if not entry["Key"].startswith(_NOT_BLOCKS)]
        markers += [each["Key"] for each in page.get("DeleteMarkers", ()) if not each["Key"].startswith(_NOT_BLOCKS)]
    twice = [key for key, times in Counter(entry["Key"] for entry in versions).items() if times > 1]
    if markers or twice:
        raise StorageFaultError(f"delete markers at {markers}, more than one version of {twice}")
    return [_copy(s3, bucket, entry, folder) for entry in versions]


def _copy(s3: Any, bucket: str, entry: dict[str, Any], folder: Path) -> Stored:
    key = entry["Key"]
    answer = s3.get_object(Bucket=bucket, Key=key, VersionId=entry["VersionId"])
    mode, until = answer.get("ObjectLockMode"), answer.get("ObjectLockRetainUntilDate")
    if mode != "COMPLIANCE" or until is None or until <= datetime.now(UTC):
        raise StorageFaultError(f"{key} is locked by {mode} until {until}")
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(answer["Body"].read())
    return Stored(key, path, entry["LastModified"].timestamp())
