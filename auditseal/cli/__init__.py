"""The command line: one module a subcommand, imported only when the subcommand runs.

| module | what it holds |
| --- | --- |
| `command_table` | each subcommand's name, module, extra and line in the help |
| `lazy_group` | the group that loads a subcommand's module when it runs |
| `exits` | exit codes, and how a foreseen error ends a command |
| `data_output` | standard output for data, escaped on a terminal |
| `progress` | the bar of a long step: how far, how fast, how long still |
| `status_line` | the line on a terminal that says what a long step is doing |
| `demo` | `auditseal demo` |
| `emit` | `auditseal emit` |
| `emission` | publishes each item of `emit` or `import`, and accounts for it |
| `event_lines` | events as JSON lines, which `emit` reads |
| `rejects` | where `emit` and `import` report what they didn't publish |
| `properties_file` | files of librdkafka's settings |
| `interruption` | signals that end a command in order |
| `import_records` | `auditseal import` |
| `import_items` | the records that `import` reads |
| `csv_records` | the records of a CSV log, which `import` reads |
| `import_state` | what `import` remembers |
| `gateway` | `auditseal gateway` |
| `spool` | `auditseal spool` |
| `local` | `auditseal local` |
| `keys` | `auditseal keys` |
| `named_key` | a key with a name: of a person or an index |
| `passphrase` | the passphrase of a key, from its file or the terminal |
| `signer` | the signers that a sealer's settings name |
| `sealer` | `auditseal sealer` |
| `give_up` | the confirmation that `sealer` asks for before a log ends |
| `topics` | `auditseal topics` |
| `archiver` | `auditseal archiver` |
| `arrow_allocator` | where Arrow takes memory from |
| `drill` | `auditseal drill` |
| `replicate` | a second copy of a vault |
| `sse` | options of encryption at rest |
| `retention` | `auditseal retention` |
| `hold` | `auditseal hold` |
| `hold_approval` | what an approval would release: shown, and confirmed |
| `hold_selection` | the blocks that `hold add` names |
| `hold_text` | the cases of legal holds, as lines and as JSON |
| `verify` | `auditseal verify` |
| `verify_record` | the results of a run of `verify` as audit events |
| `watch` | `auditseal watch` |
| `show` | `auditseal show` |
| `prove` | `auditseal prove` |
| `event_lookup` | the record of an event id, for `prove` |
| `check_proof` | `auditseal check-proof` |
| `receipt` | `auditseal receipt` |
| `registry` | `auditseal registry` |
| `registry_client` | the schemas that a schema registry has |
| `querying` | the filter that `search` and others take |
| `search` | `auditseal search` |
| `tail` | `auditseal tail` |
| `streams` | `auditseal streams` |
| `stream_options` | the options of commands that look at streams |
| `export` | `auditseal export` |
| `explore` | `auditseal explore` |
| `evidence` | `auditseal evidence` |
| `hit_proof` | `auditseal search --prove` |
| `index` | `auditseal index` |
| `cluster` | the processes or the Dask cluster that `verify` and `index build` run on |
| `index_attest` | `auditseal index attest` |
| `index_key` | the key of an index log |
| `vault_options` | the options and errors that commands which read a vault share |
"""

from typing import Annotated

import typer

from auditseal.cli.lazy_group import STYLE, CommandGroup
from auditseal_schemas import __version__

app = typer.Typer(
    name="auditseal",
    cls=CommandGroup,
    help="Audit events on Kafka, sealed into signed Merkle blocks in WORM storage that anyone can verify.",
    no_args_is_help=True,
    **STYLE,
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  (typer calls it with the option's value)
    if wanted:
        typer.echo(f"auditseal {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: FBT002
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options before a command."""
