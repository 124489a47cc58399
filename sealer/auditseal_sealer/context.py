"""The values that all parts of a sealer share, made once when the process starts."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

from auditseal_daemon.cluster import Cluster
from auditseal_schemas.key import Signer, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.hooks import Hooks, NoHooks
from auditseal_sealer.log_keys import LogKeys
from auditseal_sealer.metrics import SealerMetrics
from auditseal_sealer.signers.retrying_signer import RetryingSigner
from auditseal_sealer.watchdog import Watchdog
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader


@dataclass(frozen=True, slots=True)
class SealerContext:
    """The values that all partitions of a sealer share. Each is safe to use from any thread.

    Attributes:
        config: The configuration.
        signer: Signs for every log, each under the log's own key name.
        vault: Where the archiver stores the blocks.
        cluster: Kafka's administrative calls.
        metrics: The metrics of all logs.
        watchdog: Ends the process when a transactional call doesn't return.
        hooks: Called between the steps of sealing.
        next_signer: Signs for a log from the block on that its announcement names; None without a change of keys.
        retired: The public keys of earlier signers, each as type ‖ public key, whose blocks may still be read.
    """

    config: SealerConfig
    signer: Signer
    vault: VaultReader
    cluster: Cluster
    metrics: SealerMetrics
    watchdog: Watchdog
    hooks: Hooks = field(default_factory=NoHooks)
    next_signer: Signer | None = None
    retired: tuple[bytes, ...] = ()

    def keys(self, origin: Origin) -> LogKeys:
        """Return the keys of a log."""
        signing = (VerifierKey.of(str(origin), signer) for signer in self._signers)
        return LogKeys(tuple(signing), tuple(VerifierKey(str(origin), blob[1:], blob[:1]) for blob in self.retired))

    def signers(self, state: LogState) -> list[Signer]:
        """Return the signers of a log's next block, in the order of its keys.

        Raises:
            HaltError: KEY; this sealer doesn't have one of them.
        """
        self.keys(state.origin).check_can_sign(state)
        signers = {signer.public: signer for signer in self._signers}
        return [signers[key.public] for key in state.keys]

    def retrying(self, stop: threading.Event, on_wait: Callable[[str | None], None]) -> Self:
        """Return this context with signers that ask again until they get a signature; see `RetryingSigner`."""

        def retry(signer: Signer) -> Signer:
            return RetryingSigner(signer, stop, self.config.restarts, on_wait)

        following = retry(self.next_signer) if self.next_signer else None
        return replace(self, signer=retry(self.signer), next_signer=following)

    @property
    def _signers(self) -> tuple[Signer, ...]:
        return (self.signer,) if self.next_signer is None else (self.signer, self.next_signer)

    def archive(self, origin: Origin) -> LogReader:
        """Return the reader of a log in the vault."""
        return LogReader(self.vault, origin)
