"""The plain reader by itself: an honest vault is read, and what the storage's owner changed in one is refused."""

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pytest

from tests.faults import plain_reader
from tests.faults.plain_reader import UnsoundError, read_vault
from tests.unit.test_faults_oracle import EVENTS, HONEST, ORIGIN, store

Records = list[dict[str, Any]]


def test_it_imports_nothing_of_the_project_and_little_else() -> None:
    tree = ast.parse(Path(plain_reader.__file__).read_text())
    modules = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    modules += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name for name in modules if name.partition(".")[0] not in sys.stdlib_module_names} == {"fastavro"}


def test_an_honest_vault_is_read(tmp_path: Path) -> None:
    found = read_vault(store(tmp_path, HONEST))
    assert found == {str(ORIGIN): [(event.at, event.content) for event in EVENTS]}


def dropped(records: Records) -> Records:
    return records[:4] + records[5:]


def doubled(records: Records) -> Records:
    return records[:5] + records[4:]


def altered(records: Records) -> Records:
    return [*records[:4], records[4] | {"value": b"altered"}, *records[5:]]


def swapped(records: Records) -> Records:
    one, other = records[4], records[5]
    values = [one | {"value": other["value"]}, other | {"value": one["value"]}]
    return [*records[:4], *values, *records[6:]]


@pytest.mark.parametrize("change", [dropped, doubled, altered, swapped])
def test_records_that_were_changed_in_an_object_are_refused(
    change: Callable[[Records], Records], tmp_path: Path
) -> None:
    path = store(tmp_path, HONEST) / ORIGIN.block_key(1)
    with path.open("rb") as file:
        reader = fastavro.reader(file)
        metadata = {name: text for name, text in reader.metadata.items() if name.startswith("auditseal.")}
        schema, records = reader.writer_schema, [record for record in reader if isinstance(record, dict)]
    with path.open("wb") as file:
        fastavro.writer(file, schema, change(records), codec="deflate", metadata=metadata)
    with pytest.raises(UnsoundError, match="000000000001"):
        read_vault(tmp_path)


def test_blocks_that_are_missing_or_swapped_or_no_blocks_are_refused(tmp_path: Path) -> None:
    first, second = (store(tmp_path, HONEST) / ORIGIN.block_key(height) for height in (0, 1))
    whole, other = first.read_bytes(), second.read_bytes()
    second.write_bytes(whole)
    with pytest.raises(UnsoundError, match="another place"):
        read_vault(tmp_path)
    second.write_bytes(other[:-30])
    with pytest.raises(UnsoundError, match="no block"):
        read_vault(tmp_path)
    second.unlink()
    with pytest.raises(UnsoundError, match="block 1 is missing"):
        read_vault(tmp_path)
