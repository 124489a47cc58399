"""The parts of a soak besides sealer and archiver: daemons that read the vault, the gateway, and those who use them.

Each of these daemons is started as an operator starts it. The gateway's clients write what it acknowledged into the
pipeline's ledger, so the oracle judges their events as well.
"""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from auditseal_daemon.topic_rules import TopicRules
from auditseal_daemon.topics import create_topics
from auditseal_local.ports import free_ports
from auditseal_sealer.key_file import store_key
from auditseal_vault.log_reader import LogReader
from tests.factory.gateway import EVENT, JSON, PATH, TOKENS, clients_file, exchange
from tests.factory.people import ALICE, BOB, PEOPLE, SIGNERS
from tests.faults.daemon import Daemon, run_command
from tests.faults.ledger import Entry, format_entry
from tests.faults.rig import Pipeline

_BATCH = 10  # events of a request to the gateway
_HELD = 10  # blocks of a case
_ANSWER_SECONDS = 300  # a soak asks whether parts last, not how quick they are
_PAGES = ("/", "/logs", "/api/v1/search?q=outcome+%3D+DENIED", "/api/v1/search?q=actor+%3D+u-0042")


def watcher(line: Pipeline) -> Daemon:
    """Return a watcher of the pipeline's vault that hasn't started."""
    settings = {
        "AUDITSEAL_WATCH__TRUST_FILE": str(line.trust_file),
        "AUDITSEAL_WATCH__STATE_FILE": str(line.folder / "heads.json"),
    }
    return _daemon(line, "watch", ["watch", "--state-new"], line.environment() | settings)


def index(line: Pipeline) -> Daemon:
    """Return a follower of the pipeline's vault that hasn't started."""
    return _daemon(line, "index", ["index", "follow", *line.vault_options(), "--index", str(_index(line))])


def streams(line: Pipeline) -> Daemon:
    """Return a follower of the vault's streams that hasn't started."""
    kept = ["--state", str(line.folder / "streams"), "--expect", "records=600", "--expect", "billing=600"]
    return _daemon(line, "streams", ["streams", "--follow", *line.vault_options(), *kept])


class Explorer:
    """An explorer of the vault and the index, and an auditor who opens its pages.

    Attributes:
        requests: Pages that were shown.
        refusals: Pages in whose place it asked to try again later (status 503); each is printed.
    """

    def __init__(self, line: Pipeline) -> None:
        self.requests = self.refusals = 0
        (self.port,) = free_ports(1)
        command = ["explore", *line.vault_options(), "--index", str(_index(line)), "--port", str(self.port)]
        self.daemon = _daemon(line, "explorer", command)

    def read(self) -> None:
        """Open some pages; each has to be shown, or to be asked for later."""
        for page in _PAGES:
            answer = exchange(self.port, "GET", page, seconds=_ANSWER_SECONDS)
            if answer.status == 503:
                self.refusals += 1
                print(f"the explorer refused {page}: {answer.body!r}", flush=True)
                continue
            assert answer.status == 200, f"{page} has status {answer.status}: {answer.body!r}"
            assert answer.body, f"{page} is empty"
            self.requests += 1


class Gateway:
    """A gateway into the pipeline's events topic, and a client that keeps a ledger of its `requests`' events."""

    def __init__(self, line: Pipeline) -> None:
        self.requests = 0
        (self.port,) = free_ports(1)
        settings = {
            "AUDITSEAL_GATEWAY__CLIENTS_FILE": str(clients_file(line.folder / "clients.toml")),
            "AUDITSEAL_GATEWAY__PORT": str(self.port),
            "AUDITSEAL_GATEWAY__ACK_SECONDS": str(_ANSWER_SECONDS),
        }
        self.daemon = _daemon(line, "gateway", ["gateway"], line.environment() | settings)
        self._ledger = line.folder / "gateway-ledger.txt"
        line.ledgers.append(self._ledger)

    def post(self) -> None:
        """Send a request of some events, which has to be acknowledged."""
        headers = {"Authorization": f"Bearer {TOKENS['billing']}", "Content-Type": JSON}
        body = json.dumps([EVENT] * _BATCH).encode()
        answer = exchange(self.port, "POST", PATH, body, headers, seconds=_ANSWER_SECONDS)
        assert answer.status == 200, f"the gateway answered {answer.status}: {answer.body!r}"
        self.requests += 1
        with self._ledger.open("a") as ledger:
            for result in answer.results:
                stream = result["stream"]
                place = (result["partition"], result["offset"])
                ledger.write(format_entry(Entry(*place, stream["id"], stream["sequence"], result["sha256"])))


class Holds:
    """Two people who hold blocks for cases, and release them. From the first turn on one case is held.

    Their steps are recorded in a topic of their own, because the oracle knows the events of the load alone.

    Attributes:
        cases: Cases that were made. All but the last one were released.
    """

    def __init__(self, line: Pipeline) -> None:
        self.cases, self._line = 0, line
        self._log = LogReader(line.reader(), line.origins[0])
        own = f"{line.name}.own"
        create_topics(line.rig.cluster(), TopicRules(1, replication=line.rig.replicas), own, f"{own}-blocks")
        self._environment = {**line.environment(), "AUDITSEAL_ENVIRONMENT": "soak", "AUDITSEAL_EVENTS_TOPIC": own}
        for name in (ALICE, BOB):
            store_key(self._key(name), SIGNERS[name], line.passphrase.read_text())
        with line.trust_file.open("a") as trust:
            trust.writelines(f"person {key}\n" for key in PEOPLE)

    def turn(self) -> None:
        """Hold the last blocks of a log for a new case, release the case before, and look at both."""
        head = self._log.height()
        assert head is not None, "a soak has blocks before anyone holds them"
        heights = f"{max(0, head - _HELD + 1)}-{head}"
        self._sign(ALICE, "add", _case(self.cases), "--origin", str(self._log.origin), "--heights", heights)
        if self.cases:
            self._sign(ALICE, "release", _case(self.cases - 1))
            self._sign(BOB, "release", _case(self.cases - 1), "--approve", "--yes")
        listed = {case["case"]: case["state"] for case in json.loads(self._run("list", "--json"))["cases"]}
        before = dict.fromkeys(map(_case, range(self.cases)), "released")
        assert listed == before | {_case(self.cases): "held"}, listed
        self._run("check")
        self.cases += 1

    def _sign(self, person: str, *words: str) -> None:
        self._run(*words, "--key", str(self._key(person)), "--passphrase-file", str(self._line.passphrase))

    def _run(self, *words: str) -> str:
        return run_command(self._environment, "hold", *words, *self._line.vault_options())

    def _key(self, person: str) -> Path:
        return self._line.folder / f"{person}.pem"


class Repeated:
    """Calls a function at an interval in a thread, within. An error ends the calls, and is raised at the end."""

    def __init__(self, call: Callable[[], object], every: float) -> None:
        self._call, self._every = call, every
        self._stop, self._error = threading.Event(), list[BaseException]()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._every):
                self._call()
        except BaseException as error:  # raised where it is waited for
            self._error.append(error)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        if self._error and kind is None:
            raise self._error[0]


def replicate(line: Pipeline) -> None:
    """Copy what the second copy of the vault, a directory, lacks."""
    copy = line.folder / "copy"
    copy.mkdir(exist_ok=True)
    run_command(line.environment(), "replicate", *line.vault_options(), "--to", copy.as_uri())


def compare(line: Pipeline) -> None:
    """Verify the vault and its second copy, and compare both."""
    run_command(line.environment(), "verify", *line.vault_options(), "--copy", (line.folder / "copy").as_uri())


def _case(number: int) -> str:
    return f"SOAK-{number:04}"


def _daemon(line: Pipeline, name: str, command: Sequence[str], environment: dict[str, str] | None = None) -> Daemon:
    variables = line.rig.minio.client_environment() if environment is None else environment
    return Daemon(name, "auditseal", variables, line.folder / f"{name}.log", *command)


def _index(line: Pipeline) -> Path:
    return line.folder / "index"
