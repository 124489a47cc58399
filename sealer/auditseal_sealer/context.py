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
        second_signer: Signs each block, too, in the logs that have two keys; None where they have one.
        next_signer: Follows `signer` from the block on that an announcement names; None if that key stays.
        next_second_signer: Follows `second_signer` likewise, or adds a second key; None if that key stays.
        retired: The public keys of earlier signers, each as type ‖ public key, whose blocks may still be read.
    """

    config: SealerConfig
    signer: Signer
    vault: VaultReader
    cluster: Cluster
    metrics: SealerMetrics
    watchdog: Watchdog
    hooks: Hooks = field(default_factory=NoHooks)
    second_signer: Signer | None = None
    next_signer: Signer | None = None
    next_second_signer: Signer | None = None
    retired: tuple[bytes, ...] = ()

    def keys(self, origin: Origin) -> LogKeys:
        """Return the keys of a log."""
        current, following = (
            tuple(VerifierKey.of(str(origin), signer) for signer in signers)
            for signers in (self._current, self._following)
        )
        retired = tuple(VerifierKey(str(origin), blob[1:], blob[:1]) for blob in self.retired)
        return LogKeys(current, following, retired)

    def signers(self, state: LogState) -> list[Signer]:
        """Return the signers of a log's next block, in the order of its keys.

        Raises:
            HaltError: KEY; as `LogKeys.check_can_sign`.
        """
        self.keys(state.origin).check_can_sign(state)
        signers = {signer.public: signer for signer in (*self._current, *self._following)}
        return [signers[key.public] for key in state.keys]

    def retrying(self, stop: threading.Event, on_wait: Callable[[str | None], None]) -> Self:
        """Return this context with signers that ask again until they get a signature; see `RetryingSigner`."""

        def retry(signer: Signer) -> Signer:
            return RetryingSigner(signer, stop, self.config.restarts, on_wait)

        return replace(
            self,
            signer=retry(self.signer),
            second_signer=self.second_signer and retry(self.second_signer),
            next_signer=self.next_signer and retry(self.next_signer),
            next_second_signer=self.next_second_signer and retry(self.next_second_signer),
        )

    @property
    def _current(self) -> tuple[Signer, ...]:
        return (self.signer, self.second_signer) if self.second_signer else (self.signer,)

    @property
    def _following(self) -> tuple[Signer, ...]:
        """The signers after a rotation, none where no key changes."""
        if not self.next_signer and not self.next_second_signer:
            return ()
        second = self.next_second_signer or self.second_signer
        first = self.next_signer or self.signer
        return (first, second) if second else (first,)

    def archive(self, origin: Origin) -> LogReader:
        """Return the reader of a log in the vault."""
        return LogReader(self.vault, origin)
