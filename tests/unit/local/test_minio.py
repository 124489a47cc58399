"""How MinIO is configured, without starting it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ProfileNotFound

from auditseal_local.errors import LocalStackError
from auditseal_local.minio import MinioNode


def test_minio_credentials_are_random_kept_and_private(tmp_path: Path) -> None:
    node, other = MinioNode(tmp_path / "a"), MinioNode(tmp_path / "b")
    assert node.credentials != other.credentials
    assert MinioNode(tmp_path / "a").credentials == node.credentials
    assert (tmp_path / "a" / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert node.secret_key not in repr(node.credentials)
    assert len(node.secret_key) >= 40


def test_minio_has_no_console_and_its_urls_no_secret(tmp_path: Path) -> None:
    node = MinioNode(tmp_path)
    assert node.environment()["MINIO_BROWSER"] == "off"
    assert node.vault_url("b") == f"s3://b/?endpoint=http://127.0.0.1:{node.ports['api']}"
    assert node.secret_key not in node.vault_url("b")
    assert node.client_environment()["AWS_SECRET_ACCESS_KEY"] == node.secret_key


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "XMinioStorageFull", "Message": "full"}}, "ListBuckets"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:9"),
        ProfileNotFound(profile="absent"),
    ],
)
def test_a_bucket_that_cant_be_made_says_where(tmp_path: Path, monkeypatch, error: Exception) -> None:
    def fail() -> None:
        raise error

    node = MinioNode(tmp_path)
    monkeypatch.setattr(node, "s3", lambda: SimpleNamespace(list_buckets=fail))
    with pytest.raises(LocalStackError, match=rf"can't make the bucket b at {node.endpoint}: .*server\.log"):
        node.make_bucket("b")
    monkeypatch.setattr(node, "s3", fail)
    with pytest.raises(LocalStackError, match="can't make the bucket"):
        node.make_bucket("b")
