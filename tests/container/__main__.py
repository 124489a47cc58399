"""Build the image of deploy/Containerfile, and run the daemons from it on a real Kafka and a real MinIO.

It needs root, podman with crun, and mmdebstrap with Debian's mirror, from which it makes a base image. `BASE` names an
image to build on instead, which podman pulls. The containers have the rights of the Helm chart's pods.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import which
from urllib.error import URLError
from urllib.request import urlopen

from auditseal_local.cache import cache_dir, exclusive
from auditseal_local.kafka import KafkaNode
from auditseal_local.minio import MinioNode
from auditseal_local.ports import free_ports
from tests.container.podman import Podman

ROOT = Path(__file__).parents[2]
IMAGE, BUCKET, CLUSTER = "auditseal", "container", "container.local"
_DEBIAN = "ca-certificates,python3,python3-venv,python-is-python3"
_USER = 65532
_STOP_SECONDS = 15
DAEMONS = {
    "archiver": ("archiver", "--config", "/etc/auditseal/auditseal.toml"),
    "sealer": ("sealer", "--config", "/etc/auditseal/auditseal.toml", "--genesis"),
    "watch": ("watch", "--config", "/etc/auditseal/auditseal.toml", "--state-new"),
}
CONFIG = """
cluster = "{cluster}"
[sealer]
key_file = "/etc/auditseal/sealer.pem"
passphrase_file = "/etc/auditseal/passphrase"
replication = 1
block_age = 1
[archiver]
trust_file = "/etc/auditseal/trust.txt"
retention_days = 1
[watch]
trust_file = "/etc/auditseal/trust.txt"
state_file = "/var/lib/auditseal/heads.json"
every = 1
"""
EVENT = {
    "actor": {"type": "user", "id": "ann"},
    "action": "read",
    "resources": [{"type": "invoice", "id": "7"}],
    "outcome": "SUCCESS",
}


def main() -> int:
    """Build, run, verify and stop; return 2 where something that is needed is missing."""
    missing = [name for name in ("podman", "crun", "mmdebstrap") if not which(name)]
    if os.environ.get("BASE"):
        missing = [name for name in missing if name != "mmdebstrap"]
    if missing or os.geteuid():
        print(f"needs root, and the packages {', '.join(missing) or 'that are here'}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="auditseal-container-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        podman = Podman(folder / "storage")
        build(podman)
        with KafkaNode(folder / "kafka", progress=print) as kafka, MinioNode(folder / "minio", progress=print) as minio:
            minio.make_bucket(BUCKET)
            run(podman, Site(folder, podman, kafka, minio))
    return 0


def build(podman: Podman) -> None:
    """Build the image, on `BASE` or on one made of Debian's packages."""
    base = os.environ.get("BASE")
    if not base:
        base = "localhost/debian-python:bookworm"
        podman.call("import", str(debian()), base, seconds=300)
    print("building the image")
    podman.build(ROOT, base, IMAGE)


def debian() -> Path:
    """Return a root file system of Debian's packages with Python, made once for this user."""
    made = cache_dir() / "debian-bookworm-python.tar"
    with exclusive(made.with_suffix(".lock")):
        if not made.exists():
            print("making a base image of Debian's packages, which takes some minutes")
            draft = made.with_name(f"draft-{made.name}")
            command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={_DEBIAN}", "bookworm", str(draft)]
            subprocess.run(command, check=True, timeout=1800)
            draft.rename(made)
    return made


class Site:
    """The folders, settings and addresses of one run."""

    def __init__(self, folder: Path, podman: Podman, kafka: KafkaNode, minio: MinioNode) -> None:
        """Make the folders that the containers see, for their user alone."""
        self.podman = podman
        self.etc, self.state = folder / "etc", folder / "state"
        self.vault = minio.vault_url(BUCKET)
        self._environment = {
            "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "AUDITSEAL_VAULT": self.vault,
            **minio.client_environment(),
        }
        for path in (self.etc, self.state):
            path.mkdir(mode=0o700)
        (self.etc / "passphrase").write_text("a passphrase")
        (self.etc / "auditseal.toml").write_text(CONFIG.format(cluster=CLUSTER))
        (self.etc / "events.jsonl").write_text(json.dumps(EVENT) + "\n")
        self.own()
        self.ports = dict(zip(DAEMONS, free_ports(len(DAEMONS)), strict=True))

    def own(self) -> None:
        """Give what is in the folders to the user of the containers, readable by nobody else."""
        for path in (self.etc, self.state, *self.etc.iterdir()):
            path.chmod(0o700 if path.is_dir() else 0o600)
            os.chown(path, _USER, _USER)

    def start(self, name: str) -> None:
        """Start the daemon of that name as a container."""
        own = {"AUDITSEAL_METRICS__PORT": str(self.ports[name])}
        self.podman.start(name, IMAGE, DAEMONS[name], self._mounts("ro"), self._environment | own)

    def once(self, *words: str, etc: str = "ro") -> str:
        """Run a command in a container of its own and return what it printed."""
        return self.podman.once(IMAGE, words, self._mounts(etc), self._environment)

    def page(self, daemon: str, path: str) -> str:
        """Return a daemon's page. It is empty until the daemon answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self.ports[daemon]}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except (URLError, OSError):
            return ""

    def _mounts(self, etc: str) -> list[str]:
        return [f"{self.etc}:/etc/auditseal:{etc}", f"{self.state}:/var/lib/auditseal"]


def run(podman: Podman, site: Site) -> None:
    """Make a key and topics, run the daemons, verify an event end to end, and stop the daemons by SIGTERM."""
    key = ("keys", "new", "/etc/auditseal/sealer.pem", "--passphrase-file", "/etc/auditseal/passphrase")
    (site.etc / "trust.txt").write_text(site.once(*key, "--cluster", CLUSTER, "--partitions", "1", etc="rw") + "\n")
    site.own()
    site.once("topics", "create", "--partitions", "1", "--replication", "1")
    with removed(podman):
        for name in ("archiver", "sealer"):
            site.start(name)
        wait("the first block", lambda: "auditseal_blocks_archived_total 1" in plain(site.page("archiver", "/metrics")))
        site.start("watch")
        site.once("emit", "--environment", "test", "/etc/auditseal/events.jsonl")
        wait(
            "the event's block", lambda: "auditseal_blocks_archived_total 2" in plain(site.page("archiver", "/metrics"))
        )
        print(site.once("verify", "--trust", "/etc/auditseal/trust.txt", "--vault", site.vault))
        for name in DAEMONS:
            wait(f"{name} to be ready", partial(is_ready, site, name))
        for name in DAEMONS:
            began = time.monotonic()
            code = podman.stop(name, _STOP_SECONDS)
            print(f"{name} ended with {code} after {time.monotonic() - began:.1f} s")
            assert code == 0, podman.logs(name)


def is_ready(site: Site, name: str) -> bool:
    """Return whether a daemon is ready."""
    return '"ready": true' in site.page(name, "/readyz")


def plain(page: str) -> str:
    """Return the page of metrics without labels, and whole numbers without a point."""
    return "\n".join(
        line.split("{")[0] + " " + line.rsplit(" ", 1)[-1].removesuffix(".0") for line in page.splitlines()
    )


def wait(what: str, done: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until `done`."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what} did not come in {seconds:.0f} s"
        time.sleep(0.5)
    print(f"came: {what}")


@contextmanager
def removed(podman: Podman) -> Iterator[None]:
    """Print the logs of all containers if something fails, and remove them at the end."""
    try:
        yield
    except BaseException:
        for name in DAEMONS:
            print(f"--- {name}\n{podman.logs(name)}", file=sys.stderr)
        raise
    finally:
        podman.call("rm", "--force", "--ignore", "--time", "5", *DAEMONS)


if __name__ == "__main__":
    sys.exit(main())
