"""The golden vaults: made again byte for byte, and judged by the second reader."""

import os
from pathlib import Path
from typing import Any

import pytest

from auditseal_schemas.errors import TrustError
from auditseal_schemas.trust import Trust
from auditseal_schemas.verdict import Verdict
from tests.oracle.reader import Refused
from tests.oracle.verifier import values
from tests.vectors.holds import NAME as HOLDS
from tests.vectors.make import FOLDER, INDEX, files
from tests.vectors.read import content_of, read_vectors, trust_of
from tests.vectors.recorded import NAME

VECTORS = read_vectors()
MOST_BYTES = 1_700_000
STORED = "has_store"
REMEMBERED = {"remembered", "newest_after"}


def by_name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def str_or_name(value: dict[str, Any] | str) -> str:
    return value if isinstance(value, str) else by_name(value)


def in_hex(record: tuple[int, bytes | None]) -> list[int | str | None]:
    offset, value = record
    return [offset, None if value is None else value.hex()]


def lay_out(vector: dict[str, Any], folder: Path, kind: str = "directory") -> Path:
    """Write a vector's objects as a vault in a directory."""
    for key, (version, *_) in vector["objects"].items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if version.get("unreadable"):
            lay_out_something_else(path, kind)
        else:
            path.write_bytes(content_of(version) or b"")
    return folder


def lay_out_something_else(path: Path, kind: str) -> None:
    """Make an entry that is not a regular file."""
    match kind:
        case "directory":
            path.mkdir()
        case "link":
            path.symlink_to("nowhere")
        case "FIFO":
            os.mkfifo(path)


def test_the_script_makes_every_file_again_and_no_other() -> None:
    made = dict(files())
    kept = {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("objects/*")} | {INDEX, NAME, HOLDS}
    assert set(made) == kept
    assert [name for name, data in made.items() if data != (FOLDER / name).read_bytes()] == []
    assert sum(map(len, made.values())) < MOST_BYTES


def test_every_verdict_has_a_vector() -> None:
    assert {finding["verdict"] for vector in VECTORS for finding in vector["findings"]} == set(Verdict)


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if "trust_error" in vector], ids=by_name)
def test_a_trust_file_that_can_not_be_relied_on_is_refused(vector: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(TrustError):
        Trust.parse(trust_of(vector))
    with pytest.raises((Refused, ValueError)):
        values(lay_out(vector, tmp_path), trust_of(vector).decode())


# The second reader sees directories: no versions and no locks, and it remembers nothing.
CONTENTS = [vector for vector in VECTORS if not (REMEMBERED | {"trust_error"}) & set(vector) and not vector[STORED]]


KINDS = [
    (vector, kind)
    for vector in CONTENTS
    for kind in (("directory", "link", "FIFO") if "unreadable" in str(vector["objects"]) else ("",))
]


@pytest.mark.parametrize(
    ("vector", "kind"), KINDS, ids=lambda value: value if isinstance(value, str) else by_name(value)
)
def test_the_second_reader_finds_the_first_fault(vector: dict[str, Any], kind: str, tmp_path: Path) -> None:
    vault, trust = lay_out(vector, tmp_path, kind), trust_of(vector).decode()
    if not vector["findings"]:
        found = values(vault, trust)
        assert vector["values"] == {origin: list(map(in_hex, log)) for origin, log in found.items()}
        return
    with pytest.raises(Refused) as caught:
        values(vault, trust)
    expected, found = vector["findings"][0], caught.value
    assert found.verdict == expected["verdict"]
    assert found.place == (expected["origin"], expected.get("height", -1))
    assert found.offset == expected.get("offset")
    if "field" in expected:
        assert found.field == expected["field"]
