"""The page about changing topics does what it says: its commands are run in order, on a first start's files."""

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from auditseal_local.kafka import KafkaNode
from tests.factory.secret_files import write_secret

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
FENCED = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
FIRST_START = (
    "auditseal keys new sealer.pem --passphrase-file passphrase --cluster audit.example.com --partitions 1 > trust.txt",
    "auditseal topics create --partitions 1",
)


def fenced(page: str, language: str) -> list[str]:
    text = (HOW_TO / page).read_text("utf-8")
    return [dedent(content) for kind, content in FENCED.findall(text) if kind == language]


def commands(page: str) -> list[str]:
    return [line[2:] for block in fenced(page, "console") for line in block.splitlines() if line.startswith("$ ")]


_TOOL = """#!{python}
import os, sys
from auditseal_local.kafka_tools import tool_command
from auditseal_local.progress import silent
command = tool_command(os.path.basename(sys.argv[0]), sys.argv[1:], "{servers}", silent)
os.execvp(command[0], command)
"""


class Shell:
    """A shell in a directory, with Kafka's tools by their names."""

    def __init__(self, directory: Path, kafka: KafkaNode) -> None:
        self._directory, tools = directory, directory / "bin"
        tools.mkdir()
        (tools / "kafka-configs").write_text(_TOOL.format(python=sys.executable, servers=kafka.bootstrap_servers))
        (tools / "kafka-configs").chmod(0o755)
        (directory / "vault").mkdir()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AUDITSEAL_")}
        ours = {
            "PATH": os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "AUDITSEAL_SEALER__REPLICATION": "1",
            "AUDITSEAL_VAULT": (directory / "vault").as_uri(),
        }
        self._environment = clean | dict(kafka.environment()) | ours

    def run(self, command: str) -> str:
        ended = subprocess.run(
            ["bash", "-c", command],
            cwd=self._directory,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout + ended.stderr


@pytest.mark.kafka
def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path, kafka: KafkaNode, kafka_admin: AdminClient) -> None:
    write_secret(tmp_path / "passphrase", "secret\n")
    (tmp_path / "auditseal.toml").write_text(fenced("operate.md", "toml")[0])
    (orders,) = fenced("topics.md", "toml")
    (tmp_path / "orders.toml").write_text(orders)
    assert set(FIRST_START) <= set(commands("operate.md"))
    shell, ours = Shell(tmp_path, kafka), commands("topics.md")
    for command in FIRST_START:
        shell.run(command)
    assert len(ours) == 7
    printed = {command: shell.run(command) for command in ours}
    topics = kafka_admin.list_topics(timeout=20).topics
    expected = {"audit.events": 2, "audit.blocks": 2, "audit.orders": 1, "audit.orders.blocks": 1}
    assert {name: len(topics[name].partitions) for name in expected} == expected
    assert [(tmp_path / name).read_text().count("log ") for name in ("trust.txt", "orders-trust.txt")] == [2, 1]
    (shown,) = (text for command, text in printed.items() if "--describe" in command)
    assert "retention.ms" in shown
    resource = ConfigResource(ResourceType.TOPIC, "audit.events")
    assert kafka_admin.describe_configs([resource])[resource].result(20)["retention.ms"].value == str(60 * 86_400_000)
    for daemon in ("sealer", "archiver"):
        shell.run(f"auditseal {daemon} --check --config orders.toml")
