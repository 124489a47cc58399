"""`auditseal search --prove`: writes the proof that an answer has all hits."""

from dataclasses import dataclass
from pathlib import Path

import typer

from auditseal.cli.vault_options import read_trust, vault_url
from auditseal_auditor.report_text import printable
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.term import Term
from auditseal_search.completeness_prover import CompletenessProver
from auditseal_search.index_store import open_index
from auditseal_search.query import Condition
from auditseal_search.query_terms import terms_of_query
from auditseal_vault.open import open_reader


@dataclass(frozen=True, slots=True)
class HitProof:
    """A proof that was asked for.

    Attributes:
        terms: The terms of the filter.
        index: Where the index is.
        output: Where to write.
    """

    terms: tuple[Term, ...]
    index: str
    output: Path

    @classmethod
    def wanted(cls, condition: Condition, index: str | None, output: Path | None) -> "HitProof":
        """Check that a filter and the options are those of a proof.

        Raises:
            ConfigurationError: There is no index or no file, or terms can't show the filter.
        """
        if index is None or output is None:
            raise ConfigurationError("--prove needs --index, a signed index, and -o, the file to write")
        return cls(terms_of_query(condition), index, output)

    def write(self, trust: Path, vault: str | None) -> None:
        """Write the proof, and say on standard error how far it goes.

        Raises:
            ConfigurationError, BrokenIndexError, VerificationError, NotStoredError, UnavailableError: As
                `CompletenessProver.prove`.
        """
        pinned = read_trust(trust)
        reader = open_reader(vault_url(vault, pinned))
        proof = CompletenessProver(open_index(self.index), reader, pinned).prove(self.terms)
        data, found = proof.format(), proof.check(pinned)
        self.output.write_bytes(data)
        hits = sum(len(log.offsets) for log in found.logs)
        claim = f"these {hits:,} hits are all" if hits else "there is no hit"
        lines = [f"{self.output}: {len(data):,} bytes prove that {claim}, up to the heads:"]
        lines += [f"  {log.origin}: head {log.head.size}" for log in found.logs]
        lines += [f"  not covered: {origin}, which is not in the index" for origin in found.not_covered]
        for line in lines:
            typer.echo(printable(line), err=True)
