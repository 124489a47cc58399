"""Explorers that serve ordinary, hostile and damaged vaults, and a browser in front of them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from joserfc.jwk import KeySet, RSAKey
from playwright.sync_api import Browser

from auditseal_daemon.signed_tokens import TokenRules
from auditseal_explorer.access import Access
from auditseal_explorer.admission import Login
from auditseal_explorer.oidc_login import OidcLogin
from auditseal_explorer.proxy_login import ProxyLogin
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_store import DirectoryStore
from auditseal_search.range_pool import RangePool
from tests.factory import hostile
from tests.factory.chromium import chromium, find_chromium
from tests.factory.exploring import Exploring, exploring, served
from tests.factory.vaults import MemoryVault, put_log
from tests.unit.explorer.test_app import TRUST
from tests.unit.explorer.test_tenants import HeaderLogin
from tests.unit.search.test_search_command import BLOCKS, LOG, seal_values

URL = "https://audit.example.com"
PROXY = ProxyLogin("x-auditor", KeySet([RSAKey.generate_key(2048)]), TokenRules("https://proxy.example.com", "us"))
PROVIDER_AWAY = OidcLogin("http://127.0.0.1:1", "auditseal", "secret", URL)


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


def tampered_vault() -> Exploring:
    """Return an explorer of the demo's events, of which one byte was changed."""
    changed = bytearray(BLOCKS[1].format())
    changed[-40] ^= 1
    made = exploring(BLOCKS, TRUST)
    made.vault.replace(LOG.block_key(1), bytes(changed))
    fresh = Exploring(made.vault, TRUST)
    fresh.checker.check()
    return fresh


def store_away() -> Exploring:
    """Return an explorer whose store went away after it had been verified."""
    made = exploring(BLOCKS, TRUST)
    made.vault.broken = "*"
    return made


def index_behind(folder: Path) -> Exploring:
    """Return an explorer with an index of the first block alone, and one silent service in it."""
    vault, index = MemoryVault(), DirectoryStore(folder)
    put_log(vault, BLOCKS[:1])
    with RangePool(lambda: vault, 1) as pool:
        IndexBuilder(index, pool).build(TRUST.log_of(LOG))
    return exploring(BLOCKS, TRUST, index)


def with_login(login: Login) -> Exploring:
    """Return an explorer behind a login, before anyone has logged in."""
    return Exploring(MemoryVault(), TRUST, access=Access(URL, login, {"ada": None}))


class Stranger(HeaderLogin):
    """A login that establishes a name which the file of access does not list."""

    def name_of(self, _request: object) -> str:
        return "eve"


@contextmanager
def served_in_every_state(folder: Path) -> Iterator[dict[str, str]]:
    """Serve explorers in every state that has pages of its own, and give their addresses; an index is in a folder."""
    made = {
        "ordinary": exploring(BLOCKS, TRUST),
        "tampered": tampered_vault(),
        "away": store_away(),
        "behind": index_behind(folder),
        "proxy": with_login(PROXY),
        "oidc": with_login(PROVIDER_AWAY),
        "stranger": with_login(Stranger()),
    }
    with ExitStack() as stack:
        yield {name: stack.enter_context(served(one)) for name, one in made.items()}


@pytest.fixture(scope="module")
def explorers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of explorers in every state that has pages of its own."""
    with served_in_every_state(tmp_path_factory.mktemp("behind")) as addresses:
        yield addresses


@pytest.fixture(scope="module")
def ordinary(explorers: dict[str, str]) -> str:
    """The address of an explorer of the demo's events."""
    return explorers["ordinary"]


def hostile_explorer() -> Exploring:
    """Return an explorer of 200 events whose texts attack the pages that show them, in blocks of ten."""
    return exploring(seal_values(hostile.VALUES, [len(hostile.FIELDS)] * len(hostile.TEXTS)), TRUST)
