"""The key of an index log: `auditseal index keygen`, and the options of the commands that sign."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.passphrase import read_passphrase
from auditseal.cli.vault_options import exit_on_failure
from auditseal_schemas.errors import ConfigurationError, VerificationError, quoted
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.trust import Trust
from auditseal_sealer.key_file import load_key, store_key
from auditseal_search.follow import Builder
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_signer import IndexSigner, SigningBuilder
from auditseal_search.index_store import IndexStore
from auditseal_vault.interface import VaultReader

KeyFile = Annotated[
    Path | None, typer.Option("--key", exists=True, dir_okay=False, help="Sign the index with this key.")
]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="A file that holds only the passphrase. [default: ask for it]")
]


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
        key = SigningKey.generate()
        try:
            public = VerifierKey.parse(str(VerifierKey(name, key.public)))
        except VerificationError as error:
            problem = f"{quoted(name)} can't name an index: use 1 to 255 printable ASCII characters but + and space"
            raise ConfigurationError(problem) from error
        store_key(key_file, key, read_passphrase(passphrase_file, confirm=True))
    typer.echo(f"index {public}")


def read_key(key_file: Path | None, passphrase_file: Path | None, trust: Trust) -> IndexKey | None:
    """Return the key that signs an index, None where no file is named.

    Raises:
        ConfigurationError: The key can't be read, or the trust file has no index line for it.
    """
    if key_file is None:
        return None
    signer = load_key(key_file, read_passphrase(passphrase_file, confirm=False))
    for public in trust.indexes:
        if public.public == signer.public:
            return IndexKey(public, signer)
    raise ConfigurationError(
        f"the trust file has no index line for {key_file}: add the line that `auditseal index keygen` printed"
    )


def signing(builder: IndexBuilder, store: IndexStore, vault: VaultReader, key: IndexKey | None) -> Builder:
    """Return a builder that signs what it built, or the builder alone where there is no key."""
    if key is None:
        return builder
    return SigningBuilder(builder, IndexSigner(store, vault, key.public, key.signer).sign)
