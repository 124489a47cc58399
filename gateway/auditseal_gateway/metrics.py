"""The metrics of a gateway; names, units and meaning: docs/reference/metrics.md."""

from collections.abc import Callable, Sequence
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from auditseal_gateway.results import Recorded, Refused, Result, Spooled

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
ROUTES = ("events", "cloudevents", "kubernetes", "otlp")
"""The ways in."""
RESULTS = ("recorded", "repeated", "spooled", "refused", "unavailable")
"""What becomes of an event."""
LOGINS = ("token", "oidc", "certificate", "none")
"""The credentials that a login may fail with."""


class GatewayMetrics:
    """The metrics, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register all of them, with a zero for each label."""
        self.events = Counter(
            "auditseal_gateway_events",
            "Events of answered requests, by the way in and by what became of them.",
            ("route", "result"),
            registry=registry,
        )
        self.requests = Counter(
            "auditseal_gateway_requests",
            "Answered requests, by the way in and by status.",
            ("route", "status"),
            registry=registry,
        )
        self.duration = Histogram(
            "auditseal_gateway_request_duration_seconds",
            "Duration of a request, from its head to its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.refused_logins = Counter(
            "auditseal_gateway_refused_logins",
            "Requests without a valid credential, by the kind of credential.",
            ("method",),
            registry=registry,
        )
        self.connections = Gauge("auditseal_gateway_connections", "Open connections of clients.", registry=registry)
        self.waiting = Gauge(
            "auditseal_gateway_waiting_events",
            "Accepted events that no broker has acknowledged yet; with spools, those on disk.",
            registry=registry,
        )
        # To look a label's counter up takes longer than to count.
        self._durations = {route: self.duration.labels(route) for route in ROUTES}
        self._events = {each: self.events.labels(*each) for each in product(ROUTES, RESULTS)}
        self._requests: dict[tuple[str, int], Counter] = {}
        for method in LOGINS:
            self.refused_logins.labels(method)

    def begin(self, connections: Callable[[], float], waiting: Callable[[], float]) -> None:
        """Serve what functions count from now on."""
        self.connections.set_function(connections)
        self.waiting.set_function(waiting)

    def count_events(self, route: str, results: Sequence[Result]) -> None:
        """Count the events of a request."""
        for result in results:
            self._events[route, _name_of(result)].inc()

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request, and how long it took."""
        counter = self._requests.get((route, status))
        if counter is None:
            counter = self._requests[route, status] = self.requests.labels(route, str(status))
        counter.inc()
        self._durations[route].observe(seconds)


def _name_of(result: Result) -> str:
    match result:
        case Recorded() | Spooled() if result.is_repeated:
            return "repeated"
        case Recorded():
            return "recorded"
        case Spooled():
            return "spooled"
        case Refused():
            return "refused"
        case _:
            return "unavailable"
