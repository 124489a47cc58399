"""`auditseal explore`: sealed events and the health of their logs, in a browser."""

import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import auditseal.cli.arrow_allocator  # noqa: F401  (before Arrow is loaded)
from auditseal.cli.stream_options import SETTLE_SECONDS, Expected, parse_expected
from auditseal.cli.vault_options import TrustFile, VaultUrl, exit_on_failure, read_trust, tell, vault_url
from auditseal_daemon.process_end import end_process
from auditseal_explorer.access import Access
from auditseal_explorer.app import Explorer, make_app
from auditseal_explorer.cases import CaseFiles
from auditseal_explorer.checker import Checker
from auditseal_explorer.pages import Pages
from auditseal_explorer.preparation import Preparation
from auditseal_explorer.server import address_of, hosts_of, listen, serve
from auditseal_explorer.sources import Sources
from auditseal_explorer.streams import WatchedStreams
from auditseal_explorer.trail import NoTrail, Trail
from auditseal_schemas.errors import ConfigurationError, UnavailableError
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.trust import Trust
from auditseal_search.free_memory import return_large_blocks
from auditseal_search.index_store import IndexStore, open_index
from auditseal_search.missing_index import empty_index_text, logs_not_indexed
from auditseal_vault.interface import VaultReader
from auditseal_vault.open import open_reader

app = typer.Typer()
_HOST = "127.0.0.1"
_LOOK_MS = 10_000


@app.command()
def explore(  # noqa: PLR0913, PLR0917  (typer passes them by name)
    trust: TrustFile,
    vault: VaultUrl = None,
    index: Annotated[str | None, typer.Option("--index", help="The index. [default: none, read the vault]")] = None,
    streams: Annotated[
        Path | None, typer.Option(file_okay=False, help="Look at all streams, and remember here what was read.")
    ] = None,
    expect: Expected = None,
    host: Annotated[str, typer.Option(help="The address to listen on; another than loopback needs --access.")] = _HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for a free one.")] = 8089,
    access_file: Annotated[Path | None, typer.Option("--access", help="The file with TLS, login and auditors.")] = None,
    records: Annotated[bool, typer.Option("--record", help="Record each look as an audit event.")] = False,  # noqa: FBT002
    strict: Annotated[bool, typer.Option("--strict", help="Show nothing that was not recorded.")] = False,  # noqa: FBT002
    opens: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,  # noqa: FBT002
) -> None:
    """Explore sealed events in a browser.

    Without --access it serves this machine alone, without a login. --record and --strict take the
    brokers and the topic from the environment, as every producer does (AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS and others).

    It ends with Ctrl-C. Pages show the events that match a filter, one event with its proof, and the health of each
    log. Every page says how complete its answer is. Meanwhile the vault is verified, and a finding is on every page of
    the vault. With --streams the health of the logs has that of all streams: missing events, and silent services.

    Exit codes: 0 stopped; 1 the vault or the index can't be opened; 2 usage, configuration or trust file.

    Example: auditseal explore --trust trust.txt --index ./index
    """
    with exit_on_failure("explore"):
        return_large_blocks()
        pinned = read_trust(trust)
        url = vault_url(vault, pinned)
        open_vault = partial(open_reader, url)
        sources = Sources(pinned, open_vault, open_index(index) if index else None)
        access = _read_access(access_file) if access_file else None
        with (
            _watching(pinned, open_vault, streams, parse_expected(expect or ())) as watched,
            sources.reading() as pool,
            _trail(records=records, strict=strict) as trail,
            listen(host, port, access) as listening,
            Checker(pinned, open_vault) as checker,
            Preparation(sources, access.auditors.values() if access else [None]),
        ):
            address, hosts = (access.url, access.hosts) if access else (address_of(listening), hosts_of(listening))

            def announce() -> None:
                tell("explore", f"{address} shows {url}; Ctrl-C ends it")
                if sources.index and index:
                    _warn_of_missing(sources.index, index, pool.vault, pinned)
                if opens:
                    webbrowser.open(address)

            explorer = Explorer(sources, checker, Pages(url), CaseFiles(sources, trust.read_bytes()), trail, watched)
            serve(make_app(explorer, hosts, access), listening, access.tls if access else None, announce)
    end_process(ExitCode.OK)


def _warn_of_missing(store: IndexStore, index: str, vault: VaultReader, pinned: Trust) -> None:
    """Warn of logs that are not in the named index, and of a store that can't be read: its pages say so, too."""
    try:
        missing = logs_not_indexed(store, vault, pinned.logs)
    except UnavailableError as error:
        tell("explore", str(error))
        return
    if missing:
        tell("explore", empty_index_text(missing, index))


@contextmanager
def _watching(
    trust: Trust, open_vault: Callable[[], VaultReader], folder: Path | None, expected: dict[str, int]
) -> Iterator[WatchedStreams | None]:
    """Look at the streams within the block, and give their watcher; None without a folder for it."""
    if folder is None:
        if expected:
            raise ConfigurationError("--expect needs --streams DIR: a folder that remembers what was read of streams")
        yield None
        return
    from auditseal_explorer.stream_watcher import StreamWatcher  # noqa: PLC0415  (it takes 11 MB)
    from auditseal_search.stream_follower import LookRules  # noqa: PLC0415  (as above)

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    rules = LookRules(SETTLE_SECONDS * 1000, expected, _LOOK_MS)
    with StreamWatcher(trust, open_vault, folder, rules) as watcher:
        yield watcher


def _read_access(file: Path) -> Access:
    """Return the login and the auditors of a file of access."""
    from auditseal.settings_explorer import read_access  # noqa: PLC0415  (logins take 13 MB, which few explorers need)

    return read_access(file)


@contextmanager
def _trail(*, records: bool, strict: bool) -> Iterator[Trail]:
    """Give what records the looks of auditors; its events are delivered at the end."""
    if not (records or strict):
        yield NoTrail()
        return
    from auditseal_explorer.producer_trail import ProducerTrail, StrictTrail  # noqa: PLC0415  (it takes 9 MB)
    from auditseal_producer import AuditProducer, ProducerConfig  # noqa: PLC0415  (as above)

    with AuditProducer(ProducerConfig.from_env(service="auditseal-explorer")) as producer:
        yield StrictTrail(producer) if strict else ProducerTrail(producer)
