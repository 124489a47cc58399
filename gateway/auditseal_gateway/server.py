"""Serves the routes until the daemon is stopped, and watches whether the brokers can be used."""

import asyncio
import resource
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, cast

import structlog
import uvicorn
import uvloop

from auditseal_daemon.listen import format_address, listen
from auditseal_gateway.app import Gateway
from auditseal_gateway.config import GatewayConfig
from auditseal_gateway.connections import Connection
from auditseal_gateway.login import Login
from auditseal_gateway.metrics import GatewayMetrics
from auditseal_gateway.oidc import TokenVerifier
from auditseal_gateway.provider_keys import ProviderKeys
from auditseal_gateway.publishers import Publishers
from auditseal_gateway.recorder import Recorder
from auditseal_gateway.remembered import Remembered
from auditseal_producer import BrokerUnavailableError

KAFKA = "kafka"
"""The condition under which the gateway is ready: the brokers answer, and the topic is there."""
Show = Callable[[str | None], None]
"""Takes why the brokers can't be used; None if they can."""
_LOOK_SECONDS = 2.0
_ASK_SECONDS = 3.0
_IDLE_SECONDS = 30
_END_SECONDS = 3
_OTHER_FILES = 200
_log = structlog.get_logger(__name__)


def run_gateway(config: GatewayConfig, metrics: GatewayMetrics, show: Show, stop: threading.Event) -> None:
    """Serve until `stop` is set. What is in the buffers then has some seconds to reach the brokers.

    Raises:
        ConfigurationError: The address can't be listened on, or librdkafka refuses the settings.
        OSError: Another program listens on the port.
        SpoolError: A spool can't be opened.
    """
    _allow_files(config.limits.connections)
    # In the main thread uvloop would take the signals for itself, which the daemon's shell waits for.
    with ThreadPoolExecutor(1, "gateway") as pool:
        pool.submit(_run, _serve(config, metrics, show, stop)).result()


def _run(serving: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving)


async def _serve(config: GatewayConfig, metrics: GatewayMetrics, show: Show, stop: threading.Event) -> None:
    with listen(config.host, config.port, "gateway") as listening:
        publishers = Publishers(config)
        try:
            server = _server(config, publishers, metrics)
            scheme = "https" if config.tls else "http"
            address = format_address(config.host, listening.getsockname()[1])
            _log.info("listening", url=f"{scheme}://{address}", clients=len(config.clients.clients))
            metrics.begin(lambda: len(server.server_state.connections), lambda: publishers.waiting)
            watching = asyncio.create_task(_watch(publishers, show))
            ending = asyncio.create_task(_await_stop(server, stop))
            try:
                await server.serve([listening])
            finally:
                watching.cancel()
                ending.cancel()
        finally:
            failed = await publishers.close()
            if failed:
                _log.error("events got no acknowledgement before the end", events=failed)


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to the daemon."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _server(config: GatewayConfig, publishers: Publishers, metrics: GatewayMetrics) -> uvicorn.Server:
    limits = config.limits
    recorder = Recorder(publishers, Remembered(limits.remembered), limits.ack_seconds)
    verifier = TokenVerifier(config.oidc, ProviderKeys(config.oidc)) if config.oidc else None
    login = Login(config.clients, verifier)
    tls: dict[str, Any] = {}
    if config.tls:
        tls = {"ssl_certfile": config.tls.certificate, "ssl_keyfile": config.tls.key}
        if config.tls.client_ca:
            tls |= {"ssl_ca_certs": str(config.tls.client_ca), "ssl_cert_reqs": ssl.CERT_OPTIONAL}
    return _Server(
        uvicorn.Config(
            Gateway(login, recorder, metrics, limits),
            http=cast("type[asyncio.Protocol]", partial(Connection, limits)),
            ws="none",
            lifespan="off",
            loop="none",  # it is the one that runs
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_END_SECONDS,
            **tls,
        )
    )


async def _watch(publishers: Publishers, show: Show) -> None:
    """Ask the brokers again and again whether the topic can be used."""
    while True:
        try:
            await publishers.check_broker(_ASK_SECONDS)
        except BrokerUnavailableError as error:
            show(str(error))
        else:
            show(None)
        await asyncio.sleep(_LOOK_SECONDS)


async def _await_stop(server: uvicorn.Server, stop: threading.Event) -> None:
    while not stop.is_set():
        await asyncio.sleep(0.1)
    server.should_exit = True


def _allow_files(connections: int) -> None:
    """Raise this process's own limit of open files as far as its connections need it, and the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
