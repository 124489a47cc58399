"""What a producer logs: each trouble once, a reminder a minute, and floods in drops."""

import logging

import pytest

from auditseal_producer.client_log import ClientLog, RateLimit

REFUSED = "127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT)"
CLOSED = "k:1/1: Disconnected: connection closed by peer: receive 0 after POLLIN (after 2ms in state APIVERSION_QUERY)"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(clock: Clock, caplog: pytest.LogCaptureFixture) -> ClientLog:
    caplog.set_level(logging.DEBUG, logger="a.service")
    return ClientLog(logging.getLogger("a.service"), clock)


def test_a_trouble_is_logged_once_and_then_once_a_minute(
    log: ClientLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(180):
        clock.now += 1
        log.note("_TRANSPORT", REFUSED)
        log.note("_ALL_BROKERS_DOWN", "1/1 brokers are down")
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in warnings] == [
        "127.0.0.1:9 refuses connections: start the broker, or correct bootstrap.servers"
    ] * 3


def test_its_end_is_logged_once(log: ClientLog, caplog: pytest.LogCaptureFixture) -> None:
    log.connected()
    log.note("_TRANSPORT", REFUSED)
    assert "refuses connections" in log.describe_wait()
    for _ in range(3):
        log.connected()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert (log.trouble, "check_broker()" in log.describe_wait()) == (None, True)


def test_librdkafka_s_lines_about_connections_are_for_debugging(
    log: ClientLog, caplog: pytest.LogCaptureFixture
) -> None:
    log.log(logging.INFO, "%s [%s] %s", "FAIL", "rdkafka#producer-1", f"[thrd:k:1/1]: {CLOSED}")
    assert [record.levelname for record in caplog.records] == ["WARNING", "DEBUG"]
    assert "probably expects TLS" in caplog.records[0].getMessage()
    assert caplog.records[1].getMessage().startswith("FAIL [rdkafka#producer-1] [thrd:k:1/1]: k:1/1: Disconnected")


def test_a_flood_is_logged_in_drops(log: ClientLog, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1_000):
        log.limited(logging.ERROR, "delivery", "event %s", number)
        log.limited(logging.WARNING, "GETPID", "coordinator loads")
        log.limited(logging.DEBUG, "SEND", "asked for by the service")
    assert sum(record.levelno > logging.DEBUG for record in caplog.records) == 10
    assert sum(record.levelno == logging.DEBUG for record in caplog.records) == 1_000
    clock.now += 10
    log.limited(logging.ERROR, "delivery", "event %s", 1_000)
    assert caplog.records[-1].getMessage() == "event 1000 (995 more of this kind were not logged)"


def test_a_limit_counts_what_it_leaves_out(clock: Clock) -> None:
    limit = RateLimit(2, 10.0, clock)
    assert [limit.allow("a") for _ in range(5)] == [0, 0, None, None, None]
    assert limit.allow("b") == 0
    clock.now += 10
    assert [limit.allow("a") for _ in range(3)] == [3, 0, None]
