"""Files of `name=value` lines with librdkafka's settings, as Kafka's own tools take them."""

from collections.abc import Mapping
from pathlib import Path

from auditseal_schemas.errors import ConfigurationError

_MAX_BYTES = 1 << 20


def read_properties(path: Path) -> Mapping[str, str]:
    """Return the settings of a file in UTF-8, with or without a byte order mark.

    Blank lines and lines that begin with `#` are skipped. White space around names and values is left out; a line ends
    at a line feed and at nothing else, so that a password may have any other character.

    Raises:
        ConfigurationError: The file is something else, or has a name twice.
    """
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ConfigurationError(f"{path}: it is larger than {_MAX_BYTES} bytes: name a file of name=value lines")
    properties: dict[str, str] = {}
    for number, line in enumerate(_decode(path, content).split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not name:
            raise ConfigurationError(f"{path}: line {number} is not name=value")
        if "\0" in line:
            raise ConfigurationError(f"{path}: line {number} has a NUL byte: remove it")
        if name in properties:
            raise ConfigurationError(f"{path}: line {number} sets {name} a second time: remove one of the two")
        properties[name] = value
    return properties


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}: line {number} isn't UTF-8: save the file as UTF-8") from error
