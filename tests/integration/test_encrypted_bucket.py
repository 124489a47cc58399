"""A bucket that encrypts by default, on a real MinIO with a KMS key: written, drilled, read and verified as ever."""

import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_local.minio import MinioNode
from auditseal_vault.drill import drill
from auditseal_vault.open import open_vault
from tests.factory.archiver_settings import log_line
from tests.factory.vaults import ORIGINS, make_log

LOG = ORIGINS[0]
BLOCKS = make_log(LOG, (4, 3, 5), partitions=1)
KMS_KEY = "audit-key"


class EncryptingMinio(MinioNode):
    """A MinIO with a key of its own for SSE-S3 and SSE-KMS."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._secret = f"{KMS_KEY}:{b64encode(secrets.token_bytes(32)).decode()}"

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), "MINIO_KMS_SECRET_KEY": self._secret}


@pytest.fixture(scope="module")
def encrypting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioNode]:
    with EncryptingMinio(tmp_path_factory.mktemp("encrypting")) as node:
        yield node


@pytest.mark.minio
@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"SSEAlgorithm": "AES256"}, ("AES256", None)),
        ({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KMS_KEY}, ("aws:kms", f"arn:aws:kms:{KMS_KEY}")),
    ],
    ids=["SSE-S3", "SSE-KMS"],
)
def test_a_bucket_that_encrypts_by_default(
    encrypting: MinioNode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rule: dict[str, str],
    told: tuple[str, str | None],
) -> None:
    for name, value in encrypting.client_environment().items():
        monkeypatch.setenv(name, value)
    bucket = f"sse-{rule['SSEAlgorithm'].lower().replace(':', '-')}"
    encrypting.make_bucket(bucket)
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
    encrypting.s3().put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
    vault = open_vault(encrypting.vault_url(bucket))
    for block in BLOCKS:
        vault.put(LOG.block_key(block.header.height), block.format(), datetime.now(UTC) + timedelta(days=1))
    drill(vault)
    for block in BLOCKS:
        head = encrypting.s3().head_object(Bucket=bucket, Key=LOG.block_key(block.header.height))
        assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == told
    (tmp_path / "trust.txt").write_text(f"vault {vault.url}\n{log_line(LOG)}")
    answer = CliRunner().invoke(app, ["verify", "--trust", str(tmp_path / "trust.txt")])
    assert answer.exit_code == 0, answer.output
    stored = b"".join(
        path.read_bytes() for path in (encrypting.directory / "data" / bucket).rglob("*") if path.is_file()
    )
    assert len(stored) > 500
    assert all(block.format()[:64] not in stored for block in BLOCKS)
