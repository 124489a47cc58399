"""The index log: its tiles are C2SP's, its paths hold, and it never signs a second history."""

from pathlib import Path

import pytest

from auditseal_schemas.checkpoint import TreeHead
from auditseal_schemas.merkle import check_inclusion, inclusion_proof, leaf_hash, tree_root
from auditseal_search import index_log
from auditseal_search.errors import BrokenIndexError
from auditseal_search.index_log import IndexLog
from auditseal_search.index_store import DirectoryStore
from tests.factory.keys import OTHER_SIGNER
from tests.factory.plain_index import INDEX_KEY, INDEX_NAME, INDEX_SIGNER


def entry(number: int) -> bytes:
    return b"entry %d" % number


def filled(folder: Path, count: int) -> IndexLog:
    log = IndexLog(DirectoryStore(folder), INDEX_KEY)
    for number in range(count):
        assert log.append(entry(number), INDEX_SIGNER) == number
    return log


LEAVES = [leaf_hash(entry(number)) for number in range(600)]


def test_a_log_without_entries_has_no_checkpoint(tmp_path: Path) -> None:
    state = IndexLog(DirectoryStore(tmp_path), INDEX_KEY).state()
    assert (state.head.size, state.note) == (0, None)


@pytest.mark.parametrize("width", [2, 4])
def test_every_path_of_every_size_holds(width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With small tiles the log has several levels."""
    monkeypatch.setattr(index_log, "_WIDTH", width)
    monkeypatch.setattr(index_log, "_WIDTH_BITS", width.bit_length() - 1)
    log = IndexLog(DirectoryStore(tmp_path), INDEX_KEY)
    for size in range(1, 40):
        log.append(entry(size - 1), INDEX_SIGNER)
        head = log.state().head
        assert head == TreeHead(INDEX_NAME, size, tree_root(LEAVES[:size]))
        for index in range(size):
            path = log.path(index, size)
            assert list(path) == inclusion_proof(LEAVES[:size], index)
            check_inclusion(LEAVES[index], index, size, path, head.root)
    assert list(log.path(2, 5)) == inclusion_proof(LEAVES[:5], 2)


def test_a_log_of_more_than_one_tile(tmp_path: Path) -> None:
    log = filled(tmp_path, 259)
    assert log.state().head.root == tree_root(LEAVES[:259])
    for index in (0, 255, 256, 258):
        assert list(log.path(index, 259)) == inclusion_proof(LEAVES[:259], index)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"index-log/tile/0/000", "index-log/tile/0/001.p/3", "index-log/tile/1/000.p/1"} <= names
    assert {"index-log/tile/entries/000", "index-log/tile/entries/001.p/3", "index-log/checkpoint"} <= names
    whole = b"".join(len(entry(n)).to_bytes(2, "big") + entry(n) for n in range(256, 259))
    assert (tmp_path / "index-log/tile/entries/001.p/3").read_bytes() == whole


def test_the_names_of_tiles_are_those_of_the_specification() -> None:
    assert index_log._name("0", 1234067, 256) == "index-log/tile/0/x001/x234/067"
    assert index_log._name("entries", 0, 5) == "index-log/tile/entries/000.p/5"


def test_another_key_is_refused(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    other = type(INDEX_KEY)(INDEX_NAME, OTHER_SIGNER.public)
    with pytest.raises(BrokenIndexError, match="use the key that began it"):
        IndexLog(DirectoryStore(tmp_path), other).append(b"more", OTHER_SIGNER)
    (tmp_path / "index-log/checkpoint").write_bytes(b"torn")
    with pytest.raises(BrokenIndexError, match="is not signed by"):
        IndexLog(DirectoryStore(tmp_path), INDEX_KEY).state()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tile/0/000.p/3", b"x" * 96, "are not those of its checkpoint"),
        ("tile/0/000.p/3", b"x" * 95, "has another length"),
        ("tile/0/000.p/3", None, "needs it: restore it"),
        ("tile/entries/000.p/3", None, "needs it: restore it"),
    ],
)
def test_nothing_is_signed_on_top_of_a_damaged_log(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    log = filled(tmp_path, 3)
    signed = (tmp_path / "index-log/checkpoint").read_bytes()
    damaged = tmp_path / "index-log" / name
    damaged.unlink() if content is None else damaged.write_bytes(content)
    with pytest.raises(BrokenIndexError, match=message):
        log.append(entry(3), INDEX_SIGNER)
    assert (tmp_path / "index-log/checkpoint").read_bytes() == signed


def test_an_append_that_was_killed_is_done_again(tmp_path: Path) -> None:
    """The tiles are there, and the checkpoint isn't: the next entry takes the same place."""
    log = filled(tmp_path, 2)
    signed = (tmp_path / "index-log/checkpoint").read_bytes()
    log.append(b"killed before the checkpoint", INDEX_SIGNER)
    (tmp_path / "index-log/checkpoint").write_bytes(signed)
    assert log.append(entry(2), INDEX_SIGNER) == 2
    assert log.state().head.root == tree_root(LEAVES[:3])


def test_two_processes_do_not_sign_two_histories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, other = filled(tmp_path, 2), IndexLog(DirectoryStore(tmp_path), INDEX_KEY)
    extend = log._extend

    def slow_extend(level: str, position: int, item: bytes) -> bytes:
        if level == "0":
            other.append(b"meanwhile", INDEX_SIGNER)
        return extend(level, position, item)

    monkeypatch.setattr(log, "_extend", slow_extend)
    with pytest.raises(BrokenIndexError, match="another process added"):
        log.append(entry(2), INDEX_SIGNER)
    assert log.state().head.size == 3
