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
        current: The keys that a new log begins with. All of them sign each block.
        following: The keys that a rotation announces, all of which sign each block after it; empty without a rotation.
        retired: Keys that signed earlier blocks of the log, and sign no more.
    """

    current: tuple[VerifierKey, ...]
    following: tuple[VerifierKey, ...] = ()
    retired: tuple[VerifierKey, ...] = ()

    def signers_of(self, block: Block) -> tuple[VerifierKey, ...]:
        """Return the keys whose signature lines a block has. The signatures are not checked.

        Without a line of any of the keys it is the first key, so that a check by it fails.
        """
        lines = {(line.name, line.key_id) for line in block.note.signatures}
        known = dict.fromkeys((*self.current, *self.following, *self.retired))
        return tuple(key for key in known if (key.name, key.key_id) in lines) or self.current[:1]

    def check_can_sign(self, state: LogState) -> None:
        """Check that this sealer signs with exactly the keys that must sign the next block.

        Raises:
            HaltError: KEY. The sealer lacks one of them. Or it has a second key that did not sign the last block: the
                key was not announced, or somebody stripped the line of its signature.
        """
        for key in state.keys:
            if key not in {*self.current, *self.following}:
                problem = f"block {state.height} must be signed by {key}, and this sealer doesn't have that key"
                raise HaltError(Halt.KEY, f"{state.origin}: {problem}: name it as sealer.key_file or sealer.signer")
        if set(state.keys) not in (set(self.current), set(self.following)):
            signed, mine = (" and ".join(key.short for key in keys) for keys in (state.keys, self.current))
            problem = (
                f"after the last block's signatures block {state.height} is {signed}'s, and this sealer has {mine}"
            )
            remedy = "announce a new key with `auditseal keys rotate`, or look whether a signature line was removed"
            raise HaltError(Halt.KEY, f"{state.origin}: {problem}: {remedy}")
