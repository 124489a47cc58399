"""`auditseal hold`: legal holds of blocks, for a case; two people release it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.hold_approval import Confirm, check_approval
from auditseal.cli.hold_selection import held_by_filter, held_by_heights
from auditseal.cli.hold_text import case_lines, case_to_json, released_line
from auditseal.cli.named_key import NamedKeyKind, PassphraseFile
from auditseal.cli.progress import progress_bar
from auditseal.cli.vault_options import Json, TrustFile, VaultUrl, exit_on_failure, read_trust, vault_url
from auditseal.holding import Holding, Person
from auditseal_auditor.report_text import printable
from auditseal_producer import AuditProducer, ProducerConfig
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.hold_case import active_blocks
from auditseal_schemas.hold_statement import check_case_name
from auditseal_schemas.trust import Trust
from auditseal_schemas.verdict import Verdict
from auditseal_vault.hold_records import find_case, read_cases
from auditseal_vault.legal_hold import not_held, signed_versions
from auditseal_vault.open import open_reader, open_vault
from auditseal_vault.s3 import S3Vault

app = typer.Typer(name="hold", no_args_is_help=True)

Case = Annotated[str, typer.Argument(help="The case: letters, digits, '.', '_' and '-'.")]
KeyFile = Annotated[Path, typer.Option("--key", exists=True, dir_okay=False, help="Your own key.")]
_PERSON = NamedKeyKind("person", "a person", "auditseal hold keygen")
_REPEAT = "repeat the command: it continues with what is left"


@app.callback()
def _group() -> None:
    """Hold blocks for a case, beyond their retention; two people release it."""


@app.command()
def keygen(
    key_file: Annotated[Path, typer.Argument(help="The key: an encrypted PEM, mode 0600.")],
    name: Annotated[str, typer.Option(help="Your name, such as alice@example.com.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a person's key, and print its trust line. An existing file is never overwritten.

    Exit codes: 0 the key is written; 2 the name or the file can't be used.

    Example: auditseal hold keygen alice.pem --name alice@example.com
    """
    with exit_on_failure("hold keygen"):
        line = _PERSON.make(key_file, name, passphrase_file)
    typer.echo(line)


@app.command()
def add(  # noqa: PLR0913, PLR0917  (one for each option)
    case: Case,
    trust: TrustFile,
    key: KeyFile,
    vault: VaultUrl = None,
    origin: Annotated[str | None, typer.Option(help="The log of --heights.")] = None,
    heights: Annotated[str | None, typer.Option(help="Its blocks: 17 or 3,10-20.")] = None,
    query: Annotated[str | None, typer.Option("--filter", help="All blocks with an event that matches.")] = None,
    index: Annotated[str | None, typer.Option("--index", help="With --filter: the index. [default: none]")] = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Hold blocks for a case.

    They cannot be deleted before the case is released, even after their locks end. Name the blocks by --origin and
    --heights, or by --filter. A filter holds what exists now, and is refused if the search isn't complete. The step is
    signed, recorded as an audit event, and then done. After an interruption repeat it.

    Exit codes: 0 all blocks are held; 1 the store or the brokers are unreachable, or the store refuses; 2 usage, trust
    file, key, or a case that was released; 4 the search is not complete, so nothing was held.

    Example: auditseal hold add A-7 --trust t.txt --key me.pem --filter 'id = 7'
    """
    with exit_on_failure("hold add", _REPEAT), progress_bar("blocks") as advance:
        check_case_name(case)
        pinned = read_trust(trust)
        store = _bucket(pinned, vault)
        if query is not None and origin is None and heights is None:
            wanted = held_by_filter(store, query, trust, vault, index)
        elif origin is not None and heights is not None and query is None and index is None:
            wanted = held_by_heights(store, pinned, origin, heights)
        else:
            raise ConfigurationError("name the blocks by --origin and --heights, or by --filter, and not by both")
        blocks = sum(map(len, wanted.values()))
        with _holding(store, pinned, key, passphrase_file) as holding:
            found = find_case(store, pinned.people, case)
            done = holding.add(found, wanted, lambda number: advance(case, number, blocks))
    typer.echo(f"{case}: {blocks:,} blocks are held; {done.signed} statements signed, {done.changed:,} holds set")


@app.command("list")
def list_cases(trust: TrustFile, vault: VaultUrl = None, as_json: Json = False) -> None:  # noqa: FBT002
    """Show all cases, what they hold, and who signed.

    Exit codes: 0 all records are valid; 1 a record is not, or the store is unreachable; 2 usage or trust file.

    Example: auditseal hold list --trust trust.txt
    """
    with exit_on_failure("hold list"):
        pinned = read_trust(trust)
        read = list(read_cases(open_reader(vault_url(vault, pinned)), pinned.people))
    if as_json:
        typer.echo(json.dumps({"cases": [case_to_json(each) for each in read]}))
    else:
        for line in (line for each in read for line in case_lines(each)):
            typer.echo(printable(line))
    raise typer.Exit(ExitCode.FAILED if any(each.problem for each in read) else ExitCode.OK)


@app.command()
def release(  # noqa: PLR0917  (typer passes them by name)
    case: Case,
    trust: TrustFile,
    key: KeyFile,
    approve: Annotated[bool, typer.Option("--approve", help="Approve what another person asked for.")] = False,  # noqa: FBT002
    yes: Annotated[bool, typer.Option("--yes", help="With --approve: do not ask. For machines.")] = False,  # noqa: FBT002
    vault: VaultUrl = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Ask to release a case, or approve it.

    With --approve a second person approves, and the holds are lifted. The command shows what would be released, and
    asks at the terminal. Blocks that another case holds stay held. Retention stays as it is. After an interruption
    repeat the command.

    Exit codes: 0 asked, or released; 1 the store or the brokers are unreachable, or the store refuses; 2 usage, trust
    file, key, or a step that this person may not take.

    Example: auditseal hold release A-7 --trust t.txt --key me.pem --approve
    """
    with exit_on_failure("hold release", _REPEAT):
        pinned = read_trust(trust)
        store = _bucket(pinned, vault)
        found = find_case(store, pinned.people, case)
        if not found.signed:
            raise ConfigurationError(f"{store.url} has no case {case}: `auditseal hold list` shows all cases")
        if approve:
            check_approval(found, _confirmation(yes=yes))
        with progress_bar("blocks") as advance, _holding(store, pinned, key, passphrase_file) as holding:
            done = holding.approve(found, lambda number: advance(case, number, None)) if approve else holding.ask(found)
    typer.echo(released_line(done))


@app.command()
def check(trust: TrustFile, vault: VaultUrl = None, as_json: Json = False) -> None:  # noqa: FBT002
    """Check that the store holds what the cases hold.

    It asks the store for the hold of each block, and reads no block.

    Exit codes: 0 all are held; 1 a record is not valid, or the store is unreachable or doesn't show holds to this
    reader; 2 usage or trust file; 12 a block is not held.

    Example: auditseal hold check --trust trust.txt
    """
    with exit_on_failure("hold check"):
        pinned = read_trust(trust)
        result = _check(pinned, vault)
    if as_json:
        typer.echo(json.dumps({"held": result.held, "not_held": result.missing, "problems": result.problems}))
    else:
        typer.echo(f"{result.held:,} blocks are held, {len(result.missing):,} are not")
        for line in (*(f"not held: {each}" for each in result.missing), *result.problems):
            typer.echo(printable(line))
    if result.missing:
        raise typer.Exit(Verdict.BAD_STORAGE.exit_code)
    raise typer.Exit(ExitCode.FAILED if result.problems else ExitCode.OK)


@dataclass(frozen=True, slots=True)
class _Checked:
    """How many blocks are held, those that aren't as `key version`, and what could not be checked."""

    held: int
    missing: list[str]
    problems: list[str]


def _check(pinned: Trust, vault: str | None) -> _Checked:
    reader = open_reader(vault_url(vault, pinned))
    read = list(read_cases(reader, pinned.people))
    problems = [each.problem for each in read if each.problem]
    held = list(signed_versions(reader, active_blocks(each.case for each in read)))
    wrong = list(not_held(reader, held))
    unknown = sum(state is None for _, state in wrong)
    if unknown:
        problems.append(f"{unknown:,} blocks: this reader may not see legal holds: give it s3:GetObjectLegalHold")
    missing = [f"{version.key} {version.version_id}" for version, state in wrong if state is False]
    return _Checked(len(held) - len(wrong), missing, problems)


def _confirmation(*, yes: bool) -> Confirm | None:
    """Return the function that asks a person for a yes; None without a terminal."""
    if yes:
        return lambda _: True
    return partial(typer.confirm, err=True) if sys.stdin.isatty() else None


def _bucket(pinned: Trust, vault: str | None) -> S3Vault:
    store = open_vault(vault_url(vault, pinned))
    if not isinstance(store, S3Vault):
        problem = f"{store.url} is a directory, and has no legal holds"
        raise ConfigurationError(f"{problem}: copy it into a bucket with Object Lock (auditseal replicate)")
    return store


@contextmanager
def _holding(store: S3Vault, pinned: Trust, key_file: Path, passphrase_file: Path | None) -> Iterator[Holding]:
    """Give what takes the steps, for the person whose key this is; it records by our own producer."""
    person = Person(*_PERSON.read(key_file, passphrase_file, pinned.people))
    with AuditProducer(ProducerConfig.from_env(service="auditseal-hold")) as producer:
        yield Holding(store, pinned.people, person, producer)
