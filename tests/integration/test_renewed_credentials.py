"""A store whose keys are changed while a vault is open: the vault continues with the new ones, for every request."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from auditseal_local.minio import REGION, MinioNode
from auditseal_schemas.errors import UnavailableError
from auditseal_vault import s3_client
from auditseal_vault.drill import drill
from auditseal_vault.errors import AlreadyStoredError
from auditseal_vault.interface import StoredObject, StoredVersion, Vault
from auditseal_vault.open import open_vault

KEY = "v1/object"
pytestmark = pytest.mark.minio


def until() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=10)


class KeyFile:
    """The file of credentials that operators rewrite in place."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, access_key: str, secret_key: str, token: str = "") -> None:
        lines = ["[default]", f"aws_access_key_id = {access_key}", f"aws_secret_access_key = {secret_key}"]
        lines += [f"aws_session_token = {token}"] if token else []
        self.path.write_text("\n".join(lines))


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyFile:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(s3_client, "SECONDS_BETWEEN_RENEWALS", 0.0)
    return KeyFile(tmp_path / "credentials")


CALLS: dict[str, Callable[[Vault, StoredVersion], object]] = {
    "list": lambda vault, _: [entry.key for entry in vault.versions("v1/")],
    "holds": lambda vault, _: vault.holds(KEY),
    "read": lambda vault, version: vault.read(KEY, version.version_id),
    "read_many": lambda vault, version: [
        entry.data for entry in vault.read_many([version] * 20) if isinstance(entry, StoredObject)
    ],
    "retention": lambda vault, version: vault.retention(KEY, version.version_id),
    "put": lambda vault, _: _put(vault),
    "drill": lambda vault, _: drill(vault),
}


def refused(call: Callable[[Vault, StoredVersion], object], vault: Vault, version: StoredVersion, code: str) -> None:
    """Check that a call is refused; `holds` is a hint, which then is no."""
    if call is CALLS["holds"]:
        assert call(vault, version) is False
    else:
        with pytest.raises(UnavailableError, match=code):
            call(vault, version)


def _put(vault: Vault) -> str:
    try:
        vault.put(KEY, b"other", until())
    except AlreadyStoredError:
        return "exists"
    return "stored"


def rotate(directory: Path, *, access_key: str | None = None) -> None:
    """Change the root user's password, and name where one is given, in the directory of a store that isn't running."""
    path = directory / "credentials.json"
    credentials = json.loads(path.read_text())
    path.write_text(json.dumps({"access_key": access_key or credentials["access_key"], "secret_key": "renewed-secret"}))


@pytest.mark.parametrize(
    ("access_key", "code"), [(None, "SignatureDoesNotMatch"), ("another-user", "InvalidAccessKeyId")]
)
def test_every_verb_goes_on_with_renewed_keys(
    tmp_path: Path, key_file: KeyFile, access_key: str | None, code: str
) -> None:
    with MinioNode(tmp_path / "minio") as store:
        store.make_bucket("bucket")
        key_file.write(store.access_key, store.secret_key)
        vaults = {name: open_vault(f"s3://bucket?endpoint={store.endpoint}") for name in CALLS}
        vaults["put"].put(KEY, b"content", until())
        (version,) = vaults["list"].versions("v1/")
        before = {name: call(vaults[name], version) for name, call in CALLS.items()}
    rotate(tmp_path / "minio", access_key=access_key)
    with MinioNode(tmp_path / "minio") as store:
        for name, call in CALLS.items():
            refused(call, vaults[name], version, code)
        key_file.write(store.access_key, store.secret_key)
        assert {name: call(vaults[name], version) for name, call in CALLS.items()} == before
    assert before["read_many"] == [b"content"] * 20


def session_of(store: MinioNode) -> tuple[str, str, str]:
    """Return key, secret and token of a new session of the store's root user."""
    sts = boto3.client(
        "sts",
        endpoint_url=store.endpoint,
        region_name=REGION,
        aws_access_key_id=store.access_key,
        aws_secret_access_key=store.secret_key,
    )
    answer = sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/any", RoleSessionName="any")["Credentials"]
    return answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]


def test_session_tokens_are_used_and_renewed(
    minio: MinioNode, new_bucket: Callable[[], str], key_file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret, token = session_of(minio)
    key_file.write(key, secret, token)
    url = f"s3://{new_bucket()}?endpoint={minio.endpoint}"
    open_vault(url).put(KEY, b"content", until())
    (version,) = open_vault(url).versions("v1/")
    at_once = open_vault(url)
    monkeypatch.setattr(at_once, "read", None)  # by which an object is read again that a first request didn't get
    assert CALLS["read_many"](at_once, version) == [b"content"] * 20
    key_file.write(key, secret, token[:-8] + "AAAAAAAA")
    vaults = {name: open_vault(url) for name in CALLS}
    for name, call in CALLS.items():
        refused(call, vaults[name], version, "InvalidTokenId")
    key_file.write(*session_of(minio))
    for name, call in CALLS.items():
        call(vaults[name], version)
    assert CALLS["read_many"](vaults["read_many"], version) == [b"content"] * 20


def test_credentials_that_come_later(minio: MinioNode, new_bucket: Callable[[], str], key_file: KeyFile) -> None:
    with_none = f"s3://{new_bucket()}?endpoint={minio.endpoint}"
    key_file.path.write_text("[default]\n")
    vault = open_vault(with_none)
    with pytest.raises(UnavailableError, match="Unable to locate credentials"):
        list(vault.versions("v1/"))
    with pytest.raises(UnavailableError, match="Unable to locate credentials"):
        list(vault.read_many([StoredVersion(KEY, "", True, False, 1)]))
    key_file.write(minio.access_key, minio.secret_key)
    assert list(vault.versions("v1/")) == []
