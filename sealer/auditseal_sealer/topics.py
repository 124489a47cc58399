"""Makes and audits the two topics: `auditseal topics create` and `check`."""

from auditseal_sealer.cluster import Cluster
from auditseal_sealer.topic_rules import TopicKind, TopicRules, check_pair


def create_topics(cluster: Cluster, rules: TopicRules, events: str, blocks: str, partitions: int) -> list[str]:
    """Make the topics that are missing, as the rules say; return the names of those made. Others stay as they are.

    Raises:
        UnavailableError: The cluster is away or refuses.
    """
    return [
        name
        for kind, name in ((TopicKind.EVENTS, events), (TopicKind.BLOCKS, blocks))
        if cluster.create_topic(name, partitions, rules.replication, rules.settings(kind))
    ]


def check_topics(cluster: Cluster, rules: TopicRules, events: str, blocks: str) -> list[str]:
    """Return all that is wrong with the two topics; empty where nothing is.

    Raises:
        UnavailableError: The cluster is away or refuses.
    """
    views = {name: cluster.topic(name) for name in (events, blocks)}
    missing = [
        f"{name}: there is no such topic: make it with `auditseal topics create`"
        for name in views
        if views[name] is None
    ]
    found_events, found_blocks = views[events], views[blocks]
    if found_events is None or found_blocks is None:
        return missing
    return check_pair(rules, found_events, found_blocks)
