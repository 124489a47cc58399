"""Forked children get a fresh stream of their own, and leave the parent's alone. Each case is a process of its own."""

import subprocess
import sys
import textwrap

import pytest

from tests.factory.programs import run_program
from tests.factory.raw_fork import RAW_FORK

START = """
import logging, os, sys, threading
from auditseal_producer import *
logging.getLogger("auditseal_producer").setLevel(logging.CRITICAL + 1)
FIELDS = dict(actor=Actor("user", "u-1"), action="a", resources=[Resource("r", "1")], outcome=Outcome.SUCCESS)
def make(**changed):
    kafka = changed.pop("kafka", {"test.mock.num.brokers": 1})
    config = ProducerConfig(bootstrap_servers="127.0.0.1:9", service="s", environment="e", kafka=kafka, **changed)
    return AuditProducer(config)
def fork(work):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        work()
        sys.exit(0)  # with all that an interpreter does at its end
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def run(program: str) -> list[str]:
    # Python 3.12 and later warn of any fork in a process with threads, which is the case to be tested.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", START + textwrap.dedent(program)]
    done = run_program(command, 60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_child_has_a_stream_of_its_own() -> None:
    parent_before, child, status, parent_after = run("""
        producer = make()
        before = producer.record(**FIELDS)
        before.result(60)
        def work():
            assert producer.counts == (0, 0, 0, 0)
            pending = producer.record(**FIELDS)
            pending.result(60)
            print(pending.event_id + "/" + pending.stream.id + "/" + str(pending.stream.sequence))
        print(before.event_id + "/" + before.stream.id + "/" + str(before.stream.sequence))
        print(fork(work))
        after = producer.record(**FIELDS)
        after.result(60)
        print(after.event_id + "/" + after.stream.id + "/" + str(after.stream.sequence))
        producer.close(60)
    """)
    assert status == "0"
    before, during, after = (line.split("/") for line in (parent_before, child, parent_after))
    assert len({before[0], during[0], after[0]}) == 3
    assert before[1] == after[1] != during[1]
    assert [before[2], during[2], after[2]] == ["0", "0", "1"]


@pytest.mark.parametrize("heartbeat", [None, 60])
def test_a_process_that_only_makes_a_producer_forks_without_a_thread_of_librdkafka(heartbeat: int | None) -> None:
    """Such a thread may be looking up an address: the child of a fork in that moment can look up none, ever."""
    assert run(f"""
        def kafka_threads():
            names = [open(f"/proc/self/task/{{task}}/comm").read() for task in os.listdir("/proc/self/task")]
            return any(name.startswith("rdk:") for name in names)
        producer = make(heartbeat={heartbeat})
        before = kafka_threads()
        def work():
            pending = producer.record(**FIELDS)
            pending.result(60)
            print(before, kafka_threads(), pending.stream.sequence)
        print(fork(work))
        producer.close(60)
    """) == ["False", "True", str(int(heartbeat is not None)), "0"]


def test_a_receipt_is_asked_for_where_its_event_was_recorded() -> None:
    assert run("""
        producer = make(kafka={})
        pending = producer.record(**FIELDS)
        def work():
            for ask in (pending.result, pending.exception):
                try:
                    ask(5)
                except ForkedError as error:
                    assert pending.event_id in str(error)
                    print("refused")
        print(fork(work))
        try:
            producer.close(0)
        except UndeliveredError as error:
            print(error.waiting)
    """) == ["refused", "refused", "0", "1"]


def test_a_fork_amid_records_of_other_threads_does_not_hang() -> None:
    assert run("""
        producer = make()
        stop = threading.Event()
        def load():
            while not stop.is_set():
                producer.record(**FIELDS)
        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads: thread.start()
        def work():
            producer.record(**FIELDS).result(60)
        print([fork(work) for _ in range(5)] == [0] * 5)
        stop.set()
        for thread in threads: thread.join()
        producer.close(60)
        print(producer.counts.failed, producer.counts.pending)
    """) == ["True", "0", "0"]


def test_an_abandoned_channel_is_never_destroyed() -> None:
    """Whatever else lets go of it: as of Python 3.11 a dead thread's frame happens to hold it too, others may not."""
    assert run("""
        import gc, weakref
        producer = make()
        channel = weakref.ref(producer._channel._by_process[os.getpid()].channel)
        before = sys.getrefcount(channel())
        producer._channel.forget()
        print(producer._channel._by_process, sys.getrefcount(channel()) - before)
        held = channel()
        held.close(5)
        frames = [held]
        del held, frames
        gc.collect()
        print(channel() is not None)
    """) == ["{}", "-2", "True"]  # the one of the channel, and the one of its stream events


FORK_RAW = """
def fork_raw(work):
    child = raw_fork()
    if child == 0:
        work()
        sys.stdout.flush()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def test_children_of_forks_that_python_is_not_told_of_have_ids_of_their_own() -> None:
    """Or two workers that start within a millisecond have one stream, and their events have the same ids."""
    lines = run(
        RAW_FORK
        + FORK_RAW
        + textwrap.dedent("""
        producer = make()
        producer.record(**FIELDS).result(60)
        def work():
            pending = producer.record(**FIELDS)
            print(pending.stream.id[14:] + "/" + pending.event_id[14:] + "/" + str(pending.stream.sequence), flush=True)
        for _ in range(4):
            fork_raw(work)
        os._exit(0)
        """)
    )
    streams, events, numbers = zip(*(line.split("/") for line in lines), strict=True)
    assert (len(set(streams)), len(set(events)), set(numbers)) == (4, 4, {"0"})


def test_a_receipt_is_asked_for_where_its_event_was_recorded_after_any_fork() -> None:
    assert run(
        RAW_FORK
        + FORK_RAW
        + textwrap.dedent("""
        producer = make()
        pending = producer.record(**FIELDS)
        pending.exception(60)
        def work():
            try:
                pending.result(5)
            except ForkedError:
                print("refused")
        print(fork_raw(work))
        os._exit(0)
        """)
    ) == ["refused", "0"]


def test_a_producer_that_is_closed_leaves_nothing_behind() -> None:
    assert run("""
        import gc, multiprocessing.util, weakref
        def used():
            producer = make()
            producer.record(**FIELDS)
            channel = weakref.ref(producer._channel.get())
            producer.close(60)
            return channel
        channels = [used() for _ in range(3)]
        gc.collect()
        print([channel() for channel in channels], len(multiprocessing.util._finalizer_registry))
    """) == ["[None,", "None,", "None]", "0"]


def test_a_closed_producer_harms_no_process_that_is_forked_later() -> None:
    assert run("""
        import gc
        producer = make()
        producer.record(**FIELDS)
        producer.close(60)
        def work():
            del globals()["producer"]
            gc.collect()
        print(fork(work))
    """) == ["0"]


def test_what_was_closed_before_the_fork_stays_closed() -> None:
    assert run("""
        producer = make()
        producer.close(5)
        def work():
            try:
                producer.record(**FIELDS)
            except ProducerClosedError:
                print("refused")
        print(fork(work))
    """) == ["refused", "0"]


def test_the_interpreter_s_end_flushes_what_nobody_closed() -> None:
    assert run("""
        producer = make()
        producer.record(**FIELDS).add_done_callback(lambda done: print("offset", done.result().offset, flush=True))
    """) == ["offset", "0"]


def test_a_handler_that_raises_anywhere_in_the_close_at_an_end_costs_no_event() -> None:
    """A pool asks its child to end and sends it SIGTERM at once: that may come before any line; each fifth is tried."""
    tried, lost = run("""
        from concurrent.futures import ThreadPoolExecutor
        def raise_at(number):
            seen = 0
            def trace(frame, event, _):
                nonlocal seen
                if "auditseal_producer" not in frame.f_code.co_filename:
                    return None
                if event == "line":
                    seen += 1
                    if seen == number:
                        sys.settrace(None)
                        raise SystemExit(143)
                return trace
            return trace
        def close_at_each(first):
            lost = []
            for number in range(first, 1_000, 5 * THREADS):
                producer = make()
                pending = producer.record(**FIELDS)
                try:
                    sys.settrace(raise_at(number))
                    producer._channel._close_at_end()
                    break
                except SystemExit:
                    if not pending.done() or pending.exception() is not None:
                        lost.append(number)
                finally:
                    sys.settrace(None)
            return number, lost
        THREADS = 5  # each has a trace of its own, and waits for brokers of its own
        with ThreadPoolExecutor(THREADS) as threads:
            found = list(threads.map(close_at_each, range(2, 2 + 5 * THREADS, 5)))
        print(min(number for number, _ in found), sum(len(lost) for _, lost in found))
    """)
    assert int(tried) > 100  # the wait begins there
    assert lost == "0"


def test_a_producer_that_can_not_deliver_at_the_end_of_a_child_keeps_no_other_from_its_turn() -> None:
    told = run("""
        import multiprocessing, multiprocessing.util
        CONFIG = ProducerConfig(bootstrap_servers="127.0.0.1:9", service="s", environment="e", close_timeout=0.1)
        def leave():
            for _ in range(3):
                AuditProducer(CONFIG, on_error=lambda _: os.write(1, b"failed ")).record(**FIELDS)
            # The finalizers of multiprocessing that are left are skipped.
            multiprocessing.util.Finalize(None, sys.exit, args=(0,), exitpriority=1)
        child = multiprocessing.get_context("fork").Process(target=leave)
        child.start()
        child.join()
    """)
    assert told == ["failed"] * 3


def test_the_interpreter_s_end_says_what_it_could_not_deliver() -> None:
    program = "producer = make(kafka={}, close_timeout=0.1)\nproducer.record(**FIELDS)\n"
    done = subprocess.run(
        [sys.executable, "-c", START + program], capture_output=True, text=True, timeout=60, check=False
    )
    assert "UndeliveredError: 1 events still wait" in done.stderr


@pytest.mark.parametrize("module", ["auditseal_producer", "auditseal", "auditseal_producer.testing"])
def test_publishing_imports_no_storage_and_no_daemon(module: str) -> None:
    assert run(f"""
        import {module}
        if "{module}" == "auditseal":
            auditseal.AuditProducer, auditseal.RecordedEvents
        heavy = ["boto3", "botocore", "cryptography", "isal", "prometheus_client", "pydantic", "rich", "structlog",
                 "tenacity", "typer", "auditseal_sealer", "auditseal_archiver", "auditseal_auditor", "auditseal_local"]
        print([name for name in heavy if name in sys.modules])
    """) == ["[]"]


def test_the_public_names_load_when_asked_for() -> None:
    assert run("""
        for name in [name for name in sys.modules if name.startswith(("auditseal", "confluent"))]:
            del sys.modules[name]
        import auditseal
        print("confluent_kafka" in sys.modules)
        assert "AuditProducer" in dir(auditseal)
        assert all(getattr(auditseal, name) for name in auditseal.__all__)
        print("confluent_kafka" in sys.modules)
        try:
            auditseal.NoSuchName
        except AttributeError as error:
            print("NoSuchName" in str(error))
    """) == ["False", "True", "True"]
