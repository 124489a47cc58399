"""A real versitygw, an S3 gateway in front of a directory, built from pinned source once."""

import secrets
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import boto3

from auditseal_local.go_program import GoModule
from auditseal_local.minio import REGION
from auditseal_local.node import Node
from auditseal_local.ports import LOOPBACK

VERSITYGW = GoModule(
    title="versitygw",
    module="github.com/versity/versitygw",
    version="v1.8.0",
    digest="h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=",
    pins=Path(__file__).parent / "versitygw_build",
    commands=("github.com/versity/versitygw/cmd/versitygw",),
)


class VersityNode(Node):
    """A gateway with versions and Object Lock, whose buckets are folders in `directory/data`."""

    title: ClassVar[str] = "versitygw"
    port_names: ClassVar[tuple[str, ...]] = ("api",)

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._access_key, self._secret_key = secrets.token_hex(8), secrets.token_hex(16)

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['api']}"

    def vault_url(self, bucket: str) -> str:
        """Return a bucket as a vault's URL."""
        return f"s3://{bucket}/?endpoint={self.address}"

    def client_environment(self) -> dict[str, str]:
        """Return the variables by which boto3 finds the credentials of the root user."""
        return {
            "AWS_ACCESS_KEY_ID": self._access_key,
            "AWS_SECRET_ACCESS_KEY": self._secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }

    def make_bucket(self, name: str) -> None:
        """Make a bucket with Object Lock."""
        self.s3().create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)

    def s3(self) -> Any:
        """Return a boto3 client of the root user."""
        keys = {"aws_access_key_id": self._access_key, "aws_secret_access_key": self._secret_key}
        return boto3.client("s3", endpoint_url=self.address, region_name=REGION, **keys)

    def environment(self) -> Mapping[str, str]:
        keys = {"ROOT_ACCESS_KEY_ID": self._access_key, "ROOT_SECRET_ACCESS_KEY": self._secret_key}
        return {**super().environment(), **keys}

    def prepare(self) -> Sequence[str]:
        folders = {name: self.directory / name for name in ("data", "versions", "sidecar")}
        for folder in folders.values():
            folder.mkdir(exist_ok=True)
        (binary,) = VERSITYGW.binaries(self.progress)
        gateway = [str(binary), "--port", f"{LOOPBACK}:{self.ports['api']}", "--health", "/health", "--quiet"]
        posix = ["posix", "--versioning-dir", str(folders["versions"]), "--sidecar", str(folders["sidecar"])]
        return [*gateway, *posix, str(folders["data"])]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
