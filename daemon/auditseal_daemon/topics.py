"""Makes, grows and audits the two topics: `auditseal topics create`, `grow` and `check`."""

from collections.abc import Callable

from tenacity import RetryError, Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicKind, TopicRules, TopicView, check_growth, check_pair
from auditseal_schemas.errors import UnavailableError

_KNOWN_SECONDS = 60
"""A broker on a busy machine took more than 15 s for a topic of 64 partitions."""


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
        _await_topic(cluster, name, lambda view: view is not None)
    return made


def grow_topics(cluster: Cluster, events: str, blocks: str, partitions: int, pin_logs: Callable[[], None]) -> list[str]:
    """Give both topics `partitions` partitions, and have the new logs pinned in between; return the topics that grew.

    The blocks topic grows first, so that the sealer finds the place for each new partition's blocks. Then `pin_logs` is
    called. The events topic grows last, and a new log begins. A topic that has the partitions already stays as it is,
    so a call that was interrupted can be repeated.

    Raises:
        ConfigurationError: A topic is missing, or has more partitions than that; nothing was changed.
        UnavailableError: The cluster is unreachable or refuses.
    """
    views = check_growth({name: cluster.topic(name) for name in (blocks, events)}, partitions)
    grown = []
    for view in views:
        if view.name == events:
            pin_logs()
        if view.partitions < partitions:
            cluster.add_partitions(view.name, partitions)
            _await_topic(cluster, view.name, lambda now: now is not None and now.partitions >= partitions)
            grown.append(view.name)
    return grown


def _await_topic(cluster: Cluster, name: str, is_known: Callable[[TopicView | None], bool]) -> None:
    """Wait until the brokers show a change; one of several may show it, and the next one that is asked refuse it."""
    unknown = retry_if_result(lambda view: not is_known(view)) | retry_if_exception_type(UnavailableError)
    try:
        Retrying(retry=unknown, stop=stop_after_delay(_KNOWN_SECONDS), wait=wait_fixed(0.1))(cluster.topic, name)
    except RetryError as error:
        problem = f"topic {name} was changed, but the brokers don't show it after {_KNOWN_SECONDS} s"
        last = error.last_attempt.exception()
        raise UnavailableError(f"{problem}: {last}" if last else problem) from error


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
