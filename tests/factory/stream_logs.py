"""Vaults whose events belong to streams, and the commands on them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from typer.testing import CliRunner, Result

from auditseal.cli import app
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.event_parts import Actor, Outcome, Resource, Source, Stream
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_sealer.key_file import store_key
from tests.factory.keys import keys_of, signing_key
from tests.factory.messages import Message

NAME = "index.example.com"
SIGNER = SigningKey.from_seed(bytes(range(9, 41)))
START_MS = int(datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp() * 1000)
_KEY = signing_key("streams")
_LIMITS = BlockLimits()


class Sealed(NamedTuple):
    """An event as it is in a log: `at` is in seconds after `START_MS`, `event` tells events of one number apart."""

    stream: str
    number: int
    at: float = 0.0
    event: int = 0
    kind: str | None = None
    service: str = "billing"
    attributes: Mapping[str, str] = {}

    def encoded(self) -> bytes:
        """Return the event's bytes."""
        digest = sha256(repr((self.stream, self.number, self.event)).encode()).hexdigest()
        event_id = f"01900000-0000-7000-8000-{digest[:12]}"
        return encode_event(
            AuditEvent(
                event_id=event_id,
                event_type=self.kind,
                occurred_at=datetime.fromtimestamp(START_MS / 1000 + self.at, UTC),
                source=Source(service=self.service, environment="test"),
                actor=Actor("user", "u-1"),
                action="read",
                resources=[Resource("file", "f-1")],
                outcome=Outcome.SUCCESS,
                stream=Stream(self.stream, self.number),
                attributes=self.attributes,
            )
        )


class StreamVault:
    """A directory vault with a log for each partition, its trust file, and a key for certificates."""

    def __init__(self, folder: Path, partitions: int = 1) -> None:
        self.folder, self.trust = folder / "vault", folder / "trust.txt"
        self.folder.mkdir()
        self.certificate = folder / "certificate"
        self._key, self._passphrase = folder / "index.pem", folder / "passphrase"
        self._passphrase.write_text("correct horse\n")
        self._passphrase.chmod(0o600)
        store_key(self._key, SIGNER, "correct horse")
        origins = [Origin("streams.example.com", "audit.events", number, 0) for number in range(partitions)]
        self._states = [LogState.genesis(origin, keys_of(origin, _KEY)) for origin in origins]
        lines = [f"log {key}\n" for origin in origins for key in keys_of(origin, _KEY)]
        self.trust.write_text("".join([*lines, f"index {VerifierKey(NAME, SIGNER.public)}\n"]))

    def seal(self, values: Sequence[Sealed | bytes | None], partition: int = 0, timestamp: int | None = None) -> None:
        """Seal one block; the timestamp of a record is its event's time unless one is given."""
        state = self._states[partition]
        offset = 0 if state.head is None else state.head.last_offset + 1
        draft = BlockDraft(state, _LIMITS)
        messages = [
            Message(
                offset + number,
                value.encoded() if isinstance(value, Sealed) else value,
                b"key",
                None,
                timestamp if timestamp is not None else self._time(value),
            )
            for number, value in enumerate(values)
        ]
        assert draft.extend(messages) == len(messages)
        identity = SourceIdentity("cluster", "topic", len(self._states), 0)
        block = draft.seal(identity, [_KEY], now=(START_MS + state.frontier.size) * 1000, sealer="test/1")
        path = self.folder / block.header.origin.block_key(block.header.height)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(block.format())
        self._states[partition] = LogState.after(block, state.keys)

    def run(self, *words: str) -> Result:
        """Run `auditseal streams`."""
        where = ["--trust", str(self.trust), "--vault", self.folder.as_uri(), "--jobs", "1"]
        return CliRunner().invoke(app, ["streams", *where, *words])

    def certify(self, *words: str) -> Result:
        """Make a certificate."""
        key = ["--key", str(self._key), "--passphrase-file", str(self._passphrase)]
        return self.run("--certificate", str(self.certificate), *key, *words)

    @staticmethod
    def _time(value: Sealed | bytes | None) -> int:
        return START_MS + int(value.at * 1000) if isinstance(value, Sealed) else START_MS
