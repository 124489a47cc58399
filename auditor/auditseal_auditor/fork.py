"""Forks: two histories of one log, both signed by its own keys, and the two notes that prove it to anybody."""

from collections.abc import Iterator, Sequence

from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin


def forked_notes(
    origin: Origin, height: int, keys: Sequence[VerifierKey], notes: Sequence[Note]
) -> Iterator[tuple[str, str]]:
    """Yield the first note that is signed for a height, with each other one that is signed for another root.

    Notes that aren't this log's, of another size, or not signed by all keys prove nothing and are passed over.
    """
    signed: dict[bytes, str] = {}
    for note in notes:
        try:
            checkpoint = Checkpoint.parse(note.text)
            note.check(keys)
        except VerificationError:
            continue
        if (checkpoint.origin, checkpoint.size) == (origin, height + 1):
            signed.setdefault(checkpoint.root, note.format().decode())
    first, *others = signed.values() if signed else [""]
    for other in others:
        yield first, other
