"""Kafka's tools by the names that its documentation uses."""

import re
import zipfile
from pathlib import Path

import pytest

from auditseal_local import kafka_tools
from auditseal_local.errors import LocalStackError
from auditseal_local.kafka_jars import class_path
from auditseal_local.kafka_tools import TOOLS, tool_command
from auditseal_local.progress import silent


def test_every_tool_is_in_the_jars() -> None:
    names: set[str] = set()
    for jar in class_path(silent):
        with zipfile.ZipFile(jar) as archive:
            names.update(archive.namelist())
    assert [tool for tool, name in TOOLS.items() if f"{name.replace('.', '/')}.class" not in names] == []


@pytest.fixture
def one_jar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_tools, "class_path", lambda _: [Path("/a.jar")])


@pytest.mark.usefixtures("one_jar")
@pytest.mark.parametrize("tool", ["kafka-topics", "kafka-topics.sh"])
def test_the_broker_is_named_where_the_arguments_name_none(tool: str) -> None:
    command = tool_command(tool, ["--list"], "127.0.0.1:9", silent)
    assert command[-5:] == ["/a.jar", TOOLS["kafka-topics"], "--bootstrap-server", "127.0.0.1:9", "--list"]


@pytest.mark.usefixtures("one_jar")
@pytest.mark.parametrize("given", [["--bootstrap-server", "b:1"], ["--bootstrap-server=b:1"]])
def test_a_broker_that_is_named_is_kept(given: list[str]) -> None:
    command = tool_command("kafka-topics", ["--list", *given], "127.0.0.1:9", silent)
    assert command[-2 - len(given) :] == [TOOLS["kafka-topics"], "--list", *given]


@pytest.mark.usefixtures("one_jar")
def test_a_tool_that_reads_files_gets_no_broker() -> None:
    assert tool_command("kafka-dump-log", ["--files", "a.log"], "127.0.0.1:9", silent)[-3:] == [
        TOOLS["kafka-dump-log"],
        "--files",
        "a.log",
    ]


def test_every_tool_that_a_page_names_is_there() -> None:
    docs = Path(__file__).parents[3] / "docs"
    pages = [*(docs / "runbooks").glob("*.md"), *(docs / "how-to").glob("*.md")]
    text = "\n".join(page.read_text("utf-8") for page in pages)
    named = set(re.findall(r"(?:`|^ *\$ )(kafka-[a-z-]+)[ `]", text, re.MULTILINE))
    assert len(named) >= 5
    assert named <= set(TOOLS)


def test_an_unknown_tool_is_named_with_those_that_there_are() -> None:
    with pytest.raises(LocalStackError, match=r"kafka-topic is not .* kafka-configs, .*kafka-topics"):
        tool_command("kafka-topic", [], "127.0.0.1:9", silent)
