"""An explorer of hostile and of ordinary events as a process, and a browser in front of it."""

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from auditseal_schemas.block import Block
from tests.factory import evidence
from tests.factory.chromium import chromium, find_chromium
from tests.factory.exploring import explorer_process
from tests.factory.keys import keys_of
from tests.unit.search.test_search_command import BLOCKS, KEY, LOG

TRUST = "".join(f"log {key}\n" for key in keys_of(LOG, KEY)).encode()
"""The trust file of the demo's events."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser, closed at the end of a file: Playwright's loop would keep other tests from running theirs."""
    try:
        find_chromium()
    except LookupError as error:
        # Without root, only the machine's owner can install a browser. Everything else can be tested without one.
        pytest.skip(str(error))
    with chromium() as browser:
        yield browser


def explore(folder: Path, blocks: Sequence[Block], trust: bytes) -> Generator[str, None, None]:
    """Start an explorer, and yield its address."""
    for block in blocks:
        path = folder / "vault" / block.header.origin.block_key(block.header.height)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(block.format())
    (folder / "trust.txt").write_bytes(trust)
    with explorer_process(folder / "trust.txt", folder / "vault") as (address, _):
        yield address


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an explorer of the demo's events."""
    yield from explore(tmp_path_factory.mktemp("ordinary"), BLOCKS, TRUST)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an explorer of events that attack the pages which show them."""
    yield from explore(tmp_path_factory.mktemp("hostile"), evidence.BLOCKS, evidence.trust_file())


@pytest.fixture(scope="module")
def tampered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an explorer of a vault in which one byte was changed."""
    folder = tmp_path_factory.mktemp("tampered")
    path = folder / "vault" / LOG.block_key(1)
    path.parent.mkdir(parents=True)
    data = bytearray(BLOCKS[1].format())
    data[-40] ^= 1
    path.write_bytes(bytes(data))
    yield from explore(folder, [block for block in BLOCKS if block.header.height != 1], TRUST)
