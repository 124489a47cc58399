"""`auditseal replicate`: a second copy of a vault, in another bucket, store or directory."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from auditseal.cli.progress import progress_bar
from auditseal.cli.sse import KmsKey, SseOption
from auditseal.cli.vault_options import Json, TrustFile, VaultUrl, exit_on_failure, read_trust, vault_url
from auditseal_archiver.config import MAX_RETENTION
from auditseal_archiver.hold_replication import HoldReplication
from auditseal_archiver.replication import Replication
from auditseal_auditor.report_text import printable
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust
from auditseal_vault.drill import drill
from auditseal_vault.encryption import wanted_encryption
from auditseal_vault.open import open_reader, open_vault

app = typer.Typer()


@app.command()
def replicate(  # noqa: PLR0917  (typer passes them by name)
    trust: TrustFile,
    to: Annotated[str, typer.Option("--to", help="The vault of the copy: s3://bucket/prefix or file:///path.")],
    vault: VaultUrl = None,
    retention_days: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_RETENTION.days - 1, help="The least days from now to the end of a copy's lock."),
    ] = None,
    encryption: SseOption = None,
    kms_key: KmsKey = "",
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Copy a vault into a second one, and compare both there.

    It copies the blocks of the pinned logs. Each block is verified before it is written, and read back. Its lock lasts
    as long as that of the original. Blocks that the copy has from the beginning on are not read again: `auditseal
    verify --copy` compares both. After an interruption run it again: it continues. It also copies the records of legal
    holds, and sets and lifts the holds in the copy as people signed them.

    Exit codes: 0 the copy has every block; 1 a vault is unreachable, or a block can't be copied or is another in the
    copy; 2 usage or trust file; 10 to 21 a block of the original is not valid; 41 SQUATTED; 49 the copy's store failed
    the WORM drill; 57 it does not encrypt as asked.

    Example: auditseal replicate --trust trust.txt --to s3://copy?region=eu-west-1
    """
    with exit_on_failure("replicate", "run it again, and it continues"):
        pinned = _whole_logs(read_trust(trust))
        source = open_reader(vault_url(vault, pinned))
        target = open_vault(to, wanted_encryption(encryption, kms_key))
        if source.url == target.url:
            raise ConfigurationError(f"--to {target.url} is the vault itself: name another one")
        drill(target)
        least = timedelta(days=retention_days) if retention_days else None
        with progress_bar("blocks") as advance:

            def on_progress(origin: Origin, done: int, blocks: int) -> None:
                advance(str(origin), done, blocks)

            replication = Replication(source, target, least, on_progress)
            logs = [replication.run(log) for log in pinned.logs]
        origins = [log.origin for log in pinned.logs]
        holds = HoldReplication(source, target, pinned.people, origins, least).run()
    if as_json:
        copied = {"logs": [asdict(log) for log in logs], "holds": asdict(holds)}
        typer.echo(json.dumps({"vault": source.url, "copy": target.url, **copied}))
        return
    for log in logs:
        line = f"{log.origin}: {log.blocks:,} blocks, {log.copied:,} copied and compared, {log.before:,} copied before"
        typer.echo(printable(line))
    if holds.cases:
        changed = f"{holds.held:,} holds set, {holds.lifted:,} lifted"
        typer.echo(f"legal holds: {holds.cases:,} cases, {holds.statements:,} statements copied, {changed}")


def _whole_logs(trust: Trust) -> Trust:
    for log in trust.logs:
        if log.start:
            problem = f"{log.origin}: its log line has a start, and the blocks below it can't be verified"
            raise ConfigurationError(f"{problem}: use a trust file with the log's first keys")
    return trust
