"""A proof as a file: a first line that names its kind, and one canonical Avro value."""

from dataclasses import dataclass
from typing import Any

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.schema import decode_value, encode_value


@dataclass(frozen=True, slots=True)
class ProofKind:
    """A kind of proof.

    Attributes:
        first_line: The file's first line, with its newline.
        schema: The schema of the value after it.
        most_bytes: The most bytes of a file.
    """

    first_line: bytes
    schema: str
    most_bytes: int

    def decode(self, data: bytes) -> dict[str, Any]:
        """Read a file strictly, and return its value.

        Raises:
            MalformedError: It is anything else, or exceeds the limit.
        """
        if len(data) > self.most_bytes:
            raise MalformedError("proof", f"it exceeds {self.most_bytes} bytes")
        if not data.startswith(self.first_line):
            raise MalformedError("proof", f"it does not begin with the line {self.first_line.decode().strip()!r}")
        return decode_value(self.schema, data.removeprefix(self.first_line))

    def encode(self, value: dict[str, Any]) -> bytes:
        """Return the file's bytes."""
        return self.first_line + encode_value(self.schema, value)
