"""Vault URLs: what they name, and what they never hold."""

from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader

from auditseal_schemas.errors import ConfigurationError, UnavailableError
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.open import open_reader, open_vault
from auditseal_vault.s3 import S3Vault


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("s3://bucket", "s3://bucket/"),
        ("s3://bucket/", "s3://bucket/"),
        ("s3://bucket/a/b/", "s3://bucket/a/b/"),
        ("s3://bucket/a%20b", "s3://bucket/a%20b/"),
        ("s3://bucket?region=us-east-1", "s3://bucket/?region=us-east-1"),
        (
            "s3://bucket/p?region=x&endpoint=http://127.0.0.1:9000",
            "s3://bucket/p/?endpoint=http://127.0.0.1:9000&region=x",
        ),
    ],
)
def test_buckets(url: str, canonical: str) -> None:
    vault = open_vault(url)
    assert isinstance(vault, S3Vault)
    assert vault.url == canonical
    assert open_reader(canonical).url == canonical


def test_the_model_of_s3_is_parsed_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    open_vault("s3://bucket")
    parsed = list[str]()
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda _, path: parsed.append(path))
    open_vault("s3://other?endpoint=http://127.0.0.1:9000")
    assert parsed == []


def test_directories(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    vault = open_vault(f"file://{tmp_path}/a%20b")
    assert isinstance(vault, DirectoryVault)
    assert vault.url == f"file://{tmp_path}/a%20b"


def test_a_directory_that_is_missing_may_be_a_disk_that_is(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="is it mounted"):
        open_vault(f"file://{tmp_path}/vault")
    (tmp_path / "vault").touch()
    with pytest.raises(UnavailableError, match="is it mounted"):
        open_reader(f"file://{tmp_path}/vault")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bucket",
        "/path",
        "file:relative",
        "file://host/path",
        "file:///path?x=1",
        "http://bucket/",
        "s3://",
        "s3:///prefix",
        "s3://key:secret@bucket/",
        "s3://bucket/#fragment",
        "s3://bucket?secret=x",
        "s3://bucket?endpoint=",
        "s3://bucket?endpoint",
        "s3://bucket?region=a&region=b",
        "s3://bucket?endpoint=127.0.0.1:9000",
        "s3://bucket?endpoint=ftp://127.0.0.1",
        "s3://bucket?endpoint=http://",
        "s3://bucket?endpoint=http://127.0.0.1:99999",
        "s3://bucket?endpoint=http://127.0.0.1%23x",
    ],
)
def test_what_is_no_vault(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_vault(url)


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:hunter2@bucket/",
        "s3://key:hunter2%40bucket/",
        "s3://bucket?endpoint=http://key:hunter2@127.0.0.1:9000",
        "s3://bucket?endpoint=http%3A%2F%2Fkey%3Ahunter2%40127.0.0.1",
        "s3://bucket?endpoint=http://key:hunter2%2540127.0.0.1",
        "s3://bucket?endpoint=ftp:key:hunter2@host",
        "s3://bucket?key:hunter2@host",
        "ftp:key:hunter2@bucket",
        "file://key:hunter2@host/path",
        "s3://[key:hunter2@bucket",
    ],
)
def test_credentials_are_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        open_vault(url)
    assert "hunter2" not in str(refused.value)
