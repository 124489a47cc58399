"""Each wait of the explorer has an end, and a page that says so: others who search, the store, and slow readers."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from contextvars import copy_context
from threading import Event, Thread
from typing import Any

import pytest
from starlette.types import Message

from auditseal_explorer import deadline, kept, results, sources, timely_answers
from auditseal_explorer.auditor import local_auditor
from auditseal_explorer.errors import LateError
from auditseal_explorer.kept import Kept
from auditseal_explorer.producer_trail import StrictTrail
from auditseal_explorer.trail import Trail
from auditseal_producer.testing import RecordedEvents
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.event_parts import Outcome
from auditseal_search import row_filter
from auditseal_search.columns import ROW
from auditseal_search.database import Database
from auditseal_search.query import All
from auditseal_search.query_sql import Sql
from auditseal_search.row_filter import RowFilter
from auditseal_vault.interface import StoredVersion
from tests.factory.asgi_exchange import exchange, http_scope
from tests.factory.exploring import HOST, Exploring, Page
from tests.factory.vaults import MemoryVault, put_log
from tests.unit.explorer.test_app import TRUST, total
from tests.unit.search.test_search_command import BLOCKS, LOG

ADDRESSES = ("/", "/export.csv", "/case", "/api/v1/search", "/case.zip?case=1&q=time+%3E+2020-01-01")


class HangingVault(MemoryVault):
    """A vault that does not answer until `answers` is set."""

    answers: Event

    def versions(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        assert self.answers.wait(60)
        return super().versions(prefix, after, limit)


def exploring(vault: MemoryVault, trail: Trail | None = None) -> Exploring:
    put_log(vault, BLOCKS)
    return Exploring(vault, TRUST, trail=trail)


def test_a_search_that_is_not_done_at_the_deadline_is_ended() -> None:
    explorer = exploring(MemoryVault())
    endless = "SELECT count(*) FROM range(1000000000000000) AS one(number) WHERE number % 7 = 8"

    def search() -> None:
        deadline.set_deadline(0.5)
        found = explorer.sources.gather(local_auditor(), All(), ())
        with explorer.sources.searching(found) as searcher:
            searcher._all(endless, Sql())

    with pytest.raises(LateError):
        copy_context().run(search)
    assert explorer.client.get("/api/v1/search").status_code == 200


def test_a_filter_of_the_vaults_rows_is_ended_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = exploring(MemoryVault())
    endless = "(SELECT count(*) FROM range(1000000000000000) AS one(number) WHERE number % 7 = 8) > 0"
    monkeypatch.setattr(row_filter, "to_sql", lambda _: Sql(endless))

    def search() -> None:
        deadline.set_deadline(0.5)
        found = explorer.sources.gather(local_auditor(), All(), ())
        assert "the search was ended" in found.account.logs[0].gaps[0].why
        with explorer.sources.searching(found):
            pass

    with pytest.raises(LateError):
        copy_context().run(search)


def test_after_its_end_a_filter_lets_nothing_through() -> None:
    with RowFilter(Database(None), All()) as keep:
        rows = ROW.empty_table()
        assert keep(LOG, rows) == rows
        keep.interrupt()
        with pytest.raises(UnavailableError, match="the search was ended before all blocks were read"):
            keep(LOG, rows)


def test_an_export_that_has_begun_has_no_deadline() -> None:
    def go_on() -> None:
        deadline.set_deadline(0.0)
        with deadline.without_deadline():
            assert deadline.seconds_left() is None
        with pytest.raises(LateError):
            deadline.seconds_left()

    copy_context().run(go_on)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_search_does_not_wait_for_others_without_end(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(deadline, "CASE_SECONDS", 0.05)
    recorder = RecordedEvents()
    explorer = exploring(MemoryVault(), StrictTrail(recorder))
    with ExitStack() as others:
        while explorer.sources._searches.acquire(blocking=False):
            others.callback(explorer.sources._searches.release)
        answer = explorer.client.get(address)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert "the answer was not ready within 0 s" in answer.text
    (event,) = recorder.events
    assert event.outcome is Outcome.FAILURE
    monkeypatch.undo()
    assert explorer.client.get(address).status_code == 200


def test_an_answer_that_is_ready_too_late_is_recorded_as_such_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = RecordedEvents()
    explorer = exploring(MemoryVault(), StrictTrail(recorder))
    monkeypatch.setattr(deadline, "ANSWER_SECONDS", 0.0)
    page = explorer.page("/logs", 503)
    assert "That takes too long just now" in page.text
    assert str(TRUST.logs[0].origin) not in page.text
    assert [event.outcome for event in recorder.events] == [Outcome.FAILURE]


def test_a_value_that_another_thread_makes_is_not_waited_for_without_end() -> None:
    values, begun, end, made = Kept[int](100, lambda _: 1), Event(), Event(), list[int]()

    def make() -> int:
        begun.set()
        assert end.wait(60)
        return 7

    other = Thread(target=lambda: made.append(values.of("a", make)))
    other.start()
    assert begun.wait(60)

    def ask() -> None:
        deadline.set_deadline(0.02)
        values.of("a", make)

    with pytest.raises(LateError):
        copy_context().run(ask)
    end.set()
    other.join()
    assert made == [7]
    assert values.of("a", lambda: 8) == 7


def test_a_value_of_a_request_that_was_late_is_made_by_one_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    values, begun, waited, failures = Kept[int](100, lambda _: 1), Event(), Event(), list[str]()
    wait = kept.wait

    def watched(*arguments: Any) -> object:
        waited.set()
        return wait(*arguments)

    def late() -> int:
        begun.set()
        assert waited.wait(60)
        raise LateError(1)

    def ask() -> None:
        with pytest.raises(LateError):
            values.of("a", late)
        failures.append("late")

    monkeypatch.setattr(kept, "wait", watched)
    other = Thread(target=ask)
    other.start()
    assert begun.wait(60)
    assert values.of("a", lambda: 8) == 8
    other.join()
    assert failures == ["late"]


def test_a_store_that_does_not_answer_has_a_page_and_does_not_hold_up_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(timely_answers, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(timely_answers, "MOST_AT_ONCE", 2)
    vault = HangingVault()
    vault.answers = Event()
    explorer = exploring(vault)

    async def ask(path: str) -> tuple[int, str]:
        sent = await exchange(explorer.app, http_scope(path=path, headers=[("host", HOST)]))
        assert [message["type"] for message in sent].count("http.response.start") == 1
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]).decode()

    async def ask_all() -> list[tuple[int, str]]:
        try:
            return [await ask(path) for path in ("/", "/api/v1/logs", "/runbooks", "/static/explorer.css")]
        finally:
            vault.answers.set()
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0.01)

    page, program, third, static = asyncio.run(ask_all())
    assert page[0] == program[0] == third[0] == 503
    assert "the answer was not ready within 0 s" in Page(page[1]).text
    assert vault.url not in page[1]
    assert program[1].startswith("That takes too long just now: ")
    assert "2 answers are being made, which is the most" in third[1]
    assert static[0] == 200


def test_a_reader_who_takes_nothing_ends_the_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timely_answers, "READER_SECONDS", 0.05)
    explorer = exploring(MemoryVault())
    started = list[str]()

    async def receive() -> Message:
        if not started:
            started.append("asked")
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        started.append(message["type"])
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    scope = http_scope(path="/export.csv", headers=[("host", HOST)])
    asyncio.run(explorer.app(scope, receive, send))
    assert started == ["asked", "http.response.start", "http.response.body"]
    with ExitStack() as taken:
        for _ in range(results.EXPORTS):  # all of them are free again
            assert results._exports.acquire(blocking=False)
            taken.callback(results._exports.release)


def test_blocks_after_the_index_are_read_for_some_time_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "READ_SECONDS", 0.0)
    page = exploring(MemoryVault()).page()
    assert total(page.text)[1] == "PARTIAL"
    assert "heights 1 to 4: this answer read 1 block and no more: narrow the time, or search an index" in page.text
