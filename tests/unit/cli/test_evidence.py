"""`auditseal evidence` as a user runs it: the pack, its page, its timestamp, and every way to end."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import Result

from tests.factory.http_server import serving, whole
from tests.factory.timestamp_authority import TimestampAuthority, make_authority, openssl, timestamp_authority
from tests.unit.search.test_search_command import BLOCKS, LOG, VALUES, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.put(BLOCKS)
    return place


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimestampAuthority]:
    with timestamp_authority(tmp_path_factory.mktemp("tsa") / "authority") as authority:
        yield authority


def pack(place: Place, query: str, *more: str, name: str = "case.zip", index: bool = False) -> Result:
    folder = place.vault.parent
    return place.run("evidence", query, "--case", "2026-17", "-o", str(folder / name), *more, index=index)


def check(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    with ZipFile(place / "case.zip") as file:
        file.extractall(place)
    command = [sys.executable, "-I", str(place / "evidence" / "verify.py"), "--page", str(place / "case.html"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("index", [True, False])
def test_a_case_is_packed_and_its_own_program_verifies_it(place: Place, tmp_path: Path, index: bool) -> None:
    place.build()
    wanted = place.search("outcome = DENIED", index=index)
    done = pack(place, "outcome = DENIED", index=index)
    assert done.exit_code == 0, done.output
    assert f"case.html: {wanted['total']} events" in done.stderr
    assert "complete: these are all matches" in done.stderr
    checked = check(tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.startswith(f"VERIFIED: {wanted['total']} events")
    assert "filter 'outcome = DENIED', complete" in checked.stdout


def test_every_record_can_be_packed_and_none_can(place: Place, tmp_path: Path) -> None:
    assert pack(place, "").exit_code == 0
    assert check(tmp_path).stdout.startswith(f"VERIFIED: {len(VALUES)} events")
    for path in (tmp_path / "case.zip", tmp_path / "case.html"):
        path.unlink()
    assert pack(place, "actor = nobody").exit_code == 0
    assert check(tmp_path).returncode == 1
    assert "No event matches." in (tmp_path / "case.html").read_text("utf-8")


def test_what_is_not_covered_is_in_the_pack_and_in_the_exit_code(place: Place, tmp_path: Path) -> None:
    path = place.vault / LOG.block_key(3)
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    done = pack(place, "outcome = DENIED or outcome = SUCCESS")
    assert done.exit_code == 10
    assert "PARTIAL" in done.stderr
    checked = check(tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.rstrip().endswith("PARTIAL")
    assert "heights 3 to 4: " in (tmp_path / "case.html").read_text("utf-8")


def test_an_index_that_lies_of_a_place_makes_no_pack(place: Place, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    place.build()
    (path,) = place.index.rglob("*.parquet")
    table = pq.read_table(path)
    offsets = pa.array([offset + 1 for offset in table["offset"].to_pylist()], pa.int64())
    pq.write_table(table.set_column(table.schema.get_field_index("offset"), "offset", offsets), path)
    done = pack(place, "outcome = DENIED", index=True)
    assert done.exit_code == 1
    assert "which the index names: check it with auditseal index verify" in done.stderr
    assert not [path for path in tmp_path.iterdir() if "case" in path.name]


@pytest.mark.parametrize(
    ("query", "more", "name", "message"),
    [
        ("time > -2h", [], "case.zip", "a case needs absolute times"),
        ("time < now", [], "case.zip", "a case needs absolute times"),
        ("actr = x", [], "case.zip", "did you mean actor"),
        ("", ["--timestamp", "http://127.0.0.1:1"], "case.zip", "belong together"),
        ("", [], "case.html", "is the name of the page"),
        ("", [], "trust.txt", "trust.txt exists"),
        ("", ["--timestamp", "ftp://x", "--timestamp-ca", "trust.txt"], "case.zip", "is not an address"),
        ("", ["--timestamp", "http://x", "--timestamp-ca", "trust.txt"], "case.zip", "has no certificates in PEM"),
    ],
)
def test_wrong_usage_is_code_2(place: Place, query: str, more: list[str], name: str, message: str) -> None:
    more = [str(place.trust) if word == "trust.txt" else word for word in more]
    done = pack(place, query, *more, name=name)
    assert done.exit_code == 2, done.output
    assert message in done.stderr


def test_a_pack_is_never_replaced(place: Place, tmp_path: Path) -> None:
    assert pack(place, "outcome = DENIED").exit_code == 0
    before = (tmp_path / "case.zip").read_bytes()
    done = pack(place, "outcome = SUCCESS")
    assert (done.exit_code, (tmp_path / "case.zip").read_bytes()) == (2, before)
    assert "exists: name another file" in done.stderr


def test_a_timestamp_is_one_that_openssl_verifies(place: Place, tmp_path: Path, authority: TimestampAuthority) -> None:
    done = pack(place, "outcome = DENIED", "--timestamp", authority.url, "--timestamp-ca", str(authority.root))
    assert done.exit_code == 0, done.output
    assert check(tmp_path).returncode == 0
    words = ["ts", "-verify", "-data", "SHA256SUMS", "-in", "SHA256SUMS.tsr", "-CAfile", str(authority.root)]
    openssl(tmp_path / "evidence", *words)
    (tmp_path / "evidence" / "SHA256SUMS").write_text("")
    with pytest.raises(AssertionError, match="mismatch"):
        openssl(tmp_path / "evidence", *words)


def test_a_timestamp_of_an_authority_that_is_not_trusted_makes_no_pack(
    place: Place, tmp_path: Path, authority: TimestampAuthority
) -> None:
    make_authority(tmp_path / "other")
    other = str(tmp_path / "other" / "ca.pem")
    done = pack(place, "outcome = DENIED", "--timestamp", authority.url, "--timestamp-ca", other)
    assert done.exit_code == 1
    assert "is not a timestamp of this pack" in done.stderr
    assert not (tmp_path / "case.zip").exists()


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", "200 OK", "is not a timestamp of this pack"),
        (b"<html>", "200 OK", "is not a timestamp of this pack"),
        (b"", "503 Unavailable", "answers HTTP Error 503"),
    ],
)
def test_an_authority_that_answers_something_else_makes_no_pack(
    place: Place, tmp_path: Path, authority: TimestampAuthority, body: bytes, status: str, message: str
) -> None:
    with serving(lambda _: whole(body, status)) as server:
        done = pack(place, "", "--timestamp", server.url, "--timestamp-ca", str(authority.root))
    assert done.exit_code == 1
    assert message in done.stderr
    assert not (tmp_path / "case.zip").exists()
