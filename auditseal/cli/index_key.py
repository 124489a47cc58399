"""The key of an index log: `auditseal index keygen`, and the options of the commands that sign."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.named_key import NamedKeyKind, PassphraseFile
from auditseal.cli.vault_options import exit_on_failure
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.trust import Trust
from auditseal_search.follow import Builder
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_signer import IndexSigner, SigningBuilder
from auditseal_search.index_store import IndexStore
from auditseal_vault.interface import VaultReader

KeyFile = Annotated[
    Path | None, typer.Option("--key", exists=True, dir_okay=False, help="Sign the index with this key.")
]
_INDEX = NamedKeyKind("index", "an index", "auditseal index keygen")


@dataclass(frozen=True, slots=True)
class IndexKey:
    """The key of an index, both halves."""

    public: VerifierKey
    signer: SigningKey


def keygen(
    key_file: Annotated[Path, typer.Argument(help="The key: an encrypted PEM, mode 0600.")],
    name: Annotated[str, typer.Option(help="The index's name, such as index.example.com.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make the key of an index, and print its trust line. An existing file is never overwritten.

    Give the line to everyone who checks proofs of this index. The name must be the index's alone.

    Exit codes: 0 the key is written; 2 the name or the file can't be used.

    Example: auditseal index keygen index.pem --name index.example.com
    """
    with exit_on_failure("index keygen"):
        line = _INDEX.make(key_file, name, passphrase_file)
    typer.echo(line)


def read_key(key_file: Path | None, passphrase_file: Path | None, trust: Trust) -> IndexKey | None:
    """Return the key that signs an index, None where no file is named.

    Raises:
        ConfigurationError: The key can't be read, or the trust file has no index line for it.
    """
    if key_file is None:
        return None
    return IndexKey(*_INDEX.read(key_file, passphrase_file, trust.indexes))


def signing(builder: IndexBuilder, store: IndexStore, vault: VaultReader, key: IndexKey | None) -> Builder:
    """Return a builder that signs what it built, or the builder alone where there is no key."""
    if key is None:
        return builder
    return SigningBuilder(builder, IndexSigner(store, vault, key.public, key.signer).sign)
