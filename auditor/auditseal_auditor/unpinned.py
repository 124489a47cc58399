"""Notices on logs that the vault holds and the trust file doesn't pin: nothing of them was verified."""

from collections.abc import Collection, Iterator
from itertools import islice

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_vault.errors import UnreadableObjectError
from auditseal_vault.interface import VaultReader

_ROOT = "v1/"
_PARTS = 4  # of an origin: cluster, topic, partition and run
_MOST_LISTED = 10_000
_MOST_NAMED = 20


def unpinned_notices(reader: VaultReader, pinned: Collection[Origin]) -> Iterator[str]:
    """Yield a notice for each other run of a pinned partition, and one for all other logs and objects.

    A store that can't be listed is a notice too.
    """
    partitions = {str(origin).rpartition("/")[0] for origin in pinned}
    known, others = set(map(str, pinned)), 0
    named: list[str] = []
    try:
        for name in islice(listed_logs(reader), _MOST_LISTED):
            if name in known:
                continue
            if name.count("/") == _PARTS - 1 and name.rpartition("/")[0] in partitions:
                yield f"there are objects of {name}, which the trust file doesn't pin: it was not verified"
                continue
            others += 1
            if len(named) < _MOST_NAMED:
                named.append(name)
    except (UnavailableError, UnreadableObjectError) as error:
        yield f"it is not known which logs the vault holds besides the pinned ones: {error}"
    if others:
        more = f" and {others - len(named):,} more" if others > len(named) else ""
        yield f"the vault holds objects that no pinned log has, and they were not verified: {', '.join(named)}{more}"


def listed_logs(reader: VaultReader) -> Iterator[str]:
    """Yield the name of each log that the vault holds objects of, by one short listing a log.

    An object that is too high in the tree to belong to a log is named by its key below `v1/`.

    Raises:
        UnavailableError: The store can't be read.
        UnreadableObjectError: Something other than a directory is on the way.
    """
    after = ""
    while True:
        entry = next(iter(reader.versions(_ROOT, after, limit=1)), None)
        if entry is None:
            return
        parts = entry.key.removeprefix(_ROOT).split("/", _PARTS)
        yield "/".join(parts[:_PARTS])
        # "0" follows "/" in ASCII: no key of this log comes after it, and every key of the next one does.
        after = f"{_ROOT}{'/'.join(parts[:_PARTS])}0" if len(parts) > _PARTS else entry.key
