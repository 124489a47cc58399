"""The demo's script: each step is a function, in the order in which it happens."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

from auditseal.demo.command import run_command
from auditseal.demo.environment import environment_with
from auditseal.demo.folder import BLOCKS_TOPIC, CLUSTER, EVENTS_TOPIC, PARTITIONS, DemoFolder
from auditseal.demo.ledger import Ledger, archived_offset
from auditseal.demo.processes import Processes
from auditseal.demo.services import SERVICES
from auditseal.demo.store import DirectoryStore, MinioStore, Store
from auditseal.demo.tamper import Tampering, tamper
from auditseal_local.descendants import leaving_no_process
from auditseal_local.errors import LocalStackError
from auditseal_local.kafka import KafkaNode
from auditseal_local.progress import Progress
from auditseal_schemas.block import Block
from auditseal_schemas.origin import Origin
from auditseal_vault.interface import VaultReader

_SEED = 2026
_PUBLISH_SECONDS = 120
_ARCHIVE_SECONDS = 120
_POLL_SECONDS = 0.2

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Heads:
    """The contents of the vault at the end."""

    events: int
    blocks: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Running:
    """The pipeline while it runs.

    Attributes:
        heads: The contents of the vault after the services' first events.
        processes: Starts more processes next to it.
        bootstrap_servers: Its brokers.
    """

    heads: Heads
    processes: Processes
    bootstrap_servers: str


@dataclass(frozen=True, slots=True)
class Demo:
    """One run of the demo.

    Attributes:
        folder: Its folder.
        store: Where blocks are locked.
        events: How many events the services record together.
        tell: Called with a line when something is done.
        progress: Called with the name of a long step.
    """

    folder: DemoFolder
    store: Store
    events: int
    tell: Tell
    progress: Progress

    @property
    def origins(self) -> list[Origin]:
        """The logs, one a partition."""
        return [Origin(CLUSTER, EVENTS_TOPIC, partition, 0) for partition in range(PARTITIONS)]

    @contextmanager
    def pipeline(self) -> Iterator[Running]:
        """Run everything up to the vault's verification, and keep it running during the `with` block."""
        with leaving_no_process(), ExitStack() as running:
            kafka = KafkaNode(self.folder.directory / "kafka", progress=self.progress)
            processes = Processes(self._environment(kafka), self.folder.logs)
            with ThreadPoolExecutor(1) as meanwhile:  # the broker takes the longest to start
                key = meanwhile.submit(self._make_key, processes)
                running.enter_context(kafka)
            key.result()
            self.tell(f"a real Kafka runs at {kafka.bootstrap_servers}")
            running.enter_context(self.store)
            self.tell(self.store.described)
            processes.command("topics", "create", "--partitions", str(PARTITIONS), "--replication", "1")
            self.tell(f"key, trust file and topics are made: {PARTITIONS} partitions, one log each")
            daemons = running.enter_context(processes.daemons({"sealer": ("--genesis",), "archiver": ()}))
            self.tell("sealer and archiver run, as processes of their own")
            self._publish(processes, kafka)
            reader = self.store.reader()
            self._await_archive(reader, lambda: processes.check_running(list(daemons.values())))
            yield Running(self._heads(reader), processes, kafka.bootstrap_servers)

    def _environment(self, kafka: KafkaNode) -> dict[str, str]:
        """Return the environment of daemons and commands; docs/reference/configuration.md lists every key."""
        return {
            **self.store.environment(),
            "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "AUDITSEAL_CLUSTER": CLUSTER,
            "AUDITSEAL_VAULT": self.store.url,
            "AUDITSEAL_EVENTS_TOPIC": EVENTS_TOPIC,
            "AUDITSEAL_BLOCKS_TOPIC": BLOCKS_TOPIC,
            "AUDITSEAL_SEALER__KEY_FILE": str(self.folder.signing_key),
            "AUDITSEAL_SEALER__PASSPHRASE_FILE": str(self.folder.passphrase),
            "AUDITSEAL_SEALER__REPLICATION": "1",
            "AUDITSEAL_SEALER__BLOCK_AGE": "0.25",  # so that there is more than one block to see
            "AUDITSEAL_ARCHIVER__TRUST_FILE": str(self.folder.trust),
            "AUDITSEAL_ARCHIVER__RETENTION_DAYS": "1",
        }

    def _make_key(self, processes: Processes) -> None:
        """Make the key and the trust file."""
        self.folder.keep_passphrase()
        key = [str(self.folder.signing_key), "--passphrase-file", str(self.folder.passphrase)]
        lines = processes.command("keys", "new", *key, "--partitions", str(PARTITIONS))
        self.folder.trust.write_text(f"# Everything that the verification trusts.\n{self.store.trust_lines}{lines}")

    def _publish(self, processes: Processes, kafka: KafkaNode) -> None:
        """Run the services, each as a process, and gather the events that they meant to record."""
        shares = _shares(self.events, len(SERVICES))
        parts = {name: self.folder.logs / f"{name}.jsonl" for name in SERVICES}
        began = time.monotonic()
        common = [kafka.bootstrap_servers, EVENTS_TOPIC]
        commands = {
            name: [name, *common, str(share), str(_SEED), str(parts[name])]
            for name, share in zip(SERVICES, shares, strict=True)
        }
        self.progress(f"{len(SERVICES)} services publish {self.events:,} events")
        processes.run_together("auditseal.demo.publish", commands, _PUBLISH_SECONDS)
        with self.folder.events.open("wb") as events:
            for part in parts.values():
                events.write(part.read_bytes())
                part.unlink()
        self.tell(f"{len(SERVICES)} services recorded {self.events:,} events in {time.monotonic() - began:.1f} s")

    def _await_archive(self, reader: VaultReader, check: Callable[[], None]) -> None:
        """Wait until the vault accounts for every recorded event."""
        ledger = Ledger.read(self.folder.events)
        wanted = {origin: ledger.last_offset(origin.partition) for origin in self.origins}
        empty = [str(origin) for origin, last in wanted.items() if last < 0]
        if empty:
            raise LocalStackError(
                f"no event went to {', '.join(empty)}, so its log would be missing: record more (--events)"
            )
        deadline = time.monotonic() + _ARCHIVE_SECONDS
        while missing := {origin: last for origin, last in wanted.items() if archived_offset(reader, origin) < last}:
            check()
            if time.monotonic() > deadline:
                raise LocalStackError(
                    f"{len(missing)} logs aren't archived after {_ARCHIVE_SECONDS} s: see {self.folder.logs}"
                )
            self.progress(f"{len(missing)} of {PARTITIONS} logs are not fully archived yet")
            time.sleep(_POLL_SECONDS)
        missing_events, twice, strangers = ledger.differences(reader, self.origins)
        if missing_events or twice or strangers:
            raise LocalStackError(f"{missing_events} events missing, {twice} sealed twice, {strangers} never recorded")
        self.tell("every recorded event is sealed, signed and archived, exactly once")

    def _heads(self, reader: VaultReader) -> Heads:
        events, blocks, lines = 0, 0, []
        for origin in self.origins:
            for stored in reader.versions(origin.blocks_prefix):
                block = Block.parse(reader.read(stored.key, stored.version_id))
                events, blocks = events + block.header.count, blocks + 1
            lines.append(f"{origin}  size {block.checkpoint.size}  root {block.checkpoint.root.hex()[:16]}…")
        return Heads(events, blocks, tuple(lines))

    def verify(self, vault_url: str) -> int:
        """Run `auditseal verify` as a person would, its output shown, and return its exit code."""
        return run_command(self._verify(vault_url), environment_with(self.store.environment()), None).returncode

    def verify_copy(self, tampering: Tampering) -> None:
        """Verify the copy as a person would, and once more to check the result, both at the same time.

        Raises:
            LocalStackError: The verification does not find the tampering.
        """
        with ThreadPoolExecutor(1) as meanwhile:
            caught = meanwhile.submit(self.check_caught, tampering)
            self.verify(self.folder.copy.as_uri())
        caught.result()

    def check_caught(self, tampering: Tampering) -> None:
        """Check that the verification of the copy finds the tampering at its place, and nothing else.

        Raises:
            LocalStackError: It finds something else, or nothing.
        """
        environment = environment_with(self.store.environment())
        done = run_command([*self._verify(self.folder.copy.as_uri()), "--json"], environment, PIPE)
        if not done.stdout:
            raise LocalStackError(f"the tampered copy couldn't be verified: {done.stderr.strip()}")
        tampering.check_found(json.loads(done.stdout))

    def _verify(self, vault_url: str) -> list[str]:
        return ["verify", "--vault", vault_url, "--trust", str(self.folder.trust)]

    def next_commands(self, tampering: Tampering) -> list[str]:
        """Return the commands to try next: they show the sealed event and the finding of the changed one."""
        command, trust = _program(), f"--trust {self.folder.trust}"
        vault, copy = self.folder.vault.as_uri(), self.folder.copy.as_uri()
        index, proof = self.folder.index, self.folder.directory / "event.tlog-proof"
        return [
            f"{command} verify --vault {vault} {trust}",
            f"{command} show --vault {vault} {trust} {tampering.origin} --offset {tampering.offset}",
            f"{command} verify --json --vault {copy} {trust}",
            f"{command} index build --vault {vault} {trust} --index {index}",
            f"{command} search --vault {vault} {trust} --index {index} 'outcome = DENIED' --limit 5",
            f"{command} tail --vault {vault} {trust} 'resource.type = role'",
            f"{command} export --vault {vault} {trust} --index {index} 'tenant = acorn' --format csv",
            f"{command} prove --vault {vault} {trust} {tampering.origin} --offset {tampering.offset} -o {proof}",
            f"{command} check-proof {trust} {proof}",
        ]

    def explore_command(self) -> str:
        """Return the command that opens the vault which the demo leaves in a browser."""
        vault = self.folder.vault.as_uri()
        return f"{_program()} explore --open --vault {vault} --trust {self.folder.trust} --index {self.folder.index}"

    def copy_and_tamper(self) -> Tampering:
        """Copy the vault to a directory, and change one byte of one event there."""
        self._download(self.folder.copy)
        return tamper(self.folder.copy)

    def keep_vault(self) -> None:
        """Keep the blocks in the folder after everything has stopped."""
        if not self.folder.vault.exists():
            self._download(self.folder.vault)

    def _download(self, directory: Path) -> None:
        reader = self.store.reader()
        for origin in self.origins:
            for stored in reader.versions(origin.blocks_prefix):
                path = directory / stored.key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(reader.read(stored.key, stored.version_id))


def make_store(kind: str, folder: DemoFolder, progress: Progress) -> Store:
    """Return the store of a kind: `directory` or `minio`."""
    return MinioStore(folder, progress) if kind == "minio" else DirectoryStore(folder)


def _program() -> str:
    """Return how this program is run again."""
    return "auditseal" if shutil.which("auditseal") else sys.argv[0]


def _shares(total: int, parts: int) -> list[int]:
    """Split a number as evenly as it goes."""
    return [total // parts + (number < total % parts) for number in range(parts)]
