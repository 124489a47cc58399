"""`auditseal index build --key`: every segment gets its terms and its entry, once, and the index stays what it was."""

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from auditseal.cli import app
from auditseal_schemas.index_segment import IndexSegment
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.merkle import check_inclusion
from auditseal_schemas.trust import Trust
from auditseal_sealer.key_file import store_key
from auditseal_search import index_signer
from auditseal_search.index_log import IndexLog
from auditseal_search.index_signer import IndexSigner
from auditseal_search.index_store import DirectoryStore
from auditseal_vault.directory import DirectoryVault
from tests.factory.plain_index import PlainSegment
from tests.unit.search.test_search_command import BLOCKS, LOG, Place, small_segments  # noqa: F401  (a fixture)

NAME = "index.example.com"
SIGNER = SigningKey.from_seed(bytes(range(7, 39)))
KEY = VerifierKey(NAME, SIGNER.public)


class SignedPlace(Place):
    """A vault, and an index of it with a key."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.key, self.passphrase = folder / "index.pem", folder / "passphrase"
        self.passphrase.write_text("correct horse\n")
        self.passphrase.chmod(0o600)
        store_key(self.key, SIGNER, "correct horse")
        self.trust.write_text(f"{self.trust.read_text()}index {KEY}\n")

    def sign(self) -> Result:
        return self.run(
            *("index", "build", "--jobs", "1", "--key", str(self.key), "--passphrase-file", str(self.passphrase))
        )

    def entries(self) -> list[tuple[int, IndexSegment]]:
        found = []
        for path in sorted((self.index / f"v1/{LOG}").glob("*.entry.json")):
            value = json.loads(path.read_text())
            found.append((value["index"], IndexSegment.parse(b64decode(value["entry"]))))
        return found

    @property
    def log(self) -> IndexLog:
        return IndexLog(DirectoryStore(self.index), KEY)


@pytest.fixture
def place(tmp_path: Path) -> SignedPlace:
    place = SignedPlace(tmp_path)
    place.put(BLOCKS)
    return place


def check_entries(place: SignedPlace) -> list[IndexSegment]:
    """Check that the log has all entries; return them."""
    head, entries = place.log.state().head, place.entries()
    for index, entry in entries:
        check_inclusion(entry.leaf, index, head.size, place.log.path(index, head.size), head.root)
    return [entry for _, entry in entries]


def test_a_segment_has_the_entry_that_a_plain_loop_makes(place: SignedPlace) -> None:
    assert place.sign().exit_code == 0
    (entry,) = check_entries(place)
    plain = PlainSegment.of(BLOCKS).entry
    for name in ("first_height", "checkpoint", "first_offset", "last_offset", "rows", "problems", "min_timestamp"):
        assert getattr(entry, name) == getattr(plain, name), name
    assert (entry.max_timestamp, entry.tree) == (plain.max_timestamp, plain.tree)


@pytest.mark.usefixtures("small_segments")
def test_each_segment_is_signed_once(place: SignedPlace) -> None:
    place.sign()
    assert [entry.first_height for entry in check_entries(place)] == [0, 2, 4]
    before = place.files()
    assert place.sign().exit_code == 0
    assert place.files() == before


@pytest.mark.usefixtures("small_segments")
def test_a_segment_that_grew_is_signed_again_and_the_log_keeps_both(place: SignedPlace) -> None:
    for block in BLOCKS[3:]:
        (place.vault / LOG.block_key(block.header.height)).unlink()
    place.sign()
    assert [entry.last_height for entry in check_entries(place)] == [1, 2]
    place.put(BLOCKS)
    place.sign()
    assert [entry.last_height for entry in check_entries(place)] == [1, 3, 4]
    assert place.log.state().head.size == 4
    assert not [name for name in place.files() if "000000000002-000000000002" in name]


def test_without_a_key_the_index_is_the_same(place: SignedPlace, tmp_path: Path) -> None:
    place.sign()
    (tmp_path / "other").mkdir()
    other = Place(tmp_path / "other")
    other.put(BLOCKS)
    assert other.build().exit_code == 0
    signed = place.files()
    assert other.files().items() <= signed.items()
    assert {name for name in signed if name not in other.files() and not name.startswith("index-log/")} == {
        f"v1/{LOG}/000000000000-000000000004.terms",
        f"v1/{LOG}/000000000000-000000000004.entry.json",
    }


def test_a_key_may_come_later_and_builds_without_it_leave_what_is_signed(place: SignedPlace) -> None:
    place.build()
    place.sign()
    before = place.files()
    place.build()
    assert place.files() == before
    check_entries(place)


@pytest.mark.usefixtures("small_segments")
@pytest.mark.parametrize("step", ["write_terms", "write_signed"])
def test_a_signer_that_is_killed_continues(place: SignedPlace, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = getattr(index_signer, step), []

    def killed(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(index_signer, step, killed)
    assert place.sign().exit_code == 130
    monkeypatch.setattr(index_signer, step, real)
    assert place.sign().exit_code == 0
    assert [entry.first_height for entry in check_entries(place)] == [0, 2, 4]
    assert place.log.state().head.size == (4 if step == "write_signed" else 3)


def test_a_segment_that_is_built_again_with_other_bytes_is_signed_again(place: SignedPlace) -> None:
    place.sign()
    manifest = place.index / f"v1/{LOG}/manifest.json"
    entry = place.index / f"v1/{LOG}/000000000000-000000000004.entry.json"
    value = json.loads(entry.read_text())
    signed = IndexSegment.parse(b64decode(value["entry"]))
    assert json.loads(manifest.read_text())["segments"][0]["sha256"] == signed.file_sha256.hex()
    store = DirectoryStore(place.index)
    rows = place.index / f"v1/{LOG}/rows/000000000000-000000000004.parquet"
    pq.write_table(pq.read_table(rows), rows)  # the same rows by another writer
    text = manifest.read_text().replace(signed.file_sha256.hex(), sha256(rows.read_bytes()).hexdigest())
    manifest.write_text(text)
    (pinned,) = Trust.parse(place.trust.read_bytes()).logs
    assert IndexSigner(store, DirectoryVault(place.vault), KEY, SIGNER).sign(pinned) == 1
    (again,) = check_entries(place)
    assert (again.tree, again.file_sha256) == (signed.tree, sha256(rows.read_bytes()).digest())


def test_a_damaged_entry_file_is_named(place: SignedPlace) -> None:
    place.sign()
    path = place.index / f"v1/{LOG}/000000000000-000000000004.entry.json"
    path.write_text("{}")
    done = place.sign()
    assert done.exit_code == 1
    assert "entry.json" in done.stderr
    assert "remove it, and build again" in done.stderr


def test_an_index_of_another_history_is_not_signed(place: SignedPlace) -> None:
    place.build()
    manifest = place.index / f"v1/{LOG}/manifest.json"
    value = json.loads(manifest.read_text())
    value["segments"][0]["root"] = "00" * 32
    manifest.write_text(json.dumps(value))
    done = place.sign()
    assert done.exit_code == 1
    assert "another history" in done.stderr
    assert place.log.state().head.size == 0


def test_keygen_prints_the_line_and_keeps_an_existing_file(tmp_path: Path) -> None:
    place = SignedPlace(tmp_path)
    words = ["index", "keygen", str(tmp_path / "new.pem"), "--name", NAME, "--passphrase-file", str(place.passphrase)]
    made = run(words)
    assert made.exit_code == 0
    assert VerifierKey.parse(made.stdout.removeprefix("index ").strip()).name == NAME
    again = run(words)
    assert again.exit_code == 2
    assert "exists: a signing key is never overwritten" in again.stderr
    for name in ("", "a b", "a+b", "ä", "x" * 256):
        refused = run([*words[:2], str(tmp_path / "other.pem"), "--name", name, *words[5:]])
        assert refused.exit_code == 2
        assert "can't name an index" in refused.stderr
    assert not (tmp_path / "other.pem").exists()


def test_a_key_that_the_trust_file_does_not_pin_is_refused(place: SignedPlace) -> None:
    place.trust.write_text(place.trust.read_text().replace(f"index {KEY}\n", ""))
    done = place.sign()
    assert done.exit_code == 2
    assert "the trust file has no index line for" in done.stderr
    assert not place.index.exists()


def run(words: list[str]) -> Result:
    return CliRunner().invoke(app, words)
