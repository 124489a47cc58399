"""Kafka's own ConsumerPerformance: how fast records can be read at all, by a client that does nothing with them."""

import re
import subprocess

from auditseal_local.kafka_tools import tool_command
from auditseal_local.locked_jars import KAFKA
from auditseal_local.progress import silent
from tests.peers.peer import Peer, Result

PEER = Peer(
    "Kafka's ConsumerPerformance",
    KAFKA.rpartition(":")[2],
    "its defaults: 2 MB of socket buffer, fetches of 1 MB",
    "is the ceiling: reads records and counts them",
    "everything",
    "sealer",
)


def measure(bootstrap_servers: str, topic: str, events: int) -> Result:
    """Return the records/s of its fetching, without the time in which its group is joined (`fetch.nMsg.sec`)."""
    arguments = ["--topic", topic, "--messages", str(events), "--timeout", "60000"]
    command = tool_command("kafka-consumer-perf-test", arguments, bootstrap_servers, silent)
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    return Result(PEER, events, parse(said, events))


def parse(said: str, events: int) -> float:
    """Return the rate of what the tool printed; fail if it read fewer records."""
    header, figures = (re.split(r",\s*", line) for line in said.strip().splitlines()[-2:])
    row = dict(zip(header, figures, strict=True))
    assert float(row["data.consumed.in.nMsg"]) >= events, said
    return float(row["fetch.nMsg.sec"])
