"""Fences producers whose transactional ids are never used again."""

import threading

from auditseal_sealer.config import SealerConfig
from auditseal_sealer.transactional_producer import TransactionalProducer
from auditseal_sealer.watchdog import Watchdog


class Fences:
    """Fences each producer once in a process. For any thread."""

    def __init__(self, config: SealerConfig, watchdog: Watchdog) -> None:
        self._config, self._watchdog = config, watchdog
        self._fenced, self._lock = set[str](), threading.Lock()

    def fence(self, writer: str) -> None:
        """Decide a producer's last transaction, and let it write nothing more.

        Raises:
            FencedError, UnavailableError: As `TransactionalProducer`.
        """
        with self._lock:
            if writer not in self._fenced:
                TransactionalProducer(self._config, self._watchdog, writer).close()
                self._fenced.add(writer)
