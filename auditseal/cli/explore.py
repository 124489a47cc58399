"""`auditseal explore`: sealed events and the health of their logs, in a browser."""

import webbrowser
from functools import partial
from typing import Annotated

import typer

from auditseal.cli.vault_options import TrustFile, VaultUrl, exit_on_failure, read_trust, tell, vault_url
from auditseal_explorer.app import Explorer, make_app
from auditseal_explorer.checker import Checker
from auditseal_explorer.pages import Pages
from auditseal_explorer.server import address_of, hosts_of, listen, serve
from auditseal_explorer.sources import Sources
from auditseal_search.index_store import open_index
from auditseal_vault.open import open_reader

app = typer.Typer()


@app.command()
def explore(
    trust: TrustFile,
    vault: VaultUrl = None,
    index: Annotated[str | None, typer.Option("--index", help="The index. [default: none, read the vault]")] = None,
    host: Annotated[str, typer.Option(help="The address to listen on, on this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for a free one.")] = 8089,
    opens: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,  # noqa: FBT002
) -> None:
    """Explore sealed events in a browser, on this machine alone.

    It ends with Ctrl-C. Pages show the events that match a filter, one event with its proof, and the health of each
    log. Every page says how complete its answer is. Meanwhile the vault is verified, and a finding is on every page.

    Exit codes: 0 stopped; 1 the vault or the index can't be opened; 2 usage, configuration or trust file.

    Example: auditseal explore --trust trust.txt --index ./index
    """
    with exit_on_failure("explore"):
        pinned = read_trust(trust)
        url = vault_url(vault, pinned)
        open_vault = partial(open_reader, url)
        sources = Sources(pinned, open_vault, open_index(index) if index else None)
        with sources.reading(), listen(host, port) as listening, Checker(pinned, open_vault) as checker:
            address = address_of(listening)
            tell("explore", f"{address} shows {url}; Ctrl-C ends it")
            if opens:
                webbrowser.open(address)
            serve(make_app(Explorer(sources, checker, Pages(url)), hosts_of(listening)), listening)
