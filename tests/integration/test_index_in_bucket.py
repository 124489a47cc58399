"""An index in a bucket of a real MinIO: built, built on, searched, and found to be changed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from auditseal_local.minio import MinioNode
from auditseal_search import segment_file
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
