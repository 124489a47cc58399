"""Encryption at rest on a real MinIO with a KMS key: asked for, checked at each write and by the drill, reported."""

import json
import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_auditor.findings import AtRest
from auditseal_local.minio import MinioNode
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_vault.drill import drill
from auditseal_vault.encryption import Encryption
from auditseal_vault.interface import Vault
from auditseal_vault.open import open_vault
from tests.factory.archiver_settings import log_line
from tests.factory.vaults import ORIGINS, make_log

pytestmark = pytest.mark.minio

LOG = ORIGINS[0]
BLOCKS = make_log(LOG, (4, 3, 5), partitions=1)
KMS_KEY = "audit-key"
SSE_S3, SSE_KMS = Encryption("AES256"), Encryption("aws:kms", KMS_KEY)
SSE_KMS_ANSWER = Encryption("aws:kms", f"arn:aws:kms:{KMS_KEY}")


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


@pytest.fixture
def bucket(encrypting: MinioNode, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of a new bucket without default encryption."""
    for name, value in encrypting.client_environment().items():
        monkeypatch.setenv(name, value)
    name = f"sse-{secrets.token_hex(4)}"
    encrypting.make_bucket(name)
    return encrypting.vault_url(name)


def put_all(vault: Vault) -> None:
    for block in BLOCKS:
        vault.put(LOG.block_key(block.header.height), block.format(), datetime.now(UTC) + timedelta(days=1))


def encryptions(vault: Vault) -> set[Encryption | None]:
    return {vault.encryption(entry.key, entry.version_id) for entry in vault.versions("v1/")}


def stored_bytes(node: MinioNode, url: str) -> bytes:
    folder = node.directory / "data" / url.split("/")[2]
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(("asked", "answer"), [(SSE_S3, SSE_S3), (SSE_KMS, SSE_KMS_ANSWER)], ids=["SSE-S3", "SSE-KMS"])
@pytest.mark.parametrize("by_default", [False, True], ids=["asked", "by default"])
def test_a_vault_that_is_encrypted(
    encrypting: MinioNode,
    bucket: str,
    tmp_path: Path,
    asked: Encryption,
    answer: Encryption,
    by_default: bool,
) -> None:
    if by_default:
        rule = {"SSEAlgorithm": asked.algorithm} | ({"KMSMasterKeyID": asked.key_id} if asked.key_id else {})
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
        encrypting.s3().put_bucket_encryption(Bucket=bucket.split("/")[2], ServerSideEncryptionConfiguration=rules)
    kind, vault = AtRest.of(asked), open_vault(bucket, None if by_default else asked)
    put_all(vault)
    assert drill(vault) == answer
    assert encryptions(vault) == {answer}
    (tmp_path / "trust.txt").write_text(f"vault {vault.url}\n{log_line(LOG)}")
    options = ["verify", "--trust", str(tmp_path / "trust.txt")]
    checked = CliRunner().invoke(app, [*options, "--textfile", str(tmp_path / "auditseal.prom")])
    assert checked.exit_code == 0, checked.output
    assert f"encrypted at rest, as the store says: {kind} 3" in checked.output
    sample = f'auditseal_verify_blocks_at_rest{{encryption="{kind}",origin="{LOG}"}} 3.0'
    assert sample in (tmp_path / "auditseal.prom").read_text()
    stored = stored_bytes(encrypting, bucket)
    assert len(stored) > 500
    assert all(block.format()[:64] not in stored for block in BLOCKS)


def test_a_store_that_ignores_what_is_asked_for_is_refused_by_the_drill_and_at_the_first_write(
    encrypting: MinioNode, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that drops the headers: the write arrives without them, and the real store answers truly."""
    vault = open_vault(bucket, SSE_KMS)
    monkeypatch.setattr(Encryption, "arguments", lambda _: {})
    for attempt in (lambda: drill(vault), lambda: put_all(vault)):
        with pytest.raises(HaltError, match="the store's answer says that it is not encrypted at rest") as caught:
            attempt()
        assert caught.value.halt is Halt.NOT_ENCRYPTED
    assert len(list(vault.versions("v1/"))) == 1
    assert BLOCKS[0].format()[:64] in stored_bytes(encrypting, bucket)  # which is why it has to halt


def test_a_store_that_encrypts_with_another_way_is_refused(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = open_vault(bucket, SSE_KMS)
    monkeypatch.setattr(Encryption, "arguments", lambda _: SSE_S3_ARGUMENTS)
    with pytest.raises(HaltError, match=r"aws:kms with the key 'audit-key' was asked for.*encrypted by AES256"):
        drill(vault)


SSE_S3_ARGUMENTS = {"ServerSideEncryption": "AES256"}


def test_a_key_that_the_kms_does_not_have_is_waited_for_and_nothing_is_stored(bucket: str) -> None:
    vault = open_vault(bucket, Encryption("aws:kms", "another-key"))
    for attempt in (lambda: drill(vault), lambda: put_all(vault)):
        with pytest.raises(UnavailableError, match="key"):
            attempt()
    assert list(vault.versions("")) == []


def test_a_store_without_a_kms_is_waited_for_and_nothing_is_stored(
    minio: MinioNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in minio.client_environment().items():
        monkeypatch.setenv(name, value)
    name = f"sse-{secrets.token_hex(4)}"
    minio.make_bucket(name)
    vault = open_vault(minio.vault_url(name), SSE_S3)
    for attempt in (lambda: drill(vault), lambda: put_all(vault)):
        with pytest.raises(UnavailableError, match="KMS is not configured"):
            attempt()
    assert list(vault.versions("")) == []


def test_the_drill_as_a_command_shows_and_asks(bucket: str) -> None:
    options = ["drill", "--vault", bucket, "--json"]
    shown = CliRunner().invoke(app, options)
    assert json.loads(shown.output)["encryption"] is None
    asked = CliRunner().invoke(app, [*options, "--encryption", "SSE-KMS", "--kms-key", KMS_KEY])
    assert (asked.exit_code, json.loads(asked.output)["encryption"]) == (0, "aws:kms"), asked.output
    assert CliRunner().invoke(app, [*options, "--encryption", "SSE-KMS"]).exit_code == 2
