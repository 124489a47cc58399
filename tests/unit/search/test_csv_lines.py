"""Lines of CSV that are made by columns are those that Python's csv module writes row by row, byte for byte."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from auditseal_search.columns import CHANGE, RESOURCE
from auditseal_search.csv_cells import FORMULA, safe_cell
from auditseal_search.csv_lines import csv_lines
from auditseal_search.row_times import rfc3339

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("number", pa.int64()),
        ("place", pa.int32()),
        ("milliseconds", pa.timestamp("ms", "UTC")),
        ("microseconds", pa.timestamp("us", "UTC")),
        ("granted", pa.bool_()),
        ("resources", pa.list_(RESOURCE)),
        ("changes", pa.list_(CHANGE)),
        ("attributes", pa.map_(pa.string(), pa.string())),
    ]
)
HOSTILE = [*FORMULA, '"', ",", "\\", "\0", "\x1f", "\x7f", "\u2028", "\U0001f512", "'", " ", "null", '""', "a,b\r\n"]
texts = st.text(max_size=6) | st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join)
maybe = texts | st.none()
times = st.datetimes(timezones=st.just(UTC)) | st.none()


def structs(kind: pa.StructType) -> st.SearchStrategy[Any]:
    return st.none() | st.fixed_dictionaries({field.name: maybe for field in kind})


rows = st.lists(
    st.fixed_dictionaries(
        {
            "text": maybe,
            "number": st.integers(-(2**63), 2**63 - 1) | st.none(),
            "place": st.integers(-(2**31), 2**31 - 1) | st.none(),
            "milliseconds": times.map(lambda time: time and time.replace(microsecond=time.microsecond // 1000 * 1000)),
            "microseconds": times,
            "granted": st.booleans() | st.none(),
            "resources": st.lists(structs(RESOURCE), max_size=3) | st.none(),
            "changes": st.lists(structs(CHANGE), max_size=3) | st.none(),
            "attributes": st.dictionaries(texts, maybe, max_size=3).map(lambda found: list(found.items())) | st.none(),
        }
    ),
    max_size=5,
)


def cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case list():
            return json.dumps(value, ensure_ascii=False)
        case datetime():
            return rfc3339(value)
        case _:
            return str(value)


def written(batch: pa.RecordBatch) -> bytes:
    """Write the rows one by one."""
    text = io.StringIO()
    csv.writer(text).writerows([safe_cell(cell(value)) for value in row.values()] for row in batch.to_pylist())
    return text.getvalue().encode()


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(0, 4), st.integers(0, 4))
def test_the_lines_are_those_of_the_csv_module(found: list[dict[str, Any]], begin: int, length: int) -> None:
    batch = pa.RecordBatch.from_pylist(found, SCHEMA)
    assert csv_lines(batch, SCHEMA.names) == written(batch)
    part = batch.slice(begin, length)
    assert csv_lines(part, SCHEMA.names) == written(part)


def test_each_character_is_quoted_where_the_csv_module_quotes_it() -> None:
    resource = {"type": None, "id": "", "name": None, "parent": None}
    found = [
        dict.fromkeys(SCHEMA.names)
        | {"text": text, "resources": [resource | {"type": text}], "attributes": [(text, None)]}
        for character in [*map(chr, range(0x180)), *HOSTILE]
        for text in (character, f"a{character}", f"a{character}{character}")
    ]
    batch = pa.RecordBatch.from_pylist(found, SCHEMA)
    assert csv_lines(batch, SCHEMA.names) == written(batch)
