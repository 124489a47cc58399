"""`auditseal index`: builds the index that search is fast with, signs it, and checks one."""

import json
import os
from functools import partial
from typing import Annotated

import typer

from auditseal.cli.cluster import Dask, Jobs, workers
from auditseal.cli.index_attest import attest
from auditseal.cli.index_key import IndexKey, KeyFile, keygen, read_key, signing
from auditseal.cli.named_key import PassphraseFile
from auditseal.cli.progress import progress_bar
from auditseal.cli.vault_options import Json, TrustFile, VaultUrl, exit_on_failure, read_trust, vault_url
from auditseal_auditor.report_text import printable
from auditseal_daemon.process_end import end_process
from auditseal_daemon.run import DaemonContext, DaemonOptions, run_daemon
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.header import Header
from auditseal_schemas.trust import PinnedLog
from auditseal_search.follow import INDEX, IndexFollower, IndexMetrics
from auditseal_search.free_memory import return_large_blocks
from auditseal_search.index_builder import Built, IndexBuilder
from auditseal_search.index_store import IndexStore, open_index
from auditseal_search.index_verifier import IndexFinding, verify_index
from auditseal_search.manifest import manifest_name
from auditseal_search.range_pool import RangePool
from auditseal_vault.head import head_height
from auditseal_vault.open import open_reader
from auditseal_vault.thread_reader import ReaderAt

app = typer.Typer(name="index", no_args_is_help=True)
app.command()(keygen)
app.command()(attest)

IndexPlace = Annotated[str, typer.Option("--index", help="A directory or s3://bucket/prefix of the index.")]


@app.command()
def build(  # noqa: PLR0913, PLR0917  (typer passes them by name)
    trust: TrustFile,
    index: IndexPlace,
    vault: VaultUrl = None,
    jobs: Jobs = None,
    dask: Dask = None,
    again: Annotated[bool, typer.Option("--again", help="Drop what is there and build the whole index.")] = False,  # noqa: FBT002
    key: KeyFile = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Verify the blocks that the index doesn't cover yet, and add them.

    A build that is interrupted leaves the old index whole; the next one continues. An index is plain Parquet files with
    a manifest, and can be built again at any time. With --key it is signed, and `search --prove` can prove from it that
    an answer has all hits.

    Exit codes: 0 the index covers all that the vault holds; 1 the vault or the index can't be reached, or the index is
    damaged; 2 usage or trust file; from 10 on the verdict on the first wrong block: the index ends below it.

    Example: auditseal index build --trust trust.txt --index ./index
    """
    with exit_on_failure("index build", "what is built so far stays, and the next build continues"):
        return_large_blocks()
        pinned = read_trust(trust)
        url, store, signer = vault_url(vault, pinned), open_index(index), read_key(key, passphrase_file, pinned)
        with workers(jobs, dask) as (count, cluster), RangePool(ReaderAt(url), count, cluster) as pool:
            built = [_build_log(store, pool, log, signer, again=again) for log in pinned.logs]
    code = max((log.fault.verdict.exit_code for log in built if log.fault), default=0)
    if as_json:
        logs = [_json(log) for log in built]
        typer.echo(json.dumps({"ok": code == 0, "exit_code": code, "index": store.url, "logs": logs}))
    else:
        for log in built:
            typer.echo(printable(_line(log)), err=log.fault is not None)
    raise typer.Exit(code)


@app.command()
def follow(  # noqa: PLR0917
    trust: TrustFile,
    index: IndexPlace,
    vault: VaultUrl = None,
    every: Annotated[float, typer.Option(min=1, max=60, help="Seconds between two looks at the vault.")] = 10,
    host: Annotated[str, typer.Option(help="Where /metrics, /healthz and /readyz are served.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Their port; 0 for a free one.")] = 0,
    key: KeyFile = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Keep an index up with its vault, until SIGTERM.

    It serves /metrics, /healthz and /readyz. An unreachable vault is reported, and the next look continues.

    Exit codes: 0 stopped; 1 the index is damaged; 2 usage or trust file; from 10 on the verdict on the first wrong
    block: the index ends below it.

    Example: auditseal index follow --trust trust.txt --index ./index
    """
    with exit_on_failure("index follow"):
        return_large_blocks()
        pinned = read_trust(trust)
        url, store, signer = vault_url(vault, pinned), open_index(index), read_key(key, passphrase_file, pinned)
        verdicts: list[VerificationError] = []

        def body(context: DaemonContext) -> None:
            metrics = IndexMetrics(context.registry)
            with RangePool(partial(open_reader, url), 1) as pool:
                builder = signing(IndexBuilder(store, pool), store, pool.vault, signer)
                try:
                    IndexFollower(builder, pinned.logs, metrics, context.health, every).run(context.stop)
                except VerificationError as error:
                    verdicts.append(error)
                    raise

        code = run_daemon("auditseal.index", DaemonOptions(host=host, port=port), [INDEX], body)
    end_process(verdicts[0].verdict.exit_code if verdicts else code)


@app.command()
def verify(
    trust: TrustFile,
    index: IndexPlace,
    vault: VaultUrl = None,
    jobs: Jobs = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Compare an index with the vault, row by row.

    It finds rows removed or changed, segments dropped, and an index that is stale or of another log.

    Exit codes: 0 the index is what the vault's blocks make it; 1 the vault or the index can't be reached; 2 usage or
    trust file; 3 the index differs; from 10 on the verdict on the first wrong block.

    Example: auditseal index verify --trust trust.txt --index ./index
    """
    with exit_on_failure("index verify"):
        pinned = read_trust(trust)
        url, store = vault_url(vault, pinned), open_index(index)
        findings: list[IndexFinding] = []
        with RangePool(partial(open_reader, url), jobs or os.cpu_count() or 1) as pool:
            for log in pinned.logs:
                with progress_bar("blocks") as advance:
                    findings += verify_index(store, pool, log, partial(advance, str(log.origin)))
    code = max(
        (finding.verdict.exit_code for finding in findings if finding.verdict),
        default=ExitCode.REJECTED if findings else ExitCode.OK,
    )
    if as_json:
        found = [{"origin": str(one.origin), "height": one.height, "problem": one.problem} for one in findings]
        typer.echo(json.dumps({"ok": not findings, "exit_code": code, "index": store.url, "findings": found}))
    else:
        for finding in findings:
            typer.echo(printable(str(finding)), err=True)
        if not findings:
            typer.echo(f"the index {store.url} is what the vault's blocks make it")
    raise typer.Exit(code)


def _build_log(store: IndexStore, pool: RangePool, log: PinnedLog, key: IndexKey | None, *, again: bool) -> Built:
    if again:
        store.remove(manifest_name(log.origin))
    head = head_height(pool.vault, log.origin)
    with progress_bar("blocks") as advance:

        def on_block(header: Header) -> None:
            advance(str(log.origin), header.height + 1, None if head is None else head + 1)

        return signing(IndexBuilder(store, pool, on_block), store, pool.vault, key).build(log)


def _line(log: Built) -> str:
    added = log.size - log.before
    line = f"{log.origin}: {log.size:,} blocks and {log.rows:,} records indexed, {added:,} blocks new"
    return f"{line}; stopped at block {log.fault.height}: {log.fault.problem}" if log.fault else line


def _json(log: Built) -> dict[str, object]:
    fault = log.fault and {"height": log.fault.height, "verdict": log.fault.verdict, "problem": log.fault.problem}
    return {"origin": str(log.origin), "before": log.before, "size": log.size, "rows": log.rows, "fault": fault}
