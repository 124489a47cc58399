"""A daemon whose body a test writes, as a process of its own."""

import json
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

IPV6_ADDRESSES = Path("/proc/net/if_inet6")
NEEDS_IPV6 = pytest.mark.skipif(
    not (IPV6_ADDRESSES.exists() and IPV6_ADDRESSES.read_text()), reason="the kernel of this machine has no IPv6"
)
"""For tests of `::` and `::1`: containers often have no IPv6, and the IPv4 cases run there all the same."""

SHELL = """
from auditseal_daemon import run
from auditseal_daemon.process_end import end_process
from auditseal_daemon.run import DaemonOptions, run_daemon
from auditseal_schemas.errors import *
from auditseal_schemas.halt import Halt, HaltError

def body(context):
{body}

end_process(run_daemon("example", DaemonOptions(host={host!r}, port={port}), ["kafka", "store"], body))
"""


def script(body: str, host: str = "127.0.0.1", port: int = 0) -> list[str]:
    """Return the command that runs a daemon with a body."""
    return [sys.executable, "-c", SHELL.format(body=textwrap.indent(body, "    "), host=host, port=port)]


def end(body: str, host: str = "127.0.0.1") -> tuple[int, list[dict[str, Any]]]:
    """Run a daemon to its end; return its exit code and what it logged."""
    done = subprocess.run(
        script(body, host), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, timeout=120, check=False
    )
    return done.returncode, [json.loads(line) for line in done.stderr.decode().splitlines()]


@contextmanager
def running(body: str, host: str = "127.0.0.1") -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a daemon and yield its process and the URL of its telemetry."""
    with subprocess.Popen(script(body, host), stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr
            yield process, json.loads(process.stderr.readline())["telemetry"]
        finally:
            process.kill()


def get(url: str) -> tuple[int, str]:
    """Return status and body of a response."""
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def await_page(url: str, holds: Callable[[int, str], bool]) -> None:
    """Wait until the status and the body of a page are as they must be."""
    deadline = time.monotonic() + 60
    while not holds(*(answer := get(url))):
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)


def await_metric(url: str, text: str) -> None:
    """Wait until `/metrics` has a line, or a part of one."""
    await_page(f"{url}/metrics", lambda _, page: text in page)


def await_ready(url: str, code: int, body: dict[str, Any]) -> None:
    """Wait until `/readyz` answers with a code and a body."""
    deadline = time.monotonic() + 60
    while (answer := get(f"{url}/readyz")) != (code, json.dumps(body) + "\n") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (answer[0], json.loads(answer[1])) == (code, body)
