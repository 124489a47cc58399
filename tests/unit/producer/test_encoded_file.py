"""Files of encoded events: durable, whole or not at all, and every byte of a damaged one is accounted for."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditseal_producer import Actor, EventError, Outcome, Resource
from auditseal_producer.encoded_file import append_encoded, read_encoded
from auditseal_producer.outgoing import EventEncoder
from auditseal_schemas.event_codec import MAX_EVENT_BYTES
from auditseal_schemas.event_parts import Source, Stream


def event(number: int, **more: Any) -> bytes:
    fields: Any = {
        "actor": Actor("user", "u-1"),
        "action": "approve",
        "resources": [Resource("invoice", "1")],
        "outcome": Outcome.SUCCESS,
        **more,
    }
    return EventEncoder(Source(service="s", environment="t"), Stream("s", 0)).encode(fields).place(number)[0]


EVENTS = [event(number) for number in range(5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "undelivered"


def written(path: Path, *events: bytes) -> bytes:
    for one in events:
        append_encoded(path, one)
    return path.read_bytes()


def test_what_is_appended_is_read(path: Path) -> None:
    data = written(path, *EVENTS)
    assert [piece.content for piece in read_encoded(data)] == EVENTS
    assert path.stat().st_mode & 0o077 == 0


def test_threads_may_append_to_one_file(path: Path) -> None:
    threads = [threading.Thread(target=written, args=(path, *EVENTS)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pieces = list(read_encoded(path.read_bytes()))
    assert (len(pieces), {piece.problem for piece in pieces}) == (20, {""})


@pytest.mark.parametrize("wrong", [b"", bytes(MAX_EVENT_BYTES + 1)])
def test_what_can_not_be_an_event_is_not_written(path: Path, wrong: bytes) -> None:
    with pytest.raises(EventError, match="can't be an event"):
        append_encoded(path, wrong)
    assert not path.exists()


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_write_that_fails_leaves_the_file_as_it_was(path: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written(path, EVENTS[0])
    real: Callable[..., int] = getattr(os, call)

    def fail(file: int, *args: Any) -> int:
        if call == "write":
            real(file, args[0][:7])  # as on a disk that is nearly full
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        append_encoded(path, EVENTS[1])
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [piece.content for piece in read_encoded(written(path, EVENTS[2]))] == [EVENTS[0], EVENTS[2]]


def test_a_file_cut_off_or_damaged_anywhere_loses_what_is_damaged(path: Path) -> None:
    data = written(path, *EVENTS[:3])
    size = len(data) // 3
    for at in range(len(data)):
        for damaged in (data[:at], data[:at] + data[at + 1 :], data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]):
            pieces = list(read_encoded(damaged))
            # No byte goes unmentioned.
            ends = [piece.position + len(piece.content) + 4 * (not piece.problem) for piece in pieces]
            assert [0, *ends][:-1] == [piece.position for piece in pieces]
            assert ([0, *ends])[-1] == len(damaged)
            whole = [piece.content for piece in pieces if not piece.problem and piece.content in EVENTS]
            lost = at // size
            assert whole == [one for one in EVENTS[:3] if one in whole]
            if damaged != data[:at]:
                # The next one too, where its length took the place of the byte that is gone.
                assert set(EVENTS[:3]) - set(whole) <= set(EVENTS[lost : lost + 2])
            else:
                assert whole == EVENTS[:lost]


def test_an_event_that_holds_an_event_is_one(path: Path) -> None:
    nested = event(7, attributes={"copy": EVENTS[0].decode("latin-1")})
    assert [piece.content for piece in read_encoded(written(path, nested))] == [nested]
