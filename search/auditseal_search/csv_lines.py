"""Rows as lines of CSV, a column at a time: what Python's csv module writes, at a small part of its cost."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from auditseal_search.csv_cells import FORMULA
from auditseal_search.json_texts import joined, json_texts
from auditseal_search.row_times import rfc3339_texts

_END = "\r\n"
_FORMULA = f"^[{''.join(FORMULA).replace('-', chr(92) + '-')}]"
_QUOTED = '[",\r\n]'
"""Characters for which a cell is quoted (RFC 4180)."""


def csv_header(names: Sequence[str]) -> bytes:
    """Return the first line, for names that need no quotes."""
    return f"{','.join(names)}{_END}".encode()


def csv_lines(batch: pa.RecordBatch, names: Sequence[str]) -> bytes:
    """Return a line for each row: missing values as empty cells, lists, structs and maps as JSON.

    What a spreadsheet would compute has an apostrophe before it, as `safe_cell` says.

    Args:
        batch: The rows. Their lines together have less than 2 GiB.
        names: The columns.
    """
    if not len(batch):
        return b""
    *cells, last = (_quoted(_safe(_cells(batch[name]))) for name in names)
    lines = pc.binary_join_element_wise(*cells, joined(last, _END), ",")
    written: bytes = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "")[0].as_buffer().to_pybytes()
    return written


def _cells(column: pa.Array) -> pa.StringArray:
    """Return the values of a column as texts, an empty one for a missing value."""
    kind = column.type
    if pa.types.is_nested(kind):
        texts = pc.if_else(column.is_valid(), json_texts(column), "")
    elif pa.types.is_timestamp(kind):
        texts = rfc3339_texts(column)
    elif pa.types.is_boolean(kind):
        texts = pc.if_else(column, "True", "False")
    else:
        texts = column.cast(pa.string())
    return texts.fill_null("")


def _safe(cells: pa.StringArray) -> pa.StringArray:
    """Return cells as `safe_cell` does."""
    computed = pc.match_substring_regex(cells, _FORMULA)
    return pc.if_else(computed, joined("'", cells), cells) if pc.any(computed).as_py() else cells


def _quoted(cells: pa.StringArray) -> pa.StringArray:
    quoted = pc.match_substring_regex(cells, _QUOTED)
    if not pc.any(quoted).as_py():
        return cells
    return pc.if_else(quoted, joined('"', pc.replace_substring(cells, '"', '""'), '"'), cells)
