"""Makes and audits the two topics: `auditseal topics create` and `check`."""

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicKind, TopicRules, check_pair
from auditseal_schemas.errors import UnavailableError

_KNOWN_SECONDS = 15


def create_topics(cluster: Cluster, rules: TopicRules, events: str, blocks: str) -> list[str]:
    """Make the topics that are missing, as the rules say; return the names of those made. Others stay as they are.

    On return the brokers describe them: one that was made a moment ago is unknown to some for another moment.

    Raises:
        UnavailableError: The cluster is unreachable or refuses.
    """
    made = [
        name
        for kind, name in ((TopicKind.EVENTS, events), (TopicKind.BLOCKS, blocks))
        if cluster.create_topic(name, rules.partitions, rules.replication, rules.settings(kind))
    ]
    for name in made:
        _await_topic(cluster, name)
    return made


def _await_topic(cluster: Cluster, name: str) -> None:
    unknown = retry_if_result(lambda view: view is None)
    try:
        Retrying(retry=unknown, stop=stop_after_delay(_KNOWN_SECONDS), wait=wait_fixed(0.1))(cluster.topic, name)
    except RetryError as error:
        raise UnavailableError(f"topic {name} was made, but isn't known after {_KNOWN_SECONDS} s") from error


def check_topics(cluster: Cluster, rules: TopicRules, events: str, blocks: str) -> list[str]:
    """Return all that is wrong with the two topics; empty where nothing is.

    Raises:
        UnavailableError: The cluster is unreachable or refuses.
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
