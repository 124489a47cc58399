"""The listing of a bucket's versions, page after page: in order, as asked for, and with an end."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from auditseal_schemas.errors import quoted
from auditseal_vault.interface import StoredVersion

PAGE = 1000
"""Entries that are asked for at once; S3 has no more in a page."""
MOST_EMPTY_PAGES = 100
"""One after the other; a store may have some, as where it dropped what has expired."""
MOST_OF_ONE_KEY = 1_000_000
"""Versions and markers."""

ListPage = Callable[..., dict[str, Any]]
"""boto3's `list_object_versions` on the bucket."""


class ListingError(ValueError):
    """A listing that isn't in order, or doesn't end."""


def list_versions(list_page: ListPage, prefix: str, after: str, limit: int | None) -> Iterator[StoredVersion]:
    """Yield the versions and markers of the keys that begin with a prefix and come after a key; see `VaultReader`.

    Each page after the first is fetched while the one before it is used: some stores take 0.3 s for one.

    Raises:
        ListingError: The store's pages aren't in order, or don't end.
    """
    order, remaining = _Order(prefix, after), limit
    marker = {"KeyMarker": after} if after else {}
    fetch = partial(list_page, Prefix=prefix)
    page = fetch(MaxKeys=_page_size(remaining), **marker)
    with ThreadPoolExecutor(1, "listing") as ahead:
        while True:
            found = _in_order(page)
            order.check(found)
            if remaining is not None:
                found = found[:remaining]
                remaining -= len(found)
            if not page["IsTruncated"] or remaining == 0:
                yield from found
                return
            before, marker = marker, _next_marker(page)
            if marker in ({}, before):
                yield from found
                raise ListingError("the store's listing continues without a place to continue from")
            following = ahead.submit(fetch, MaxKeys=_page_size(remaining), **marker)
            yield from found
            page = following.result()


def _page_size(remaining: int | None) -> int:
    return PAGE if remaining is None else min(remaining, PAGE)


def _next_marker(page: dict[str, Any]) -> dict[str, str]:
    return {name: page[f"Next{name}"] for name in ("KeyMarker", "VersionIdMarker") if f"Next{name}" in page}


class _Order:
    """What a listing has been so far, and so what its next page may be."""

    def __init__(self, prefix: str, after: str) -> None:
        self._prefix, self._after, self._last = prefix, after, after.encode()
        self._empty_pages = self._of_last_key = 0

    def check(self, found: list[StoredVersion]) -> None:
        """Check a page. A store that starts over, or continues with nothing, would be listed forever."""
        self._empty_pages = 0 if found else self._empty_pages + 1
        if self._empty_pages > MOST_EMPTY_PAGES:
            raise ListingError(f"the store's listing continues after {MOST_EMPTY_PAGES} empty pages")
        for entry in found:
            key = entry.key.encode()
            if not entry.key.startswith(self._prefix) or entry.key == self._after or key < self._last:
                problem = f"the store lists {quoted(entry.key)}, which is not what was asked for, or out of order"
                raise ListingError(problem)
            self._of_last_key = self._of_last_key + 1 if key == self._last else 1
            self._last = key
            if self._of_last_key > MOST_OF_ONE_KEY:
                raise ListingError(f"the store lists more than {MOST_OF_ONE_KEY} versions of {quoted(entry.key)}")


def _in_order(page: dict[str, Any]) -> list[StoredVersion]:
    """Merge the versions and the markers of a page, which boto3 returns apart."""
    entries = [(entry, False) for entry in page.get("Versions", ())]
    entries += [(entry, True) for entry in page.get("DeleteMarkers", ())]
    # Stable: where the store gives whole seconds only, versions stay in the store's order among themselves.
    entries.sort(key=lambda pair: (pair[0]["IsLatest"], pair[0]["LastModified"]), reverse=True)
    entries.sort(key=lambda pair: pair[0]["Key"].encode())
    return [
        StoredVersion(entry["Key"], entry["VersionId"], entry["IsLatest"], is_marker, entry.get("Size", 0))
        for entry, is_marker in entries
    ]
