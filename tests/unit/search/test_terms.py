"""The terms of a segment, made by columns, are those that the core takes from each record, and prove the same."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditseal_schemas.block import Block
from auditseal_schemas.postings import decode_postings, encode_postings
from auditseal_schemas.term import TERM_FIELDS, Term
from auditseal_schemas.term_tree import TermsTree
from auditseal_search import terms_file
from auditseal_search.errors import BrokenIndexError
from auditseal_search.record_batch import rows_of
from auditseal_search.segment_file import SegmentFile
from auditseal_search.term_columns import NUMBERS, TERM_COLUMNS, TermColumn
from auditseal_search.term_postings import field_terms
from auditseal_search.terms_file import write_terms
from auditseal_search.terms_reader import TermsReader
from tests.factory.plain_index import PlainSegment, event_log
from tests.factory.vaults import ORIGINS
from tests.unit.search.test_search_command import BLOCKS as DEMO_BLOCKS

LOG = ORIGINS[0]
BLOCKS = event_log(LOG, (4, 30, 0, 26))


def write_rows(blocks: Sequence[Block], path: Path) -> Path:
    file = SegmentFile(path)
    for block in blocks:
        file.take_block(block.header, rows_of([block]))
    file.close(blocks[-1].header, bytes(32))
    return path


class Files:
    """A segment's two files, its tree, and the plain segment of the same blocks."""

    def __init__(self, blocks: Sequence[Block], folder: Path) -> None:
        self.plain = PlainSegment.of(blocks)
        self.rows, self.terms = write_rows(blocks, folder / "rows.parquet"), folder / "rows.terms"
        self.tree = write_terms(self.rows, self.plain.entry.first_offset, self.terms)

    @property
    def reader(self) -> TermsReader:
        entry = self.plain.entry
        return TermsReader(self.rows, self.terms, self.tree, (entry.first_offset, entry.last_offset))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(BLOCKS, tmp_path_factory.mktemp("terms"))


@pytest.mark.parametrize("blocks", [BLOCKS, BLOCKS[1:2], BLOCKS[2:3], DEMO_BLOCKS, DEMO_BLOCKS[2:]])
def test_the_tree_is_the_one_that_a_plain_loop_makes(blocks: Sequence[Block], tmp_path: Path) -> None:
    made = Files(blocks, tmp_path)
    assert made.tree == made.plain.entry.tree


def test_every_field_has_its_column() -> None:
    assert tuple(TERM_COLUMNS) == TERM_FIELDS
    assert [TERM_FIELDS[number] for number in NUMBERS.values()] == list(NUMBERS)


def test_each_term_is_proven_as_a_plain_segment_proves_it(files: Files) -> None:
    reader = files.reader
    assert files.tree.size > 2 * terms_file.GROUP
    for term in files.plain.postings:
        assert reader.answer([term]) == ((files.plain.present(term),), None)
    for number in range(200):
        term = Term("actor.id", f"nobody {number}")
        assert reader.answer([term]) == ((), (0, files.plain.absent(term)))


def test_of_several_terms_one_that_is_not_there_is_enough(files: Files) -> None:
    read, nobody = Term("action", "read"), Term("actor.id", "nobody")
    assert files.reader.answer([read, nobody]) == ((), (1, files.plain.absent(nobody)))


@pytest.mark.parametrize("group", [1, 2, 4])
def test_groups_of_another_size_prove_the_same(group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (terms_file, __import__("auditseal_search.terms_reader", fromlist=["GROUP"])):
        monkeypatch.setattr(module, "GROUP", group)
        monkeypatch.setattr(module, "ROW_GROUP", 8)
    made = Files(BLOCKS[:1], tmp_path)
    assert made.tree == made.plain.entry.tree
    for term in (*made.plain.postings, *(Term("ip", f"{number}") for number in range(50))):
        present = term in made.plain.postings
        wanted = ((made.plain.present(term),), None) if present else ((), (0, made.plain.absent(term)))
        assert made.reader.answer([term]) == wanted


def test_a_terms_file_of_another_segment_is_refused(files: Files, tmp_path: Path) -> None:
    other = Files(BLOCKS[:2], tmp_path)
    files_of_both = TermsTree(files.tree.size, files.tree.root), (0, 59)
    with pytest.raises(BrokenIndexError, match="terms file has other terms than were signed"):
        TermsReader(files.rows, other.terms, *files_of_both)
    with pytest.raises(BrokenIndexError, match="terms file has other terms than were signed"):
        TermsReader(files.rows, files.rows, *files_of_both)
    (tmp_path / "torn").write_bytes(files.terms.read_bytes()[:-9])
    with pytest.raises(BrokenIndexError, match="can't be read"):
        TermsReader(files.rows, tmp_path / "torn", *files_of_both)


def test_rows_that_were_changed_prove_nothing(files: Files, tmp_path: Path) -> None:
    table = pq.read_table(files.rows)
    renamed = pa.array([f"{name}!" if name else name for name in table["actor_id"].to_pylist()])
    changed = table.set_column(table.column_names.index("actor_id"), "actor_id", renamed)
    for content, message in ((changed, "rows have other terms"), (table.slice(5), "don't fit each other")):
        pq.write_table(content, tmp_path / "changed.parquet")
        reader = TermsReader(tmp_path / "changed.parquet", files.terms, files.tree, (0, 59))
        with pytest.raises(BrokenIndexError, match=message):
            list(map(reader.answer, ([term] for term in files.plain.postings)))


def test_values_in_one_record_twice_are_one_posting() -> None:
    column = pa.chunked_array(
        [[[{"type": "a"}, {"type": "b"}, {"type": "a"}], None, [], [{"type": None}, {"type": "b"}]]]
    )
    found = field_terms("resource.type", TermColumn("resources", "type"), column, np.array([0, 5, 6, 200]))
    assert [decode_postings(data, 0, 999) for data in found.postings.to_pylist()] == [(0,), (0, 200)]
    assert found.items.tolist() == [0, 1]
    assert found.keys.tobytes() == Term("resource.type", "a").key + Term("resource.type", "b").key


@given(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=60), st.data())
def test_postings_are_encoded_as_the_core_encodes_them(values: list[str], data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.integers(1, 1 << 40), min_size=len(values), max_size=len(values)))
    offsets = np.cumsum(gaps) - gaps[0]
    found = field_terms("tenant", TermColumn("tenant"), pa.chunked_array([values]), offsets)
    for key, postings in zip(found.keys, found.postings.to_pylist(), strict=True):
        (value,) = {value for value in values if Term("tenant", value).key == key.tobytes()}
        mine = [int(offset) for offset, one in zip(offsets, values, strict=True) if one == value]
        assert postings == encode_postings(mine, 0)


def test_keys_that_begin_alike_are_sorted_to_their_end() -> None:
    keys = [bytes(8) + bytes([number]) * 24 for number in (9, 3, 7)] + [b"\xff" * 32, bytes(32)]
    order = terms_file._key_order(np.frombuffer(b"".join(keys), np.uint8).reshape(-1, 32))
    assert [keys[number] for number in order] == sorted(keys)
