"""One opened vault for each thread of a process that works for others: clients of S3 are not shared by threads."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from auditseal_vault.interface import VaultReader
from auditseal_vault.open import open_reader

_opened = threading.local()


@dataclass(frozen=True, slots=True)
class ReaderAt:
    """Opens the vault at a URL for reading. It passes from one process, or machine, to another.

    Attributes:
        url: The vault's URL.
    """

    url: str

    def __call__(self) -> VaultReader:
        """Open the vault; errors as `open_reader`."""
        return open_reader(self.url)


def thread_reader(at: Callable[[], VaultReader]) -> VaultReader:
    """Return the vault that this thread reads, opened at the first call with an equal `at`; errors as `at`."""
    if getattr(_opened, "at", None) != at:
        _opened.reader, _opened.at = at(), at
    reader: VaultReader = _opened.reader
    return reader
