"""`auditseal retention`: the locks of a vault's blocks, extended."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from auditseal.cli.vault_options import Json, TrustFile, VaultUrl, exit_on_failure, read_trust, vault_url
from auditseal_auditor.report_text import printable
from auditseal_schemas.errors import ConfigurationError, quoted
from auditseal_schemas.origin import Origin
from auditseal_vault.lock_extension import block_locks, extend_locks
from auditseal_vault.open import open_vault
from auditseal_vault.s3 import S3Vault

app = typer.Typer(name="retention", no_args_is_help=True)
_LONGEST = timedelta(days=36_500)
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@app.callback()
def _group() -> None:
    """Extend how long a vault's blocks are locked."""


@dataclass(frozen=True, slots=True)
class Extended:
    """The locks of one log.

    Attributes:
        origin: The log.
        blocks: Its blocks.
        short: Blocks whose lock ended before the wanted time, or that had none.
        extended: Those of them whose lock was extended and read back.
    """

    origin: str
    blocks: int
    short: int
    extended: int


@app.command()
def extend(
    trust: TrustFile,
    until: Annotated[str, typer.Option(help="The time, in UTC: 2033-12-31 or 2033-12-31T12:00:00Z.")],
    vault: VaultUrl = None,
    yes: Annotated[bool, typer.Option("--yes", help="Extend the locks. Without it nothing is changed.")] = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Lock all blocks of the pinned logs until a time, at least. Nobody can shorten such a lock again.

    Without --yes it only counts. A lock that lasts longer stays as it is. After an interruption run it again: it
    continues with the blocks that are left.

    Exit codes: 0 all locks last until then, or were counted; 1 the store is unreachable, refused an extension or did
    not keep one; 2 usage, trust file, or a vault without locks.

    Example: auditseal retention extend --trust trust.txt --until 2033-12-31
    """
    with exit_on_failure("retention extend"):
        end, pinned = _parse_end(until, datetime.now(UTC)), read_trust(trust)
        store = open_vault(vault_url(vault, pinned))
        if not isinstance(store, S3Vault):
            raise ConfigurationError(f"{store.url} has no locks to extend: name a bucket with Object Lock")
        logs = [_extend(store, log.origin, end, really=yes) for log in pinned.logs]
    if as_json:
        typer.echo(json.dumps({"until": end.strftime(_TIME), "changed": yes, "logs": [asdict(log) for log in logs]}))
        return
    for log in logs:
        done = f"{log.extended:,} extended" if yes else "nothing was changed: --yes extends them"
        line = f"{log.origin}: {log.blocks:,} blocks, {log.short:,} locked for less than until {end:{_TIME}}; {done}"
        typer.echo(printable(line))


def _extend(store: S3Vault, origin: Origin, until: datetime, *, really: bool) -> Extended:
    blocks = short = extended = 0
    for locks in block_locks(store, origin):
        too_short = [lock.version for lock in locks if not lock.lasts_until(until)]
        blocks, short = blocks + len(locks), short + len(too_short)
        if really:
            extend_locks(store, too_short, until)
            extended += len(too_short)
    return Extended(str(origin), blocks, short, extended)


def _parse_end(text: str, now: datetime) -> datetime:
    """Return the end of the locks.

    Raises:
        ConfigurationError: It is not a time, is in the past, or is more than 100 years ahead.
    """
    try:
        end = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--until {quoted(text)} is not a time: write 2033-12-31") from error
    end = end.replace(tzinfo=end.tzinfo or UTC).astimezone(UTC)
    if end.microsecond:
        raise ConfigurationError(f"--until {text}: a lock ends at a whole second")
    if not now < end < now + _LONGEST:
        raise ConfigurationError(f"--until {text}: the time has to be in the future, within 100 years")
    return end
