"""Origin: the name of a log, which auditors pin and never take from the data."""

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from auditseal_schemas.errors import MalformedError, quoted
from auditseal_schemas.lazy_property import lazy_property
from auditseal_schemas.limits import MAX_TEXT

_CLUSTER = re.compile(r"[a-z0-9.-]+", re.ASCII)
_TOPIC = re.compile(r"[a-zA-Z0-9._-]+", re.ASCII)
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_GENESIS = "auditseal/v1\n{}\n"


@dataclass(frozen=True)
class Origin:
    """One partition of one events topic in one run: `<cluster>/<topic>/<partition>/<run>`.

    Raises:
        MalformedError: A part has characters that its kind doesn't allow, or the whole exceeds 255 characters.
    """

    cluster: str
    topic: str
    partition: int
    run: int

    def __post_init__(self) -> None:
        for part, pattern in ((self.cluster, _CLUSTER), (self.topic, _TOPIC)):
            if not pattern.fullmatch(part) or part in {".", ".."}:
                raise MalformedError("origin", f"{quoted(part)} doesn't fit {pattern.pattern}")
        if not (0 <= self.partition < 10**9 and 0 <= self.run < 10**9):
            raise MalformedError("origin", "partition and run go from 0 to 999999999")
        if len(str(self)) > MAX_TEXT:
            raise MalformedError("origin", f"it is longer than {MAX_TEXT} characters")

    @staticmethod
    def parse(text: str) -> "Origin":
        """Read an origin; `str(origin)` is its only spelling."""
        return _read(text)

    def __str__(self) -> str:
        return f"{self.cluster}/{self.topic}/{self.partition}/{self.run}"

    @lazy_property
    def genesis_link(self) -> bytes:
        """The link before the log's first record, and the `previous` of its first header."""
        return sha256(_GENESIS.format(self).encode()).digest()

    @property
    def blocks_prefix(self) -> str:
        """The prefix of the log's block objects in a vault."""
        return f"v1/{self}/blocks/"

    def block_key(self, height: int) -> str:
        """Return the object key of a block: the height alone, so that two blocks of one height collide."""
        return f"{self.blocks_prefix}{height:012d}.avro"


@lru_cache(maxsize=1024)
def _read(text: str) -> Origin:
    """Read an origin; each block has its log's twice, and a log has many blocks."""
    parts = text.split("/")
    if len(parts) != 4 or not all(_DECIMAL.fullmatch(number) for number in parts[2:]):
        raise MalformedError("origin", f"{quoted(text)} is not <cluster>/<topic>/<partition>/<run>")
    return Origin(parts[0], parts[1], int(parts[2]), int(parts[3]))
