"""A key with a name, of a person or an index: made with its trust line, and found again in the trust file."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.passphrase import read_passphrase
from auditseal_schemas.errors import ConfigurationError, VerificationError, quoted
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_sealer.key_file import load_key, store_key

PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="A file that holds only the passphrase. [default: ask for it]")
]


@dataclass(frozen=True, slots=True)
class NamedKeyKind:
    """A kind of named keys.

    Attributes:
        line: The word of its trust line.
        phrase: What a key names, with its article.
        keygen: The command that makes such a key.
    """

    line: str
    phrase: str
    keygen: str

    def make(self, key_file: Path, name: str, passphrase_file: Path | None) -> str:
        """Make a key in a new file, and return its trust line.

        Raises:
            ConfigurationError: The name can't be a key's, or the file can't be written.
        """
        key = SigningKey.generate()
        try:
            public = VerifierKey.parse(str(VerifierKey(name, key.public)))
        except VerificationError as error:
            problem = f"{quoted(name)} can't name {self.phrase}"
            remedy = "use 1 to 255 printable ASCII characters but + and space"
            raise ConfigurationError(f"{problem}: {remedy}") from error
        store_key(key_file, key, read_passphrase(passphrase_file, confirm=True))
        return f"{self.line} {public}"

    def read(
        self, key_file: Path, passphrase_file: Path | None, pinned: Iterable[VerifierKey]
    ) -> tuple[VerifierKey, SigningKey]:
        """Return a key's public half as the trust file has it, and its private half.

        Raises:
            ConfigurationError: The key can't be read, or it is not one of the pinned ones.
        """
        signer = load_key(key_file, read_passphrase(passphrase_file, confirm=False))
        for public in pinned:
            if public.public == signer.public:
                return public, signer
        raise ConfigurationError(
            f"the trust file has no {self.line} line for {key_file}: add the line that `{self.keygen}` printed"
        )
