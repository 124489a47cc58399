"""Listings over real connections, of stores that answer out of order or without end."""

import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from auditseal_schemas.errors import UnavailableError
from auditseal_vault import http_connections, s3_listing
from auditseal_vault.interface import VaultReader
from auditseal_vault.open import open_reader
from tests.factory.http_server import HttpServer, dripping, serving, whole

Page = Callable[[int], str]
"""From the number of a request to the XML of a page."""
WHEN = "2026-11-21T12:00:00.000Z"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")


def vault_at(server: HttpServer, prefix: str = "") -> VaultReader:
    return open_reader(f"s3://bucket/{prefix}?endpoint={server.url}&region=us-east-1")


def version(key: str, version_id: str = "v", latest: str = "true") -> str:
    return (
        f"<Version><Key>{key}</Key><VersionId>{version_id}</VersionId><IsLatest>{latest}</IsLatest>"
        f"<LastModified>{WHEN}</LastModified><Size>1</Size></Version>"
    )


def page(entries: str = "", key_marker: str = "", version_marker: str = "") -> str:
    """Return a page; with a marker it says that the listing continues."""
    markers = f"<NextKeyMarker>{key_marker}</NextKeyMarker>" if key_marker else ""
    markers += f"<NextVersionIdMarker>{version_marker}</NextVersionIdMarker>" if version_marker else ""
    truncated = "true" if key_marker else "false"
    return f"<ListVersionsResult><IsTruncated>{truncated}</IsTruncated>{markers}{entries}</ListVersionsResult>"


def listing(pages: Page) -> Callable[[str], Iterator[bytes | float]]:
    numbers = count()
    return lambda _head: whole(pages(next(numbers)).encode())


def test_pages_are_followed_by_their_markers() -> None:
    pages = [page(version("v1/a"), "v1/a", "v"), page("", "v1/b"), page(version("v1/c"))]
    with serving(listing(lambda number: pages[number])) as server:
        assert [entry.key for entry in vault_at(server).versions("v1/")] == ["v1/a", "v1/c"]
    paths = [head.split()[1] for head in server.requests]
    assert "marker" not in paths[0]
    assert "key-marker=v1%2Fa" in paths[1]
    assert "version-id-marker=v" in paths[1]
    assert "key-marker=v1%2Fb" in paths[2]


def test_a_page_without_entries_may_come_now_and_then() -> None:
    def pages(number: int) -> str:
        if number == 300:
            return page()
        return page(version(f"v1/{number:04d}") if number % 100 == 99 else "", f"v1/{number:04d}")

    with serving(listing(pages)) as server:
        assert [entry.key for entry in vault_at(server).versions("v1/")] == ["v1/0099", "v1/0199", "v1/0299"]


@pytest.mark.parametrize("prefix", ["", "below/"])
def test_empty_pages_without_end_are_given_up(prefix: str) -> None:
    with serving(listing(lambda number: page("", f"v1/{number:09d}"))) as server:
        with pytest.raises(UnavailableError, match="continues after 100 empty pages"):
            list(vault_at(server, prefix).versions("v1/"))
        assert len(server.requests) == 101


def test_versions_of_one_key_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_listing, "MOST_OF_ONE_KEY", 50)
    pages: Page = lambda number: page(version("v1/a", f"{number}", "false"), "v1/a", f"{number}")  # noqa: E731
    with serving(listing(pages)) as server:
        with pytest.raises(UnavailableError, match="more than 50 versions of 'v1/a'"):
            list(vault_at(server).versions("v1/"))
        assert len(server.requests) == 51


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (page(version("v1/a")), "out of order"),
        (page(version("v2/a")), "not what was asked for"),
        (page("", "v1/b", "v"), "without a place to continue from"),
    ],
)
def test_a_page_that_does_not_go_on_is_refused(second: str, problem: str) -> None:
    pages = [page(version("v1/b"), "v1/b", "v"), second]
    with serving(listing(lambda number: pages[number])) as server, pytest.raises(UnavailableError, match=problem):
        list(vault_at(server).versions("v1/"))


def test_a_listing_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connections, "STALLED_SECONDS", 1)
    monkeypatch.setattr("auditseal_vault.s3._ATTEMPTS", 2)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"
    began = time.monotonic()
    with serving(lambda _: iter([head, *dripping(b" " * 10_000, 0.2)])) as server:
        with pytest.raises(UnavailableError, match="timeout"):
            list(vault_at(server).versions("v1/"))
        assert len(server.requests) == 2
    assert time.monotonic() - began < 10
