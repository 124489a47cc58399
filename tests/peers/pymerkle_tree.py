"""pymerkle, an RFC 6962 tree in Python: its tree in memory, in a process of its own.

Run as a command, it reads a file of events and prints the seconds that appending all of them takes, and their root.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.peers.event_file import stored_events
from tests.peers.peer import Peer, Result

PEER = Peer(
    "pymerkle, in memory",
    "7.0.0",
    "SHA-256, appended one by one: a tree in memory has no other way",
    "is Python alone; proves inclusion and consistency from memory",
    "Kafka, signatures, any file: all is gone when it ends",
    "sealer",
)


def measure(events: Path) -> Result:
    """Return its rate."""
    command = [sys.executable, "-m", "tests.peers.pymerkle_tree", str(events)]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=900).stdout)
    return Result(PEER, said["events"], said["events"] / said["seconds"])


def _append(path: Path) -> dict[str, float | str]:
    from pymerkle import InmemoryTree

    values = [key + value for key, value in stored_events(path)]
    tree = InmemoryTree(algorithm="sha256")
    began = time.perf_counter()
    for value in values:
        tree.append_entry(value)
    root = tree.get_state()
    return {"events": len(values), "seconds": time.perf_counter() - began, "root": root.hex()}


if __name__ == "__main__":
    print(json.dumps(_append(Path(sys.argv[1]))))
