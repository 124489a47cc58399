"""The file descriptors of a sealer: the limit of its process, and how many its partitions need."""

import resource

from auditseal_schemas.errors import ConfigurationError
from auditseal_sealer.shares import SHARES

_OWN, _CLIENT = 24, 8
"""Descriptors of a sealer without partitions, and of a client: partitions share consumers and producers.

This is with one broker. More brokers need more, and so does each partition that is behind or in doubt.
"""


def raise_limit() -> int:
    """Raise this process's soft limit as far as its hard one, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def least_descriptors(partitions: int) -> int:
    """Return how many descriptors a sealer of some partitions needs at least."""
    return _OWN + _CLIENT * 2 * min(partitions, SHARES)


def check_limit(partitions: int, limit: int) -> None:
    """Check that a limit allows a sealer of some partitions.

    Raises:
        ConfigurationError: It certainly doesn't.
    """
    needed = least_descriptors(partitions)
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise ConfigurationError(
            f"{partitions} partitions need at least {needed} file descriptors, and the hard limit of this process is"
            f" {limit}: raise it to {2 * needed} (`LimitNOFILE=` in systemd, `ulimit -Hn` in a shell),"
            " or run more sealers"
        )
