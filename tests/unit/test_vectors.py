"""The golden vaults: made again byte for byte, and judged by the second reader."""

import json
from pathlib import Path
from typing import Any

import pytest

from auditseal_schemas.errors import TrustError
from auditseal_schemas.trust import Trust
from auditseal_schemas.verdict import Verdict
from tests.oracle.reader import Refused
from tests.oracle.verifier import values
from tests.vectors.make import FOLDER, INDEX, files

VECTORS: list[dict[str, Any]] = json.loads((FOLDER / INDEX).read_text(encoding="utf-8"))
MOST_BYTES = 1_250_000
STORED = "has_store"
REMEMBERED = {"remembered", "newest_after"}


def by_name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def in_hex(record: tuple[int, bytes | None]) -> list[int | str | None]:
    offset, value = record
    return [offset, None if value is None else value.hex()]


def lay_out(vector: dict[str, Any], folder: Path) -> Path:
    """Write a vector's objects as a vault in a directory."""
    for key, (version, *_) in vector["objects"].items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((FOLDER / version["file"]).read_bytes())
    return folder


def test_the_script_makes_every_file_again_and_no_other() -> None:
    made = dict(files())
    kept = {path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("objects/*")} | {INDEX}
    assert set(made) == kept
    assert [name for name, data in made.items() if data != (FOLDER / name).read_bytes()] == []
    assert sum(map(len, made.values())) < MOST_BYTES


def test_every_verdict_has_a_vector() -> None:
    assert {finding["verdict"] for vector in VECTORS for finding in vector["findings"]} == set(Verdict)


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if "trust_error" in vector], ids=by_name)
def test_a_trust_file_that_can_not_be_relied_on_is_refused(vector: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(TrustError):
        Trust.parse(vector["trust"].encode())
    with pytest.raises((Refused, ValueError)):
        values(lay_out(vector, tmp_path), vector["trust"])


# The second reader sees directories: no versions and no locks, and it remembers nothing.
CONTENTS = [vector for vector in VECTORS if not (REMEMBERED | {"trust_error"}) & set(vector) and not vector[STORED]]


@pytest.mark.parametrize("vector", CONTENTS, ids=by_name)
def test_the_second_reader_finds_the_first_fault(vector: dict[str, Any], tmp_path: Path) -> None:
    vault = lay_out(vector, tmp_path)
    if not vector["findings"]:
        found = values(vault, vector["trust"])
        assert vector["values"] == {origin: list(map(in_hex, log)) for origin, log in found.items()}
        return
    with pytest.raises(Refused) as caught:
        values(vault, vector["trust"])
    expected, found = vector["findings"][0], caught.value
    assert found.verdict == expected["verdict"]
    assert found.place == (expected["origin"], expected.get("height", -1))
    assert found.offset == expected.get("offset")
    if "field" in expected:
        assert found.field == expected["field"]
