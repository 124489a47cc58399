"""The metrics of the signers outside this process, under the names of docs/reference/metrics.md."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from auditseal_sealer.signers.external_key import SignerFailure

SIGNED, OTHER_KEY = "signed", "other_key"
RESULTS = (SIGNED, OTHER_KEY, *(failure.value for failure in SignerFailure))
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class SignerMetrics:
    """The metrics of all signers of a sealer. Signers are opened before there is a registry to serve them from."""

    def __init__(self) -> None:
        labels = ("signer",)
        self._requests = Counter(
            "auditseal_signer_requests", "Requests to a signer by result.", (*labels, "result"), registry=None
        )
        self._seconds = Histogram(
            "auditseal_signer_seconds", "Time of a request to a signer.", labels, registry=None, buckets=_SECONDS
        )
        self._available = Gauge(
            "auditseal_signer_available", "1 if the signer signed at the last request.", labels, registry=None
        )

    def register(self, registry: CollectorRegistry) -> None:
        """Serve the metrics from a registry."""
        for metric in (self._requests, self._seconds, self._available):
            registry.register(metric)

    def begin(self, signer: str) -> None:
        """Begin the counters of a signer at 0."""
        for result in RESULTS:
            self._requests.labels(signer, result)
        self._seconds.labels(signer)

    def count(self, signer: str, result: str, seconds: float) -> None:
        """Count a request and its result."""
        self._requests.labels(signer, result).inc()
        self._seconds.labels(signer).observe(seconds)
        self._available.labels(signer).set(result == SIGNED)
