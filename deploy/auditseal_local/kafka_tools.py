"""Kafka's own command-line tools, under the names of Kafka's `bin` directory without `.sh`."""

from collections.abc import Sequence

from auditseal_local.errors import LocalStackError
from auditseal_local.java import SHORT_LIVED, java_command
from auditseal_local.kafka_jars import class_path
from auditseal_local.progress import Progress

TOOLS = {
    "kafka-acls": "org.apache.kafka.tools.AclCommand",
    "kafka-broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-dump-log": "kafka.tools.DumpLogSegments",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
    "kafka-log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "kafka-metadata-quorum": "org.apache.kafka.tools.MetadataQuorumCommand",
    "kafka-reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
}
"""Each tool's class."""
_OFFLINE = frozenset({"kafka-dump-log"})
"""Tools that read files. All others take `--bootstrap-server`."""
_HEAP_MIB = 256


def tool_command(tool: str, arguments: Sequence[str], servers: str, progress: Progress) -> list[str]:
    """Return the command that runs a tool.

    Args:
        tool: Its name, such as `kafka-configs`; `kafka-configs.sh` is the same.
        arguments: Its arguments. `--bootstrap-server` is added where they do not hold it and the tool takes it.
        servers: The broker, `host:port`.
        progress: Called with a line while jars are downloaded.

    Raises:
        LocalStackError: The tool is unknown, or its jars can't be fetched.
    """
    name = tool.removesuffix(".sh")
    if name not in TOOLS:
        raise LocalStackError(f"{tool} is not one of Kafka's tools here: name one of {', '.join(TOOLS)}")
    named = [argument.partition("=")[0] for argument in arguments]
    server = [] if name in _OFFLINE or "--bootstrap-server" in named else ["--bootstrap-server", servers]
    java = java_command(class_path(progress), _HEAP_MIB, "kafka_tools_log4j2.properties", *SHORT_LIVED)
    return [*java, TOOLS[name], *server, *arguments]
