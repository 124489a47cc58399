"""The keys of one log: those that this sealer signs with, and retired ones whose blocks it still reads. Pure."""

from dataclasses import dataclass

from auditseal_schemas.block import Block
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The keys of one log.

    Attributes:
        signing: The keys that this sealer signs with: the one that a new log begins with, then the next one, if any.
        retired: Keys that signed earlier blocks of the log, and sign no more.
    """

    signing: tuple[VerifierKey, ...]
    retired: tuple[VerifierKey, ...] = ()

    def signer_of(self, block: Block) -> VerifierKey:
        """Return the key whose signature line a block has. The signature is not checked.

        Without a line of any of the keys it is the first key, so that a check by it fails.
        """
        lines = {(line.name, line.key_id) for line in block.note.signatures}
        known = (*self.signing, *self.retired)
        return next((key for key in known if (key.name, key.key_id) in lines), known[0])

    def check_can_sign(self, state: LogState) -> None:
        """Check that this sealer has every key that must sign the next block.

        Raises:
            HaltError: KEY.
        """
        for key in state.keys:
            if key not in self.signing:
                problem = f"block {state.height} must be signed by {key}, and this sealer doesn't have that key"
                raise HaltError(Halt.KEY, f"{state.origin}: {problem}: name it as sealer.key_file or sealer.signer")
