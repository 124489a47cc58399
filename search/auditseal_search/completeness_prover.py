"""Makes a proof from a signed index: which records have some terms, and that no others do."""

from dataclasses import dataclass
from io import BytesIO

from auditseal_schemas.completeness_proof import CompletenessProof, LogCoverage
from auditseal_schemas.errors import AuditsealError, ConfigurationError
from auditseal_schemas.index_segment import IndexSegment
from auditseal_schemas.origin import Origin
from auditseal_schemas.rotation import Rotation
from auditseal_schemas.segment_proof import SegmentProof
from auditseal_schemas.term import Term
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_search.answering import make_again
from auditseal_search.errors import BrokenIndexError
from auditseal_search.index_log import IndexLog, LogState, pinned_log
from auditseal_search.index_store import IndexStore
from auditseal_search.manifest import Segment, read_manifest, segment_name, terms_name
from auditseal_search.signed_segment import SignedSegment, read_signed
from auditseal_search.terms_reader import TermsReader
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader, rotations_to

_SIGN = "run `auditseal index build --key`"


@dataclass(frozen=True, slots=True)
class _Index:
    """What a proof is made of: the segments of each pinned log, and the state of the index log."""

    segments: tuple[tuple[PinnedLog, tuple[Segment, ...]], ...]
    state: LogState


class CompletenessProver:
    """Proves terms from one signed index, while it is built on.

    Args:
        store: The store of the index.
        vault: The vault that it was made from.
        trust: The trust file, which pins the index and the logs.

    Raises:
        ConfigurationError: The index is not signed.
        VerificationError: MISSING_LOG; the trust file does not pin it.
        BrokenIndexError: Its log is damaged.
        UnavailableError: The index can't be read.
    """

    def __init__(self, store: IndexStore, vault: VaultReader, trust: Trust) -> None:
        self._store, self._vault, self._trust = store, vault, trust
        self._log = pinned_log(store, trust)

    def prove(self, terms: tuple[Term, ...]) -> CompletenessProof:
        """Return the proof of all terms in all pinned logs that the index covers. The proof was checked.

        A build removes files that it merged, so a proof that fails is made again of the index of then.

        Raises:
            ConfigurationError: A segment is not signed, or no pinned log is in the index.
            BrokenIndexError: The index is damaged.
            VerificationError: The vault's blocks or the proof do not hold.
            NotStoredError: The vault lacks a block that is needed.
            UnavailableError: The index or the vault can't be read.
        """
        return make_again(
            self._read_index, lambda index: self._prove(index, terms), lambda index: index, AuditsealError
        )

    def _read_index(self) -> _Index:
        """Return what the index has now. The state of its log is read last: it has all that was signed before."""
        pinned = sorted(self._trust.logs, key=lambda log: str(log.origin))
        segments = tuple((log, read_manifest(self._store, log).segments) for log in pinned)
        return _Index(segments, self._log.state())

    def _prove(self, index: _Index, terms: tuple[Term, ...]) -> CompletenessProof:
        assert index.state.note is not None
        logs = tuple(self._prove_log(index, *one, terms) for one in index.segments if one[1])
        if not logs:
            raise ConfigurationError(f"the index {self._store.url} has no block of a pinned log: {_SIGN}")
        proof = CompletenessProof(index.state.note, terms, logs)
        proof.check(self._trust)
        return proof

    def _prove_log(
        self, index: _Index, pinned: PinnedLog, segments: tuple[Segment, ...], terms: tuple[Term, ...]
    ) -> LogCoverage:
        """Return the coverage of a log of which the index has segments."""
        block = LogReader(self._vault, pinned.origin).block(segments[-1].last_height)
        rotations = map(Rotation.of, rotations_to(LogReader(self._vault, pinned.origin), pinned, block))
        proofs = (prove_segment(self._store, self._log, index.state, pinned.origin, one, terms) for one in segments)
        return LogCoverage(tuple(rotations), tuple(proofs))


def prove_segment(
    store: IndexStore, log: IndexLog, state: LogState, origin: Origin, segment: Segment, terms: tuple[Term, ...]
) -> SegmentProof:
    """Return what a signed segment shows of terms.

    Raises:
        ConfigurationError: The segment is not signed.
        BrokenIndexError: Its files are damaged, or a build replaced them after the state was read.
        UnavailableError: The index can't be read.
    """
    signed = signed_segment(store, origin, segment)
    if signed.index >= state.head.size:
        place = f"entry {signed.index} of the index log of {store.url}"
        raise BrokenIndexError(f"{place} is beyond its checkpoint of {state.head.size}: run the command again")
    reader = terms_reader(store, origin, segment, signed.entry)
    return SegmentProof(signed.entry, signed.index, log.path(signed.index, state.head.size), *reader.answer(terms))


def terms_reader(store: IndexStore, origin: Origin, segment: Segment, entry: IndexSegment) -> TermsReader:
    """Return the terms of a segment, from its files.

    Raises:
        BrokenIndexError: They are missing, or not those that were signed.
        UnavailableError: The index can't be read.
    """
    first, last = segment.first_height, segment.last_height
    return TermsReader(
        _open(store, segment_name(origin, first, last)),
        _open(store, terms_name(origin, first, last)),
        entry.tree,
        (entry.first_offset, entry.last_offset),
    )


def signed_segment(store: IndexStore, origin: Origin, segment: Segment) -> SignedSegment:
    """Return what was signed of a segment.

    Raises:
        ConfigurationError: It is not signed, or only an earlier state of it is.
        BrokenIndexError: The file that says so is damaged.
        UnavailableError: The index can't be read.
    """
    signed = read_signed(store, origin, segment)
    if signed is None or not signed.is_of(segment):
        place = f"blocks {segment.first_height} to {segment.last_height} of {origin}"
        raise ConfigurationError(
            f"the index has {place}, and they are not signed: {_SIGN}, or wait for a build that signs now"
        )
    return signed


def _open(store: IndexStore, name: str) -> BytesIO:
    data = store.read(name)
    if data is None:
        raise BrokenIndexError(f"{name} is not in {store.url}, and its segment is signed: build the index again")
    return BytesIO(data)
