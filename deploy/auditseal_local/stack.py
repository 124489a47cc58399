"""A Kafka, and on request a MinIO, that run in the background until they are stopped."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from auditseal_local.cache import exclusive
from auditseal_local.errors import LocalStackError
from auditseal_local.kafka import KafkaNode
from auditseal_local.kafka_tools import tool_command
from auditseal_local.minio import MinioNode
from auditseal_local.node import Node
from auditseal_local.process import launch_detached
from auditseal_local.progress import Progress, silent

BUCKET = "auditseal"


def default_directory() -> Path:
    """Return the default directory of the stack."""
    return platformdirs.user_data_path("auditseal", appauthor=False) / "local"


@dataclass(frozen=True)
class NodeStatus:
    """The state of one node, as its directory shows it."""

    name: str
    running: bool
    address: str
    resident_mib: int
    """Resident memory, MiB; 0 when it doesn't run."""
    directory: str


class LocalStack:
    """The stack of one directory, which may run without any process that watches it."""

    def __init__(self, directory: Path, progress: Progress = silent) -> None:
        """Name the directory; make and start nothing."""
        self.directory = directory.absolute()
        self._progress = progress

    def up_kafka(self) -> KafkaNode:
        """Start Kafka unless it runs already, and return its node."""
        with self._alone():
            kafka = self._kafka()
            _ensure(kafka)
        return kafka

    def up_minio(self) -> MinioNode:
        """Start MinIO unless it runs already, make the bucket, and return its node."""
        with self._alone():
            minio = self._minio()
            _ensure(minio)
            minio.make_bucket(BUCKET)
        return minio

    def down(self) -> list[str]:
        """Stop the running nodes, and return their names. Data and ports remain for the next start."""
        stopped: list[str] = []
        if not self.directory.exists():
            return stopped
        with self._alone():
            for node in self._nodes():
                if node.running:
                    self._progress(f"{node.title}: stopping")
                    node.stop()
                    stopped.append(node.title)
        return stopped

    def status(self) -> list[NodeStatus]:
        """Return the state of each node that was ever started in this directory."""
        return [_status(node) for node in self._nodes()]

    def environment(self) -> dict[str, str]:
        """Return the variables by which clients, daemons and boto3 find the nodes that run."""
        variables: dict[str, str] = {}
        for node in self._nodes():
            if isinstance(node, KafkaNode) and node.running:
                variables["AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS"] = node.bootstrap_servers
                variables["AUDITSEAL_SEALER__REPLICATION"] = "1"  # there is one broker
            if isinstance(node, MinioNode) and node.running:
                variables |= {**node.client_environment(), "AUDITSEAL_VAULT": node.vault_url(BUCKET)}
        return variables

    def kafka_tool(self, tool: str, arguments: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
        """Return command and environment of one of Kafka's tools against the running broker.

        Raises:
            LocalStackError: The tool is unknown, or Kafka does not run here.
        """
        kafka = next((node for node in self._nodes() if isinstance(node, KafkaNode) and node.running), None)
        if kafka is None:
            raise LocalStackError(f"Kafka does not run in {self.directory}: start it with auditseal local up")
        return tool_command(tool, arguments, kafka.bootstrap_servers, self._progress), kafka.environment()

    def _alone(self) -> AbstractContextManager[None]:
        """Wait until no other command starts or stops a node here, because each of two would start a broker."""
        return exclusive(self.directory / "lock")

    def _nodes(self) -> Iterator[Node]:
        """Yield the nodes whose directories exist; make none."""
        if (self.directory / "kafka").exists():
            yield self._kafka()
        if (self.directory / "minio").exists():
            yield self._minio()

    def _kafka(self) -> KafkaNode:
        return KafkaNode(self.directory / "kafka", launch=launch_detached, progress=self._progress)

    def _minio(self) -> MinioNode:
        return MinioNode(self.directory / "minio", launch=launch_detached, progress=self._progress)


def _ensure(node: Node) -> None:
    if not node.running:
        node.start()


def _status(node: Node) -> NodeStatus:
    return NodeStatus(node.title.lower(), node.running, node.address, node.resident_bytes >> 20, str(node.directory))
