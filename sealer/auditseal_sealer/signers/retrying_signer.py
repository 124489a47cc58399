"""Asks a signer for the same signature until it answers.

An answer that was lost on its way may be a signature. So a signer is asked again for the same message and not for the
next draft: one block is signed for a height, however often the signer fails.
"""

import threading
from collections.abc import Callable

from tenacity import RetryCallState

from auditseal_daemon.retry import retrying
from auditseal_schemas.key import Signer
from auditseal_sealer.restart import RestartPolicy
from auditseal_sealer.signers.external_key import SignerUnavailableError


class RetryingSigner:
    """A signer that waits for another one.

    Attributes:
        algorithm: The other's.
        public: The other's.
    """

    def __init__(
        self, signer: Signer, stop: threading.Event, pauses: RestartPolicy, on_wait: Callable[[str | None], None]
    ) -> None:
        """Take the signer, the event that ends all waiting, and a function to call.

        The function is called with the reason before each pause, and with None when the signer answers again.
        """
        self.algorithm, self.public = signer.algorithm, signer.public
        self._signer, self._stop, self._pauses, self._on_wait = signer, stop, pauses, on_wait

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message.

        Raises:
            SignerUnavailableError: The stop came before the signer answered.
            HaltError: KEY; as the signer.
        """
        waited = False

        def report(attempt: RetryCallState) -> None:
            nonlocal waited
            waited = True
            self._on_wait(str(attempt.outcome.exception()) if attempt.outcome else None)

        repeat = retrying(
            self._stop,
            lambda error: isinstance(error, SignerUnavailableError),
            multiplier=self._pauses.shortest,
            longest=self._pauses.longest,
            before_sleep=report,
        )
        signature: bytes = repeat(self._signer.sign, message)
        if waited:
            self._on_wait(None)
        return signature
