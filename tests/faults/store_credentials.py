"""F28: the store's keys are changed under running daemons, and renewed in the file that they read them from."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from auditseal_local.minio import Credentials, MinioNode
from tests.faults.broker_credentials import check_one_life
from tests.faults.daemon import Daemon, await_true
from tests.faults.fault import Outcome, Trial
from tests.faults.observed import metrics, readiness
from tests.faults.rig import Rig
from tests.faults.storage import archived_ends

_DRAIN = 90.0  # s
_REFUSED = 5.0  # s for which the keys stay wrong


def renewed_keys(trial: Trial) -> Outcome:
    """Change the store's keys, and after the archiver says that it is refused, the daemons' file."""
    with Rig(trial.rig.folder / "f28", trial.rig.seed) as rig:
        line = rig.pipeline("f28")
        keys = line.folder / "credentials"
        write_keys(keys, rig.minio)
        daemons = line.sealer(static=True), line.archiver(static=True)
        for daemon in daemons:
            read_keys_from(daemon, keys)
        sealer, archiver = daemons
        with sealer, archiver:
            with line.load():
                line.await_flow()
                for _ in range(trial.rounds):
                    change_keys(rig.minio)
                    trial.inject()
                    await_true(
                        lambda: "SignatureDoesNotMatch" in readiness(archiver).get("store", ""),
                        60,
                        "the archiver didn't show that the store refuses it",
                    )
                    assert "auditseal_store_available 0.0\n" in metrics(archiver)
                    assert_still(_REFUSED, lambda: archived_ends(line))
                    write_keys(keys, rig.minio)
                    line.await_flow(90)
            line.await_archived(_DRAIN)
        check_one_life(*daemons)
        return trial.judge(line)


def assert_still(seconds: float, value: Callable[[], object]) -> None:
    """Check that a value stays as it is for some seconds."""
    before = value()
    time.sleep(seconds)
    assert value() == before, f"it was {before}, and is {value()}"


def change_keys(store: MinioNode) -> None:
    """Give the store's user another password; only a start of the store can do that."""
    path = store.directory / "credentials.json"
    store.stop()
    old = json.loads(path.read_text())
    path.write_text(json.dumps({**old, "secret_key": f"{time.monotonic_ns():024d}"}))
    store.credentials = Credentials.keep(path)
    store.start()


def write_keys(path: Path, store: MinioNode) -> None:
    """Write the store's present keys where the daemons read them, in place."""
    path.write_text(f"[default]\naws_access_key_id = {store.access_key}\naws_secret_access_key = {store.secret_key}\n")


def read_keys_from(daemon: Daemon, path: Path) -> None:
    """Let a daemon have its keys from a file alone."""
    daemon.environment.update(AWS_SHARED_CREDENTIALS_FILE=str(path), AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
