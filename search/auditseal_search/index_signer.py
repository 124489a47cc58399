"""Signs the segments of an index: makes the terms of each, and adds its entry to the index log.

It works on what a build has published, so an index that is built without a key is the same. A signer that is killed at
any point leaves the index whole. Its next run signs what is left; an entry may then be in the log twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.event import SCHEMA_VERSION
from auditseal_schemas.index_segment import IndexSegment
from auditseal_schemas.key import Signer, VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_schemas.term import EXTRACTOR
from auditseal_schemas.term_tree import TermsTree
from auditseal_schemas.trust import PinnedLog
from auditseal_search.errors import BrokenIndexError
from auditseal_search.index_builder import Built, IndexBuilder, fetch_segment
from auditseal_search.index_log import IndexLog
from auditseal_search.index_store import IndexStore
from auditseal_search.manifest import Segment, read_manifest, terms_name
from auditseal_search.signed_segment import SignedSegment, read_signed, write_signed
from auditseal_search.terms_file import write_terms
from auditseal_search.verified_range import ChainCheck
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader


class IndexSigner:
    """Signs the segments of an index.

    Args:
        store: The store of the index.
        vault: The vault that it was made from.
        key: The key that auditors pin.
        signer: Its private half.
    """

    def __init__(self, store: IndexStore, vault: VaultReader, key: VerifierKey, signer: Signer) -> None:
        self._store, self._vault, self._signer = store, vault, signer
        self._log = IndexLog(store, key)

    def sign(self, pinned: PinnedLog) -> int:
        """Sign each segment of a log that is not signed yet, and return their number.

        Raises:
            BrokenIndexError: The index or its log is damaged, or not of the vault's history.
            VerificationError: The vault's block at the end of a segment doesn't hold.
            NotStoredError: The vault lacks it.
            UnavailableError: The vault or the index can't be reached.
        """
        signed = 0
        for segment in read_manifest(self._store, pinned).segments:
            known = read_signed(self._store, pinned.origin, segment)
            if known is None or not known.is_of(segment):
                self._sign_segment(pinned, segment)
                signed += 1
        return signed

    def _sign_segment(self, pinned: PinnedLog, segment: Segment) -> None:
        checkpoint = self._checkpoint(pinned, segment)
        tree = self._store_terms(pinned.origin, segment)
        entry = entry_of(segment, checkpoint, tree)
        index = self._log.append(entry.format(), self._signer)
        write_signed(self._store, pinned.origin, segment, SignedSegment(index, entry))

    def _checkpoint(self, pinned: PinnedLog, segment: Segment) -> bytes:
        """Return the log's checkpoint at a segment's end: it commits to the blocks that the segment was made from."""
        root = ChainCheck(self._vault, pinned, segment.last_height + 1).root
        if root is None or root.hex() != segment.root:
            raise BrokenIndexError(
                f"the segment of {pinned.origin} up to block {segment.last_height} is of another history than the"
                " vault's: verify the vault, and build the index again"
            )
        return LogReader(self._vault, pinned.origin).block(segment.last_height).note.format()

    def _store_terms(self, origin: Origin, segment: Segment) -> TermsTree:
        with TemporaryDirectory(prefix="auditseal-terms-") as folder:
            path, rows = Path(folder, "terms"), Path(folder, "rows")
            fetch_segment(self._store, origin, segment, rows)
            tree = write_terms(rows, segment.first_offset, path)
            self._store.store(terms_name(origin, segment.first_height, segment.last_height), path)
        return tree


def entry_of(segment: Segment, checkpoint: bytes, tree: TermsTree) -> IndexSegment:
    """Return the entry of a segment.

    Args:
        segment: The segment as the manifest describes it.
        checkpoint: The signed checkpoint of its last block.
        tree: The tree of its terms.
    """
    return IndexSegment(
        first_height=segment.first_height,
        checkpoint=checkpoint,
        first_offset=segment.first_offset,
        last_offset=segment.last_offset,
        extractor=EXTRACTOR,
        event_schema=SCHEMA_VERSION,
        rows=segment.rows,
        problems=segment.problems,
        min_timestamp=segment.min_timestamp,
        max_timestamp=segment.max_timestamp,
        min_occurred_at=segment.min_occurred_at,
        max_occurred_at=segment.max_occurred_at,
        file_bytes=segment.bytes,
        file_sha256=bytes.fromhex(segment.sha256),
        terms=tree.size,
        terms_root=tree.root,
    )


@dataclass(frozen=True, slots=True)
class SigningBuilder:
    """A builder that signs what it built.

    Attributes:
        builder: Adds to the index of one log.
        sign: Signs the segments of a log: `IndexSigner.sign`.
    """

    builder: IndexBuilder
    sign: Callable[[PinnedLog], int]

    def build(self, pinned: PinnedLog) -> Built:
        """Build as `IndexBuilder.build`, and sign as `IndexSigner.sign`.

        Raises:
            ConfigurationError: The trust file pins schemas of a registry for the log.
        """
        if pinned.schemas:
            raise ConfigurationError(
                f"the trust file has schema lines for {pinned.origin}, and the terms of a signed index must follow from"
                " the blocks alone, for all auditors: use a trust file without these lines, or leave out --key"
            )
        built = self.builder.build(pinned)
        self.sign(pinned)
        return built
