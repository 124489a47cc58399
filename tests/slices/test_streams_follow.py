"""`auditseal streams --follow` as a process: it is killed, and the next one reads on and sees the silence."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.factory.daemons import await_page
from tests.factory.stream_logs import Sealed, StreamVault


@contextmanager
def follower(vault: StreamVault, state: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command; yield the process and the URL of its metrics."""
    command = [sys.executable, "-m", "auditseal", "streams", "--follow", "--every", "1", "--state", str(state)]
    command += ["--trust", str(vault.trust), "--vault", vault.folder.as_uri(), "--expect", "billing=1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            yield process, json.loads(process.stderr.readline())["telemetry"]
        finally:
            process.kill()


def served(url: str, line: str) -> None:
    """Wait until /metrics has a whole line."""
    await_page(f"{url}/metrics", lambda _, page: line in page.splitlines())


def test_a_killed_follower_reads_on(tmp_path: Path) -> None:
    vault, state = StreamVault(tmp_path), tmp_path / "state"
    now = int(time.time() * 1000)
    vault.seal([Sealed("s", 0), Sealed("s", 2)], timestamp=now + 3_600_000)
    with follower(vault, state) as (process, url):
        served(url, 'auditseal_streams_service_silent{service="billing"} 0.0')
        process.kill()
    vault.seal([Sealed("s", 1), Sealed("t", 1)], timestamp=now - 3_600_000)
    with follower(vault, state) as (process, url):
        served(url, 'auditseal_streams{state="GAP"} 1.0')
        served(url, 'auditseal_streams{state="UNCLOSED"} 1.0')
        served(url, 'auditseal_streams_service_silent{service="billing"} 0.0')
        process.terminate()
        assert process.wait(60) == 0
    for path in vault.folder.rglob("*.avro"):
        path.unlink()
    with follower(vault, state) as (process, _url):
        assert process.wait(60) == 14  # the remembered blocks are gone: TRUNCATED
