"""Logs of which an index has nothing: it was not built yet, or it is at another place.

Every answer is right without an index, and slow. So nothing else shows that the named place is empty.
"""

from collections.abc import Iterable

from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_search.index_store import IndexStore
from auditseal_search.manifest import manifest_name
from auditseal_vault.head import head_height
from auditseal_vault.interface import VaultReader


def logs_not_indexed(index: IndexStore, vault: VaultReader, logs: Iterable[PinnedLog]) -> list[Origin]:
    """Return the logs of which the vault has blocks, and the index has nothing.

    Raises:
        UnavailableError: The index or the vault can't be read.
    """
    missing = (log.origin for log in logs if index.read(manifest_name(log.origin)) is None)
    return [origin for origin in missing if head_height(vault, origin) is not None]


def empty_index_text(origins: Iterable[Origin], place: str) -> str:
    """Return the warning about such logs.

    Args:
        origins: The logs, at least one.
        place: The index as it was named.
    """
    logs = ", ".join(map(str, origins))
    remedy = "check --index, or build it: auditseal index build with the same --trust and --index"
    return f"the index {place} has nothing of {logs}, so all blocks are read from the vault: {remedy}"
