"""One sealer on many partitions, under limits of file descriptors that are lower than it needs."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auditseal_local.kafka import KafkaNode
from auditseal_sealer.descriptors import least_descriptors
from tests.factory.sealing import SealerProcess, Site

PARTITIONS = 16
FEW = 128


@pytest.fixture
def site(kafka: KafkaNode, topic_name: Callable[..., str], tmp_path: Path) -> Site:
    site = Site(kafka.bootstrap_servers, tmp_path / "site", topic_name("events"), topic_name("blocks"), PARTITIONS)
    site.create_topics()
    return site


@contextmanager
def limited(site: Site, soft: int, hard: int) -> Iterator[SealerProcess]:
    """Run a sealer that starts with these limits: it inherits them through a shell."""
    with site.sealer(
        "--genesis", prefix=("sh", "-c", f'ulimit -Sn {soft} && ulimit -Hn {hard} && exec "$@"', "sh")
    ) as one:
        yield one


@pytest.mark.kafka
def test_a_soft_limit_that_is_too_low_is_raised(site: Site) -> None:
    assert least_descriptors(PARTITIONS) > FEW
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with limited(site, FEW, hard) as sealer:
        for partition in range(PARTITIONS):
            site.publish([b"event"], partition)
        for partition in range(PARTITIONS):
            assert [record.value for record in site.await_sealed(1, partition)] == [b"event"]
        assert sealer.stop() == 0


@pytest.mark.kafka
def test_a_hard_limit_that_is_too_low_ends_it_with_the_number_that_it_needs(site: Site) -> None:
    with limited(site, FEW, FEW) as sealer:
        assert sealer.exit_code() == 2
    (last,) = [line for line in sealer.lines() if line["level"] == "critical"]
    assert f"{PARTITIONS} partitions need at least {least_descriptors(PARTITIONS)} file descriptors" in last["problem"]
