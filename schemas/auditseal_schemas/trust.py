"""The trust file: all that verification trusts, in the form of the C2SP tlog policy, https://c2sp.org/tlog-policy.

# the audit logs of example.com
vault s3://audit-archive/?endpoint=https://s3.example.com
retention 2555
log audit.example.com/audit.events/0/0+1f2e3d4c+AVMqO…
start audit.example.com/audit.events/0/0 1200 6HmDMaIK9GBU6HsEQCCeoSjaMUAgyC5LYL47t4tPBnM=
index index.example.com+5a1cb0f2+AWc7…
person alice@example.com+0d9e13a7+ARn2…
schema audit.example.com/audit.events 7 56ad077e…
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from auditseal_schemas.errors import TrustError, VerificationError, quoted
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.origin import Origin
from auditseal_schemas.public_key import ED25519
from auditseal_schemas.registry_schema import PinnedSchema
from auditseal_schemas.verdict import Verdict

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)
_SPACE = re.compile(r"[ \t]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters, the line and paragraph separators, and the marks that turn the direction of writing
(https://www.unicode.org/reports/tr9/, section 2): with them a line looks different from the line that is read."""
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Start:
    """Where a log's check begins: the root of the tree of its first `height` headers."""

    height: int
    root: bytes


@dataclass(frozen=True, slots=True)
class PinnedLog:
    """A log that auditors expect.

    Attributes:
        origin: Its name.
        keys: The keys that sign its first block, or the one at `start`.
        start: Where its check begins; None for its first block.
        schemas: The meaning of the ids by which its records name a schema of a registry, in the order of the ids.
    """

    origin: Origin
    keys: tuple[VerifierKey, ...]
    start: Start | None = None
    schemas: tuple[PinnedSchema, ...] = ()

    @property
    def schema_lines(self) -> tuple[str, ...]:
        """The schemas as lines of a trust file."""
        topic = f"{self.origin.cluster}/{self.origin.topic}"
        return tuple(schema.line(topic) for schema in self.schemas)


@dataclass(frozen=True, slots=True)
class Trust:
    """A trust file.

    Attributes:
        logs: The pinned logs, in the file's order.
        vault: The URL of the vault; None where the file doesn't say.
        retention_days: The least retention that storage must show; None where the file asks for none.
        indexes: The keys of index logs, whose names are those of the indexes.
        people: The keys of the people who may sign legal holds, and the release of holds.
    """

    logs: tuple[PinnedLog, ...]
    vault: str | None = None
    retention_days: int | None = None
    indexes: tuple[VerifierKey, ...] = ()
    people: tuple[VerifierKey, ...] = ()

    def log_of(self, origin: Origin) -> PinnedLog:
        """Return the pinned log of an origin.

        Raises:
            VerificationError: MISSING_LOG; the file does not pin it.
        """
        for log in self.logs:
            if log.origin == origin:
                return log
        problem = f"the trust file does not pin {origin}: add its log line"
        raise VerificationError(Verdict.MISSING_LOG, "origin", problem)

    def index_of(self, name: str) -> VerifierKey:
        """Return the key of an index.

        Raises:
            VerificationError: MISSING_LOG; the file does not pin it.
        """
        for key in self.indexes:
            if key.name == name:
                return key
        problem = f"the trust file does not pin the index {quoted(name)}: add its index line"
        raise VerificationError(Verdict.MISSING_LOG, "index", problem)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a trust file.

        Raises:
            TrustError: A line is unknown, broken, doubled, about a log that isn't pinned or has a control character;
                it names the line.
        """
        reader = _Reader()
        for number, line in enumerate(_lines(data), start=1):
            _check_characters(number, line)
            words = [word for word in _SPACE.split(line.split("#", 1)[0]) if word]
            if words:
                reader.read(number, words)
        indexes, people = tuple(reader.indexes.values()), tuple(reader.people.values())
        return cls(reader.pinned(), reader.vault, reader.retention, indexes, people)


def _lines(data: bytes) -> list[str]:
    if len(data) > _MAX_BYTES:
        raise TrustError(f"the trust file exceeds {_MAX_BYTES} bytes")
    try:
        return data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise TrustError("the trust file is not UTF-8") from error


def _check_characters(number: int, line: str) -> None:
    """Refuse control characters, comments' too, because editors would differ in where a comment ends."""
    control = _CONTROL.search(line)
    if control:
        hint = ": end lines by a newline alone" if control[0] == "\r" else ""
        found = f"the control character U+{ord(control[0]):04X}{hint}"
        raise TrustError(f"line {number} of the trust file has {found}, at character {control.start() + 1}")


@dataclass(slots=True)
class _Reader:
    """What the lines so far have said."""

    vault: str | None = None
    retention: int | None = None
    keys: dict[Origin, dict[VerifierKey, None]] = field(default_factory=dict)
    starts: dict[Origin, tuple[int, Start]] = field(default_factory=dict)
    indexes: dict[str, VerifierKey] = field(default_factory=dict)
    people: dict[str, VerifierKey] = field(default_factory=dict)
    schemas: dict[tuple[str, str], dict[str, tuple[int, PinnedSchema]]] = field(default_factory=dict)
    line: int = 0

    def read(self, number: int, words: list[str]) -> None:
        self.line = number
        readers: dict[str, tuple[int, Callable[..., None]]] = {
            "log": (1, self._log),
            "vault": (1, self._vault),
            "retention": (1, self._retention),
            "start": (3, self._start),
            "index": (1, self._index),
            "person": (1, self._person),
            "schema": (3, self._schema),
        }
        arguments, read = readers.get(words[0], (-1, self._vault))
        if len(words) - 1 != arguments:
            known = (
                "log <vkey> · vault <url> · retention <days> · start <origin> <height> <root> · index <vkey> ·"
                " person <vkey> · schema <cluster>/<topic> <id> <sha256>"
            )
            raise TrustError(f"line {number} of the trust file, {quoted(words[0])}, isn't one of: {known}")
        try:
            read(*words[1:])
        except (ValueError, VerificationError) as error:
            raise TrustError(f"line {number} of the trust file: {error}") from error

    def _log(self, vkey: str) -> None:
        key = VerifierKey.parse(vkey)
        keys = self.keys.setdefault(Origin.parse(key.name), {})
        if key in keys:
            raise ValueError(f"the key {key.key_id.hex()} of {key.name} stands twice")
        keys[key] = None

    def _vault(self, url: str) -> None:
        if self.vault is not None:
            raise ValueError("there is more than one vault line")
        self.vault = url

    def _retention(self, days: str) -> None:
        if self.retention is not None:
            raise ValueError("there is more than one retention line")
        self.retention = _decimal(days)

    def _start(self, origin: str, height: str, root: str) -> None:
        pinned = Origin.parse(origin)
        if pinned in self.starts:
            raise ValueError(f"there is more than one start line for {origin}")
        if height == "0":
            raise ValueError("a log that is checked from height 0 needs no start line")
        if _decimal(height) > MAX_HEIGHT:
            raise ValueError(f"{height} is not a height: {MAX_HEIGHT} is the highest")
        self.starts[pinned] = self.line, Start(_decimal(height), _root(root))

    def _index(self, vkey: str) -> None:
        key = VerifierKey.parse(vkey)
        if key.name in self.indexes:
            raise ValueError(f"there is more than one index line for {key.name}")
        self.indexes[key.name] = key

    def _person(self, vkey: str) -> None:
        key = VerifierKey.parse(vkey)
        if key.name in self.people:
            raise ValueError(f"there is more than one person line for {key.name}")
        if key.algorithm != ED25519:
            raise ValueError(f"the key of {key.name} is not an Ed25519 key, which alone can sign statements")
        same = [other.name for other in self.people.values() if other.public == key.public]
        if same:
            raise ValueError(f"{key.name} has the key of {same[0]}: a release by two people needs two keys")
        self.people[key.name] = key

    def _schema(self, topic: str, schema_id: str, digest: str) -> None:
        log = Origin.parse(f"{topic}/0/0")
        known = self.schemas.setdefault((log.cluster, log.topic), {})
        if schema_id in known:
            raise ValueError(f"there is more than one schema line for {schema_id} of {topic}")
        known[schema_id] = self.line, PinnedSchema.parse(schema_id, digest)

    def pinned(self) -> tuple[PinnedLog, ...]:
        for origin, (number, _) in self.starts.items():
            if origin not in self.keys:
                raise TrustError(f"line {number} of the trust file starts {origin}, which no log line pins: add one")
        if not self.keys:
            raise TrustError("the trust file pins no log: add `log <vkey>`, as `auditseal keys show` prints it")
        topics = {(origin.cluster, origin.topic) for origin in self.keys}
        for topic, schemas in self.schemas.items():
            if topic not in topics:
                number = min(line for line, _ in schemas.values())
                problem = f"is about {'/'.join(topic)}, and no log line pins a log of that topic: add one"
                raise TrustError(f"line {number} of the trust file {problem}")
        starts = {origin: start for origin, (_, start) in self.starts.items()}
        return tuple(
            PinnedLog(origin, tuple(keys), starts.get(origin), self._schemas_of(origin))
            for origin, keys in self.keys.items()
        )

    def _schemas_of(self, origin: Origin) -> tuple[PinnedSchema, ...]:
        found = self.schemas.get((origin.cluster, origin.topic), {})
        return tuple(sorted(schema for _, schema in found.values()))


def _decimal(text: str) -> int:
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not a plain decimal number")
    return int(text)


def _root(text: str) -> bytes:
    try:
        root = b64decode(text, validate=True)
    except Base64Error as error:
        raise ValueError(f"{quoted(text)} is not base64") from error
    if len(root) != 32 or b64encode(root).decode() != text:
        raise ValueError(f"{quoted(text)} is not a root of 32 bytes")
    return root
