"""One real MinIO server with one drive, on loopback, its console off."""

import http.client
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from auditseal_local.errors import LocalStackError
from auditseal_local.minio_binary import minio_binary
from auditseal_local.node import Node
from auditseal_local.ports import LOOPBACK
from auditseal_local.process import Launch, launch_guarded
from auditseal_local.progress import Progress, silent
from auditseal_local.state_file import reading_state

REGION = "us-east-1"


@dataclass(frozen=True)
class Credentials:
    """The root user of one data directory."""

    access_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def keep(cls, path: Path) -> Self:
        """Return the credentials in `path`; if it is missing, write random ones there, readable by this user only."""
        if path.exists():
            with reading_state(path):
                return cls(**json.loads(path.read_text()))
        drawn = cls(f"local-{secrets.token_hex(8)}", secrets.token_urlsafe(32))
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(drawn), file)
        return drawn


class MinioNode(Node):
    """An S3 store that enforces Object Lock."""

    title: ClassVar[str] = "MinIO"
    port_names: ClassVar[tuple[str, ...]] = ("api",)

    def __init__(self, directory: Path, *, launch: Launch = launch_guarded, progress: Progress = silent) -> None:
        """Take the directory, its ports and its credentials as `Node` does; start nothing."""
        super().__init__(directory, launch=launch, progress=progress)
        self.credentials = Credentials.keep(self.directory / "credentials.json")

    @property
    def endpoint(self) -> str:
        """The S3 endpoint's URL."""
        return f"http://{LOOPBACK}:{self.ports['api']}"

    @property
    def address(self) -> str:
        """The same."""
        return self.endpoint

    @property
    def access_key(self) -> str:
        """The root user's name."""
        return self.credentials.access_key

    @property
    def secret_key(self) -> str:
        """The root user's password."""
        return self.credentials.secret_key

    def vault_url(self, bucket: str) -> str:
        """Return `bucket` as a vault's URL, which never holds credentials."""
        return f"s3://{bucket}/?endpoint={self.endpoint}"

    def client_environment(self) -> dict[str, str]:
        """Return the variables by which boto3's own chain finds the credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }

    def s3(self) -> Any:
        """Return a boto3 S3 client as the root user."""
        import boto3  # noqa: PLC0415  (0.3 s that a start of the server needn't pay)

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )

    def make_bucket(self, name: str) -> None:
        """Make the bucket `name` with Object Lock enabled (and so versioning); an existing one stays.

        Raises:
            LocalStackError: The server refuses or is gone, or boto3 can't use its own configuration.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            s3 = self.s3()
            if name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
                s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        except (BotoCoreError, ClientError) as error:
            raise LocalStackError(
                f"can't make the bucket {name} at {self.endpoint}: {error}. Its log is {self.log}"
            ) from error

    def prepare(self) -> Sequence[str]:
        """Return the server's command, with a binary that may have to be built first."""
        data, certificates = self.directory / "data", self.directory / "certs"
        for folder in (data, certificates):
            folder.mkdir(mode=0o700, exist_ok=True)
        address = f"{LOOPBACK}:{self.ports['api']}"
        binary = minio_binary(self.progress)
        return [str(binary), "server", "--address", address, "--certs-dir", str(certificates), str(data)]

    def environment(self) -> Mapping[str, str]:
        """Return what `Node` does, the root user, and the console off."""
        return {
            **super().environment(),
            "HOME": str(self.directory),  # it would make an empty ~/.minio
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_BROWSER": "off",
        }

    def is_ready(self) -> bool:
        """Return whether its own readiness check passes."""
        connection = http.client.HTTPConnection(LOOPBACK, self.ports["api"], timeout=2)
        try:
            connection.request("GET", "/minio/health/ready")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
