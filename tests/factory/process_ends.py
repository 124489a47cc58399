"""Every way in which a service's process ends, as programs; and what docs/how-to/publish.md promises for each.

A program records EVENTS events, and ends at once. Its arguments are bootstrap servers, topic, and the name of the way,
which its events' source states as the service.
"""

import os
import signal
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from tempfile import NamedTemporaryFile

from auditseal_schemas.event import AuditEvent
from tests.factory.programs import run_program
from tests.factory.raw_fork import RAW_FORK

EVENTS = 100  # as the programs say below
NEVER = 999
_SECONDS = 60  # for a program, on a machine that is busy
_AT_ONCE = 4

_BEGIN = """
import atexit, os, signal, sys, threading, time
from auditseal import *
EVENTS = 100
def config(**changed):
    return ProducerConfig(bootstrap_servers=sys.argv[1], topic=sys.argv[2], service=sys.argv[3], environment="ends",
                          **changed)
def record(producer, events=EVENTS):
    return [producer.record(actor=Actor("user", "u-1"), action="a", resources=[Resource("r", "1")],
                            outcome=Outcome.SUCCESS) for _ in range(events)]
def leave_on(number):
    signal.signal(number, lambda *_: sys.exit(128 + number))
def kill(number):
    os.kill(os.getpid(), number)
    time.sleep(30)
"""
_FOUND_BY_CHILDREN = """
producer = AuditProducer(config())
def work(*_):
    record(producer)
"""
_RAW_FORK = (
    RAW_FORK
    + """
producer = AuditProducer(config())
record(producer, 10)[-1].result(20)
child = raw_fork()
"""
)


class Promise(Enum):
    """What is promised of the events that were accepted."""

    ALL = "every event arrives"
    SOME = "the first ones arrive, or all: nothing announces the end"
    KEPT = "every event arrives, some of them twice as the same bytes: a spool had it when the process ended"
    NONE = "the producer can't be made: a ConfigurationError says what to do"


@dataclass(frozen=True)
class End:
    """A way to end."""

    name: str
    program: str
    promise: Promise = Promise.ALL
    code: int = 0
    events: int = EVENTS
    streams: int = 1

    @property
    def source(self) -> str:
        return _BEGIN + textwrap.dedent(self.program)


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    end: End
    code: int
    told: str


_MULTIPROCESSING = """
import multiprocessing
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    child = context.Process(target=work)
    child.start()
    child.join()
    sys.exit(child.exitcode)
"""

_SPOOLED = """
import tempfile
with tempfile.TemporaryDirectory() as folder:
    def spooling():
        return AuditProducer(config(spool=folder + "/spool"))
    child = os.fork()
    if not child:
        record(spooling())
        {end}
    os.waitpid(child, 0)
    with spooling() as heir:
        heir.flush(60)
"""

SPOOLED_ENDS: Sequence[End] = tuple(
    End(f"{name}, with a spool", _SPOOLED.format(end=end), promise=Promise.KEPT)
    for name, end in (
        ("os._exit", "os._exit(0)"),
        ("SIGKILL", "kill(signal.SIGKILL)"),
        ("SIGTERM, not handled", "kill(signal.SIGTERM)"),
        ("exec", "os.execv(sys.executable, [sys.executable, '-c', ''])"),
    )
)
"""Ends that nothing announces, of a process with a spool, and the next process with it."""

ENDS: Sequence[End] = (
    End("return", "record(AuditProducer(config()))"),
    End("sys.exit", "record(AuditProducer(config()))\nsys.exit(3)", code=3),
    End(
        "exception", "record(AuditProducer(config()))\nraise KeyError('the service's own')".replace("e's", "e"), code=1
    ),
    End(
        "block",
        """
        with AuditProducer(config()) as producer:
            record(producer)
        os._exit(0)
        """,
    ),
    End("Ctrl-C", "record(AuditProducer(config()))\nkill(signal.SIGINT)", code=-signal.SIGINT),
    End(
        "SIGTERM, handled", "leave_on(signal.SIGTERM)\nrecord(AuditProducer(config()))\nkill(signal.SIGTERM)", code=143
    ),
    End("SIGHUP, handled", "leave_on(signal.SIGHUP)\nrecord(AuditProducer(config()))\nkill(signal.SIGHUP)", code=129),
    End(
        "recorded at exit",
        """
        producer = AuditProducer(config())
        atexit.register(record, producer)  # runs before what was registered before it
        """,
    ),
    End(
        "daemon thread",
        """
        producer = AuditProducer(config())
        thread = threading.Thread(target=record, args=(producer,), daemon=True)
        thread.start()
        thread.join()
        """,
    ),
    End(
        "asyncio",
        """
        import asyncio
        async def main():
            producer = AsyncAuditProducer(config())
            tasks = [asyncio.create_task(producer.record(actor=Actor("user", "u-1"), action="a",
                     resources=[Resource("r", "1")], outcome=Outcome.SUCCESS)) for _ in range(EVENTS)]
            for _ in range(20):
                await asyncio.sleep(0)  # accepted, and not waited for
            for task in tasks:
                task.cancel()
        asyncio.run(main())
        """,
    ),
    *(
        End(f"Process, {method}", _FOUND_BY_CHILDREN + _MULTIPROCESSING.format(method=method))
        for method in ("fork", "forkserver", "spawn")
    ),
    End(
        "Process that fails",
        _FOUND_BY_CHILDREN
        + """
def fail():
    work()
    raise KeyError
import multiprocessing
child = multiprocessing.get_context("fork").Process(target=fail)
child.start()
child.join()
sys.exit(child.exitcode)
""",
        code=1,
    ),
    End(
        "Pool",
        _FOUND_BY_CHILDREN
        + """
import multiprocessing
pool = multiprocessing.get_context("fork").Pool(2, maxtasksperchild=1)
pool.map(work, range(4), chunksize=1)
pool.close()
pool.join()
""",
        events=4 * EVENTS,
        streams=4,
    ),
    End(
        "Pool, terminated",
        _FOUND_BY_CHILDREN
        + """
import multiprocessing
with multiprocessing.get_context("fork").Pool(1) as pool:
    pool.map(work, range(1))
""",
        promise=Promise.SOME,
    ),
    End(
        "Pool, terminated, SIGTERM handled",
        _FOUND_BY_CHILDREN
        + """
import multiprocessing
with multiprocessing.get_context("fork").Pool(1, initializer=leave_on, initargs=(signal.SIGTERM,)) as pool:
    pool.map(work, range(1))
""",
    ),
    End(
        "Process, another's finalizer exits",
        # As SIGTERM does whose handler exits, where a terminated pool has begun to end its child: the finalizers of
        # multiprocessing that are left are skipped.
        _FOUND_BY_CHILDREN
        + """
import multiprocessing.util
def leave():
    work()
    multiprocessing.util.Finalize(None, sys.exit, args=(5,), exitpriority=1)
child = multiprocessing.get_context("fork").Process(target=leave)
child.start()
child.join()
sys.exit(child.exitcode)
""",
        code=5,
    ),
    End(
        "ProcessPoolExecutor",
        _FOUND_BY_CHILDREN
        + """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
    list(pool.map(work, range(3)))
""",
        events=3 * EVENTS,
    ),
    End(
        "os.fork, sys.exit",
        _FOUND_BY_CHILDREN
        + """
child = os.fork()
if not child:
    work()
    sys.exit(5)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        code=5,
    ),
    End(
        "os.fork, flush, os._exit",
        _FOUND_BY_CHILDREN
        + """
child = os.fork()
if not child:
    work()
    producer.flush(20)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
    ),
    End(
        "raw fork, close",
        _RAW_FORK
        + """
if not child:
    pendings = record(producer)
    pendings[0].result(20)
    producer.close(20)
    assert producer.counts == (EVENTS, 0, 0, 0), producer.counts
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        events=EVENTS + 10,
        streams=2,
    ),
    End(
        "raw fork, sys.exit",
        _RAW_FORK
        + """
if not child:
    record(producer)
    sys.exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        events=EVENTS + 10,
        streams=2,
    ),
    End(
        "raw fork, unused",
        _RAW_FORK
        + """
if not child:
    producer.close(20)  # as an atexit handler would: the parent's events are not its own
    sys.exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        events=10,
    ),
    End(
        "billiard Process",
        _FOUND_BY_CHILDREN
        + """
import billiard
child = billiard.Process(target=work)
child.start()
child.join()
sys.exit(child.exitcode)
""",
    ),
    End(
        "Celery prefork",
        """
        import multiprocessing
        from celery import Celery
        app = Celery("ends", broker="memory://", backend="cache+memory://")
        # Of one child at a time, each runs two of the seven tasks: with two at a time, a fifth may run the last one.
        # With an eighth, the last child would be replaced while the worker ends. billiard then may kill the new one
        # while it holds the lock of the queue of tasks, and waits for that lock forever.
        app.conf.update(worker_max_tasks_per_child=2, worker_hijack_root_logger=False)
        producer = AuditProducer(config())
        done = multiprocessing.Value("i")
        @app.task
        def work():
            record(producer, 25)
            with done:
                done.value += 1
        def stop():
            while done.value < 7:
                time.sleep(0.1)
            kill(signal.SIGTERM)
        threading.Thread(target=stop, daemon=True).start()
        for _ in range(7):
            work.delay()
        app.worker_main(["worker", "--pool=prefork", "--concurrency=1", "--loglevel=ERROR",
                         "--without-gossip", "--without-mingle", "--without-heartbeat"])
        """,
        events=175,
        streams=4,
    ),
    End("os._exit", "record(AuditProducer(config()))\nos._exit(0)", promise=Promise.SOME),
    End("SIGKILL", "record(AuditProducer(config()))\nkill(signal.SIGKILL)", promise=Promise.SOME, code=-signal.SIGKILL),
    End(
        "SIGTERM, not handled",
        "record(AuditProducer(config()))\nkill(signal.SIGTERM)",
        promise=Promise.SOME,
        code=-signal.SIGTERM,
    ),
    End(
        "exec",
        "record(AuditProducer(config()))\nos.execv(sys.executable, [sys.executable, '-c', ''])",
        promise=Promise.SOME,
    ),
    *(
        End(
            f"{library}, patched {when}",
            f"""
            {patch if when == "before" else ""}
            try:
                producer = AuditProducer(config())
                {patch if when == "after" else ""}
                record(producer)
            except ConfigurationError as error:
                assert "{library}" in str(error) and "thread=False" in str(error), error
                sys.exit(7)
            """,
            promise=Promise.NONE,
            code=7,
            events=0,
            streams=0,
        )
        for library, patch in (
            ("gevent", "import gevent.monkey; gevent.monkey.patch_all()"),
            ("eventlet", "import eventlet; eventlet.monkey_patch()"),
        )
        for when in ("before", "after")
    ),
    *(
        End(f"{library}, real threads", f"{patch}\nrecord(AuditProducer(config()))")
        for library, patch in (
            ("gevent", "import gevent.monkey; gevent.monkey.patch_all(thread=False)"),
            ("eventlet", "import eventlet; eventlet.monkey_patch(thread=False)"),
        )
    ),
)


def check_end(ended: Ended, events: Sequence[AuditEvent]) -> None:
    """Check that the events which arrived are those that the way to end promises, in the order of their arrival.

    Raises:
        AssertionError: They aren't.
    """
    end = ended.end
    assert ended.code == end.code, ended.told
    once: dict[str, AuditEvent] = {}
    for event in events:
        once.setdefault(event.event_id, event)
    streams: dict[str, list[int]] = defaultdict(list)
    for event in once.values():
        streams[event.stream.id].append(event.stream.sequence)
    # Whatever got lost is a tail: no stream has a gap, and none has a number twice.
    assert all(numbers == list(range(len(numbers))) for numbers in streams.values()), streams
    if end.promise is Promise.KEPT:
        assert all(event == once[event.event_id] for event in events), "an event differs from its double"
    else:
        assert len(once) == len(events), f"{len(events) - len(once)} events arrived twice"
    if end.promise is Promise.SOME:
        assert len(events) <= end.events
    else:
        assert (len(once), len(streams)) == (end.events, end.streams), (
            f"{len(once)} events of {len(streams)} streams: {ended.told}"
        )


def run_ends(ends: Iterable[End], servers: str, topic: str, python: str = sys.executable) -> list[Ended]:
    """Run the programs, some at a time, and return how they ended."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda end: run_end(end, servers, topic, python), ends))


def run_end(end: End, servers: str, topic: str, python: str = sys.executable) -> Ended:
    """Run one program; the code of one that doesn't end is NEVER."""
    # Python 3.12 and later warn of any fork in a process with threads, and eventlet of itself.
    with NamedTemporaryFile("w", suffix=".py") as file:  # spawn and forkserver import it in their children
        file.write(end.source)
        file.flush()
        return _run(end, [python, "-W", "ignore", file.name, servers, topic, end.name])


def _run(end: End, command: Sequence[str]) -> Ended:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    try:
        done = run_program(command, _SECONDS, environment=environment, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired as error:
        return Ended(end, NEVER, str(error.output))
    return Ended(end, done.returncode, done.stdout)
