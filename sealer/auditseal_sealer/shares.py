"""How the logs of a sealer are spread over the clients that they share (ADRs 0037 and 0038)."""

SHARES = 8
"""The most producers of blocks, and the most consumers of events that partitions share.

librdkafka sends a broker five requests of a producer at once, and each holds one partition's block. So the blocks of
many logs in one transaction wait for each other. And each fetch of a consumer names all of its partitions. A producer
or a consumer has four threads.
"""


def share_of(partition: int) -> int:
    """Return the number of the clients that serve a partition."""
    return partition % SHARES
