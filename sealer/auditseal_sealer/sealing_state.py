"""The states that a log can have in the sealer that its partition is assigned to."""

from enum import StrEnum


class SealingState(StrEnum):
    """A log's state, as the metric `auditseal_log_state` names it."""

    RECOVERING = "recovering"
    """Its head is being looked for."""
    SEALING = "sealing"
    """Its records are sealed as they come."""
    WAITING = "waiting"
    """Kafka or the vault doesn't answer, or another sealer interfered; the next attempt follows."""
    NO_BLOCKS_PARTITION = "no_blocks_partition"
    """The blocks topic has no partition for its blocks; it is sealed as soon as there is one."""
    HALTED = "halted"
    """It is new and can't be sealed. Its records stay in the topic."""
