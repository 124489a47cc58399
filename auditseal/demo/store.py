"""The two stores for the demo's blocks: a directory, or a real MinIO with Object Lock."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from auditseal.demo.environment import adopt_environment
from auditseal.demo.folder import DemoFolder
from auditseal_local.errors import LocalStackError
from auditseal_local.minio import MinioNode
from auditseal_local.progress import Progress
from auditseal_schemas.origin import Origin
from auditseal_vault.interface import VaultReader
from auditseal_vault.open import open_reader

_BUCKET = "auditseal-demo"


class Store(AbstractContextManager["Store"], ABC):
    """Where blocks go. As a context manager it runs what it needs."""

    url: str
    described: str
    caveat: str
    trust_lines: str = ""

    def environment(self) -> dict[str, str]:
        """Return the variables that clients need to reach it."""
        return {}

    def reader(self) -> VaultReader:
        """Return the vault, for reading."""
        return open_reader(self.url)

    @abstractmethod
    def attack(self, origin: Origin) -> str:
        """Try to delete a block as an administrator; return the outcome as a sentence."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what runs."""


class DirectoryStore(Store):
    """A directory: it shows tampering but does not prevent it."""

    def __init__(self, folder: DemoFolder) -> None:
        self._directory = folder.vault
        self.url = folder.vault.as_uri()
        self.described = f"the vault is the directory {folder.vault}"
        self.caveat = (
            "This vault is a directory: it shows tampering but does not prevent it. It is not WORM storage;\n"
            "make demo VAULT=minio shows one."
        )

    def __enter__(self) -> Self:
        self._directory.mkdir(exist_ok=True)
        return self

    def attack(self, origin: Origin) -> str:  # noqa: ARG002  (the interface's)
        """Return a sentence that says what the other store does."""
        return "a directory does not prevent changes: `make demo VAULT=minio` shows a store that does"


class MinioStore(Store):
    """A real MinIO with Object Lock in COMPLIANCE mode."""

    def __init__(self, folder: DemoFolder, progress: Progress) -> None:
        self._node = MinioNode(folder.directory / "minio", progress=progress)
        self.url = self._node.vault_url(_BUCKET)
        self.described = f"the vault is a real MinIO at {self._node.endpoint}: Object Lock, COMPLIANCE, 1 day"
        self.caveat = (
            "The vault was a real MinIO under Object Lock; it ends with this demo, and a copy stays in the folder."
        )

    def __enter__(self) -> Self:
        self._node.start()
        adopt_environment(self.environment())
        self._node.make_bucket(_BUCKET)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._node.stop()

    def environment(self) -> dict[str, str]:
        """Return the credentials, as boto3's own chain finds them."""
        return self._node.client_environment()

    def attack(self, origin: Origin) -> str:
        """Delete a locked version as the store's root user, with every bypass that S3 offers.

        Raises:
            LocalStackError: The store allowed it, or is unreachable.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (it comes with boto3, which is slow to load)

        stored = next(iter(self.reader().versions(origin.blocks_prefix)))
        try:
            self._node.s3().delete_object(
                Bucket=_BUCKET, Key=stored.key, VersionId=stored.version_id, BypassGovernanceRetention=True
            )
        except ClientError as refusal:
            said = refusal.response["Error"]
            return f"the store's root user may not delete {stored.key}: {said['Code']}: {said['Message']}"
        except BotoCoreError as error:
            raise LocalStackError(f"the store can't be reached to delete {stored.key}: {error}") from error
        raise LocalStackError(f"the store deleted the locked {stored.key}")
