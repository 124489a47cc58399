"""The values that all parts of a sealer share, made once when the process starts."""

from dataclasses import dataclass, field

from auditseal_daemon.cluster import Cluster
from auditseal_schemas.key import Signer, VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.hooks import Hooks, NoHooks
from auditseal_sealer.metrics import SealerMetrics
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
    """

    config: SealerConfig
    signer: Signer
    vault: VaultReader
    cluster: Cluster
    metrics: SealerMetrics
    watchdog: Watchdog
    hooks: Hooks = field(default_factory=NoHooks)

    def key(self, origin: Origin) -> VerifierKey:
        """Return the key that verifies a log's checkpoints."""
        return VerifierKey(str(origin), self.signer.public)

    def archive(self, origin: Origin) -> LogReader:
        """Return the reader of a log in the vault."""
        return LogReader(self.vault, origin)
