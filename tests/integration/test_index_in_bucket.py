"""An index in a bucket of a real MinIO: built, built on, searched, and found to be changed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from auditseal_local.minio import REGION, MinioNode
from auditseal_schemas.errors import UnavailableError
from auditseal_search import segment_file
from auditseal_search.index_store import IndexStore, open_index
from tests.unit.search.test_search_command import BLOCKS, LOG, VALUES, Place


class BucketPlace(Place):
    """The vault in a directory, the index in a bucket."""

    def __init__(self, folder: Path, index: str) -> None:
        super().__init__(folder)
        self.index = index  # type: ignore[assignment]  (the command takes either)


@pytest.fixture
def place(
    tmp_path: Path, minio: MinioNode, new_bucket: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> BucketPlace:
    for name, value in minio.client_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("auditseal_search.manifest.FULL", 150)
    monkeypatch.setattr(segment_file, "FULL", 150)
    return BucketPlace(tmp_path, minio.vault_url(new_bucket()).replace("?", "/an/index?"))


def test_it_is_built_and_searched_where_it_is(place: BucketPlace) -> None:
    for block in BLOCKS:
        place.put([block])
        built = place.build()
        assert built.exit_code == 0, built.output
    everything = place.search("")
    assert everything["total"] == len(VALUES)
    (log,) = everything["answer"]["logs"]  # type: ignore[index]
    assert (log["indexed"], log["read"]) == (len(BLOCKS), 0)
    assert place.search("outcome = DENIED")["hits"] == place.search("outcome = DENIED", index=False)["hits"]
    assert place.run("index", "verify", "--jobs", "1").exit_code == 0


def test_a_segment_that_was_removed_is_found(place: BucketPlace, minio: MinioNode) -> None:
    place.put(BLOCKS)
    place.build()
    bucket = str(place.index).split("/")[2]
    keys = [entry["Key"] for entry in minio.s3().list_objects_v2(Bucket=bucket)["Contents"]]
    segments = [key for key in keys if key.endswith(".parquet")]
    assert len(segments) == 3
    assert all(str(LOG) in key for key in keys)
    minio.s3().delete_object(Bucket=bucket, Key=segments[1])
    done = place.run("index", "verify", "--jobs", "1", "--json")
    assert done.exit_code == 3
    assert "not in" in json.loads(done.stdout)["findings"][0]["problem"]
    assert place.run("search", "").exit_code == 1


CALLS: dict[str, Callable[[IndexStore, Path], object]] = {
    "read": lambda store, _: store.read("a"),
    "fetch": lambda store, path: store.fetch("a", path.with_name("copy")),
    "write": lambda store, _: store.write("b", b"two"),
    "store": lambda store, path: store.store("c", path),
    "names": lambda store, _: store.names(""),
    "remove": lambda store, _: store.remove("b"),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_request_continues_with_renewed_credentials(
    name: str, minio: MinioNode, new_bucket: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    def write_keys(secret: str) -> None:
        lines = ["[default]", f"aws_access_key_id = {minio.access_key}", f"aws_secret_access_key = {secret}"]
        (tmp_path / "credentials").write_text("\n".join(lines))

    write_keys(minio.secret_key)
    store = open_index(minio.vault_url(new_bucket()).replace("?", "/an/index?"))
    store.write("a", b"one")
    (tmp_path / "file").write_bytes(b"three")
    write_keys("a former secret")
    stale = open_index(f"{store.url}?endpoint={minio.endpoint}")
    with pytest.raises(UnavailableError, match="index file"):
        CALLS[name](stale, tmp_path / "file")
    write_keys(minio.secret_key)
    found = CALLS[name](stale, tmp_path / "file")
    assert found in {"read": [b"one"], "fetch": [True], "names": [["a"]]}.get(name, [None])


def test_a_bucket_that_is_not_there_is_a_failure(
    minio: MinioNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"three")
    for name, value in minio.client_environment().items():
        monkeypatch.setenv(name, value)
    store = open_index(minio.vault_url("nowhere").replace("?", "/an/index?"))
    for name in ("write", "store", "names"):
        with pytest.raises(UnavailableError, match="NoSuchBucket"):
            CALLS[name](store, tmp_path / "file")
