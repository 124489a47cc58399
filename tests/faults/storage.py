"""F13, F14 and F20: a store that fails, disks that are full, and many writers of one key."""

import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from auditseal_vault.errors import AlreadyStoredError
from auditseal_vault.open import open_vault
from tests.faults.daemon import Daemon, await_true
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.http_proxy import Trouble
from tests.faults.rig import Pipeline, Rig, archived_offset, environment

_DRAIN = 90.0  # s
_DISK = 320  # MiB
_FULL = "XMinioStorageFull"
_WRITERS = 32


@fault("F13", "30 % 503 SlowDown; responses lost after PUT; latency; cuts", 8)
def failing_store(trial: Trial) -> Outcome:
    line, proxy = trial.pipeline(), trial.rig.s3_proxy
    troubles = (
        Trouble(slow_down=0.3),
        Trouble(lost=0.4),
        Trouble(slow_down=0.3, lost=0.3, latency=0.1),
        Trouble(cut=True),
    )
    with line.sealer(static=True), line.archiver(static=True, s3_proxied=True):
        with line.load():
            line.await_flow()
            before = dict(proxy.counts)
            for number in range(trial.rounds):
                trial.inject()
                proxy.trouble = troubles[number % len(troubles)]
                trial.pause(4, 8)
                proxy.trouble = Trouble()
                line.await_flow()
        line.await_archived(_DRAIN)
    counts = {name: proxy.counts[name] - before[name] for name in ("slow_down", "lost", "cut")}
    note = ", ".join(f"{number} {name}" for name, number in counts.items())
    return trial.judge(line, f"in {trial.rounds} spells: {note}", injected=sum(counts.values()))


@fault("F14", "disk full under the broker, then under MinIO", 2)
def full_disks(trial: Trial) -> Outcome:
    if os.geteuid() != 0:
        raise PermissionError("F14 mounts small file systems, which only root may: run it as root")
    with (
        small_disk(trial.rig.folder / "f14-kafka") as kafka_disk,
        small_disk(trial.rig.folder / "f14-minio") as minio_disk,
        Rig(trial.rig.folder / "f14", trial.rig.seed, kafka_folder=kafka_disk, minio_folder=minio_disk) as rig,
    ):
        line = rig.pipeline("f14")
        with line.sealer(static=True), line.archiver(static=True) as archiver:
            with line.load() as load:
                line.await_flow()
                for number in range(trial.rounds):
                    if number % 2:
                        fill_store(trial, line, archiver, minio_disk)
                    else:
                        fill_broker(trial, line, kafka_disk)
                    assert load.running, "the service that records events ended"
                    line.await_flow(90)
            line.await_archived(_DRAIN)
        return trial.judge(line, "acknowledgements, then the vault's heads, stood still until there was room")


def fill_broker(trial: Trial, line: Pipeline, disk: Path) -> None:
    """Without room for its log the broker ends, as it should, and nothing is acknowledged; then it starts again."""
    kafka = line.rig.kafka
    with filled(disk):
        await_true(lambda: not kafka.running, 30, "the broker didn't notice that its disk was full")
        trial.inject()
        time.sleep(1)  # what was acknowledged before comes into the ledger
        before = len(line.ledger().entries)
        time.sleep(4)
        acknowledged = len(line.ledger().entries) - before
        assert not acknowledged, f"{acknowledged} events were acknowledged by a broker without room"
    kafka.start()


def fill_store(trial: Trial, line: Pipeline, archiver: Daemon, disk: Path) -> None:
    """Without room MinIO refuses writes, and the archiver waits: it neither ends nor passes a block over."""
    full, ends = archiver.log.read_text().count(_FULL), len(archiver.ends)
    with filled(disk):
        await_true(lambda: archiver.log.read_text().count(_FULL) > full, 30, "the archiver never met the full disk")
        trial.inject()
        before = archived_ends(line)
        time.sleep(5)
        assert archived_ends(line) == before, f"the vault went on from {before} to {archived_ends(line)} without room"
        assert len(archiver.ends) == ends, f"the archiver ended with {archiver.ends[-1].code}"


def archived_ends(line: Pipeline) -> list[int]:
    reader = line.reader()
    return [archived_offset(reader, origin) for origin in line.origins]


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a small file system in memory within; that needs root."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Leave no room on a disk within."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        try:
            while True:
                os.write(file.fileno(), bytes(1 << 16))
        except OSError:
            pass  # full, as wished
    try:
        yield
    finally:
        ballast.unlink()


@fault("F20", "32 concurrent conditional PUTs of one key", 20)
def race(trial: Trial) -> Outcome:
    trial.rig.minio.make_bucket("faults-f20")
    with environment(trial.rig.minio.client_environment()):
        vault = open_vault(f"s3://faults-f20/?endpoint={trial.rig.minio.endpoint}")
    until = datetime.now(UTC) + timedelta(hours=1)

    def won(key: str, content: bytes) -> bool:
        try:
            vault.put(key, content, until)
        except AlreadyStoredError:
            return False
        return True

    with ThreadPoolExecutor(_WRITERS) as pool:
        for number in range(trial.rounds):
            trial.inject()
            key = f"v1/race/{number}"
            contents = [os.urandom(1 << 16) for _ in range(_WRITERS)]
            winners = [
                content
                for content, stored in zip(
                    contents, pool.map(lambda one, key=key: won(key, one), contents), strict=True
                )
                if stored
            ]
            assert len(winners) == 1, f"{len(winners)} of {_WRITERS} writers were told that they had stored {key}"
            assert [entry.key for entry in vault.versions(key)].count(key) == 1, f"{key} has more than one version"
            assert vault.read(key) == winners[0], f"{key} holds another content than its winner's"
    return Outcome(len(trial.times), 0, 0, note=f"one winner of {_WRITERS} each time, whose bytes are stored")
