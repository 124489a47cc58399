"""The values that all parts of a sealer share, made once when the process starts."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Self

from auditseal_daemon.cluster import Cluster
from auditseal_schemas.key import Signer, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.consumer_pool import ConsumerPool
from auditseal_sealer.hooks import Hooks, NoHooks
from auditseal_sealer.log_keys import LogKeys
from auditseal_sealer.log_signers import LogSigners
from auditseal_sealer.metrics import SealerMetrics
from auditseal_sealer.recovery_limit import RecoveryLimit
from auditseal_sealer.shares import SHARES
from auditseal_sealer.signers.retrying_signer import RetryingSigner
from auditseal_sealer.watchdog import Watchdog
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader


@dataclass(frozen=True, slots=True)
class SealerContext:
    """The values that all partitions of a sealer share. Each is safe to use from any thread.

    Attributes:
        config: The configuration.
        signers: Sign the blocks of all logs.
        vault: Where the archiver stores the blocks.
        cluster: Kafka's administrative calls.
        metrics: The metrics of all logs.
        watchdog: Ends the process when a transactional call doesn't return.
        hooks: Called between the steps of sealing.
        retired: The public keys of earlier signers, each as type ‖ public key, whose blocks may still be read.
        recoveries: Bounds how many logs are recovered at once.
        pool: Compresses the chunks of blocks.
        consumers: The consumers of events that partitions share.
    """

    config: SealerConfig
    signers: LogSigners
    vault: VaultReader
    cluster: Cluster
    metrics: SealerMetrics
    watchdog: Watchdog
    hooks: Hooks = field(default_factory=NoHooks)
    retired: tuple[bytes, ...] = ()
    recoveries: RecoveryLimit = field(default_factory=RecoveryLimit)
    pool: Executor = field(default_factory=lambda: ThreadPoolExecutor(thread_name_prefix="compress"))
    consumers: tuple[ConsumerPool, ...] = field(default_factory=lambda: tuple(ConsumerPool() for _ in range(SHARES)))

    def keys(self, origin: Origin) -> LogKeys:
        """Return the keys of a log."""
        current, following = (
            tuple(VerifierKey.of(str(origin), signer) for signer in signers)
            for signers in (self.signers.current, self.signers.following)
        )
        retired = tuple(VerifierKey.from_blob(str(origin), blob) for blob in self.retired)
        return LogKeys(current, following, retired)

    def signers_of(self, state: LogState) -> list[Signer]:
        """Return the signers of a log's next block, in the order of its keys.

        Raises:
            HaltError: KEY; as `LogKeys.check_can_sign`.
        """
        self.keys(state.origin).check_can_sign(state)
        signers = {signer.public: signer for signer in (*self.signers.current, *self.signers.following)}
        return [signers[key.public] for key in state.keys]

    def retrying(self, stop: threading.Event, on_wait: Callable[[str | None], None]) -> Self:
        """Return this context with signers that ask again until they get a signature; see `RetryingSigner`."""

        def retry(signer: Signer) -> Signer:
            return RetryingSigner(signer, stop, self.config.restarts, on_wait)

        return replace(self, signers=self.signers.each(retry))

    def archive(self, origin: Origin) -> LogReader:
        """Return the reader of a log in the vault."""
        return LogReader(self.vault, origin)
