"""Errors and impossible values in the answers of the administrative API."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from auditseal_daemon import cluster
from auditseal_daemon.cluster import Cluster
from auditseal_schemas.errors import UnavailableError


class ScriptedAdmin:
    """Answers each question about offsets with one offset."""

    offset = 0

    def __init__(self, settings: object) -> None:
        pass

    def list_offsets(self, asked: dict[TopicPartition, object], **_: object) -> dict[TopicPartition, Any]:
        future: Future[SimpleNamespace] = Future()
        future.set_result(SimpleNamespace(offset=self.offset))
        return dict.fromkeys(asked, future)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(cluster, "AdminClient", ScriptedAdmin)
    return Cluster({}, 1)


def test_an_offset_is_returned(asked: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedAdmin, "offset", 7)
    assert (asked.start("blocks", 0), asked.end("blocks", 0), asked.stable_end("blocks", 0)) == (7, 7, 7)


@pytest.mark.parametrize("offset", [-1, -1001])
def test_an_answer_without_an_offset_is_no_end_of_a_partition(
    offset: int, asked: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedAdmin, "offset", offset)
    for ask in (asked.start, asked.end, asked.stable_end):
        with pytest.raises(UnavailableError, match=rf"blocks/3 can't be read: the broker showed {offset}"):
            ask("blocks", 3)
