"""The harness itself: it reports each broken promise, and distinguishes them."""

from collections.abc import Callable
from time import process_time

import pytest

from tests.fuzz import watch as watch_module
from tests.fuzz.target import Target
from tests.fuzz.watch import MOST_WORDS, BrokenPromiseError, Watch

MIB = 1 << 20


def watching(read: Callable[[bytes], None]) -> Watch:
    """Return a watch over a parser that may raise LookupError and nothing else."""
    target = Target("planted", read, (LookupError,), lambda: (b"",), lambda data, _, __: data, 10, ())
    return Watch(target)


def refuse(words: str) -> Callable[[bytes], None]:
    def read(_: bytes) -> None:
        raise LookupError(words)

    return read


def test_what_is_read_or_refused_as_documented_passes() -> None:
    accepting, refusing = watching(lambda _: None), watching(refuse("no such thing"))
    for watch in (accepting, refusing):
        watch.try_one(b"data")
    assert [watch.numbers.executions for watch in (accepting, refusing)] == [1, 1]
    assert [watch.numbers.accepted for watch in (accepting, refusing)] == [1, 0]


def test_another_error_gets_out() -> None:
    def read(data: bytes) -> None:
        raise ValueError(data.hex())

    with pytest.raises(ValueError, match="00"):
        watching(read).try_one(b"\x00")


@pytest.mark.parametrize(
    "hostile", ["\x1b[31m", "\n", "\x00", "\x7f", "\x9b", "\u202e", "\u2066", "\u2028", "\u2029", "\ud800", "\ufeff"]
)
def test_words_that_a_terminal_would_obey(hostile: str) -> None:
    with pytest.raises(BrokenPromiseError, match="unprintable"):
        watching(refuse(f"no {hostile} here")).try_one(b"")


@pytest.mark.parametrize("words", ["x" * (MOST_WORDS + 1), ""])
def test_words_too_many_or_none(words: str) -> None:
    with pytest.raises(BrokenPromiseError, match="characters"):
        watching(refuse(words)).try_one(b"")


def test_an_input_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_: bytes) -> None:
        begin = process_time()
        while process_time() < begin + 0.02:
            pass

    monkeypatch.setattr(watch_module, "MOST_SECONDS", 0.01)
    with pytest.raises(BrokenPromiseError, match="4 bytes took"):
        watching(read).try_one(b"slow")


def try_64(watch: Watch, data: bytes) -> None:
    """Try the data 64 times: after so many inputs memory is looked at."""
    for _ in range(64):
        watch.try_one(data)


def test_memory_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytearray] = []
    monkeypatch.setattr(watch_module, "_WARM_UP", 64)
    watch = watching(lambda data: kept.append(bytearray(data * 50 * MIB)))
    try_64(watch, b"")
    for data in (b"a", b"b"):
        watch.try_one(data)
    with pytest.raises(BrokenPromiseError, match="resident memory rose"):
        try_64(watch, b"")
    assert {b"a", b"b"} <= set(watch.recent)


def test_memory_that_is_given_back_counts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's high-water mark shows memory that was held only within one call."""

    def read(data: bytes) -> None:
        bytearray(data * 100 * MIB)

    monkeypatch.setattr(watch_module, "_WARM_UP", 64)
    watch = watching(read)
    try_64(watch, b"")
    watch.try_one(b"a")
    with pytest.raises(BrokenPromiseError, match="resident memory rose"):
        try_64(watch, b"")
