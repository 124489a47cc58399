"""`auditseal explore --strict` on a real Kafka that goes away and comes back: nothing is shown that is not recorded."""

import http.client
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_local.kafka import KafkaNode
from auditseal_schemas.event_parts import Outcome
from tests.factory.exploring import explorer_process
from tests.factory.gateway import read_events
from tests.unit.explorer.test_trail import LOOKS
from tests.unit.search.test_search_command import BLOCKS, LOG, Place

TOPIC = "looks"
ADDRESSES = [f"{path}?{urlencode(parameters)}" for path, parameters, *_ in LOOKS]
OTHERS = ["/runbooks", "/docs/how-to/explore.md", "/static/explorer.css", "/api/v1/openapi.json"]
VAULT_PARTS = [str(LOG), "acorn", "vault"]


class Asked:
    """An explorer's answers."""

    def __init__(self, address: str) -> None:
        self._netloc = urlsplit(address).netloc

    def get(self, address: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self._netloc, timeout=120)
        connection.request("GET", address)
        answer = connection.getresponse()
        found = answer.status, answer.read().decode("utf-8", "replace")
        connection.close()
        return found


def recorded(servers: str, outcome: Outcome) -> list[str]:
    """Return the actions of the events with an outcome in the topic."""
    return [event.action for event in read_events(servers, TOPIC) if event.outcome is outcome]


def test_nothing_is_shown_while_kafka_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path)
    place.put(BLOCKS)
    with KafkaNode(tmp_path / "kafka") as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(30)
        monkeypatch.setenv("AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
        monkeypatch.setenv("AUDITSEAL_EVENTS_TOPIC", TOPIC)
        monkeypatch.setenv("AUDITSEAL_ENVIRONMENT", "test")
        with explorer_process(place.trust, place.vault, "--strict") as (address, process):
            asked = Asked(address)
            assert {asked.get(one)[0] for one in ADDRESSES} == {200}
            assert recorded(kafka.bootstrap_servers, Outcome.UNKNOWN) == [action for _, _, action, _ in LOOKS]
            kafka.stop()
            with ThreadPoolExecutor(len(ADDRESSES)) as readers:  # each waits for Kafka for ten seconds
                answers = list(readers.map(asked.get, ADDRESSES))
            for one, (status, text) in zip(ADDRESSES, answers, strict=True):
                assert status == 503, one
                assert "was not recorded, so nothing is shown" in text
                assert [part for part in VAULT_PARTS if part in text.replace(one, "")] == [], one
            assert {asked.get(one)[0] for one in OTHERS} == {200}
            kafka.start()
            statuses = [asked.get(one)[0] for one in ADDRESSES]
            assert set(statuses[1:]) == {200}
            process.terminate()
            assert process.wait(60) == 0
        answered = recorded(kafka.bootstrap_servers, Outcome.SUCCESS)
        assert len(answered) == len(LOOKS) + statuses.count(200)  # a look that was refused is none, though it arrived
        assert {action for _, _, action, _ in LOOKS} == set(answered)
        assert len(recorded(kafka.bootstrap_servers, Outcome.FAILURE)) >= len(LOOKS)
        with explorer_process(place.trust, place.vault, "--record") as (address, process):
            assert Asked(address).get("/")[0] == 200
            process.terminate()  # the look is delivered all the same
            assert process.wait(60) == 0
        assert len(recorded(kafka.bootstrap_servers, Outcome.SUCCESS)) == len(answered) + 1
