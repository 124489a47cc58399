"""Adds log lines to a trust file: when a topic gets more partitions, each new log has to be pinned."""

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust


@dataclass(frozen=True, slots=True)
class TrustLines:
    """A trust file, and the log lines that it lacks.

    Attributes:
        path: The file; where it is a link, the file that it leads to.
        content: Its content.
        lines: The lines to add.
    """

    path: Path
    content: bytes
    lines: tuple[str, ...]

    @classmethod
    def lacking(cls, path: Path, origins: Iterable[Origin], read_keys: Callable[[], Sequence[bytes]] | None) -> Self:
        """Find the origins that a trust file doesn't pin; change nothing.

        Args:
            path: The trust file.
            origins: The logs that it has to pin, all of one topic.
            read_keys: Returns the keys that sign them, each as type ‖ public key, where a line is lacking; None where
                no key is named.

        Raises:
            TrustError: The file isn't valid.
            ConfigurationError: The file can't be read; or it lacks a log, and no key is named, or one that the file
                doesn't pin for another log of the topic.
        """
        try:
            path = path.resolve(strict=True)
            content = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"the trust file {path} can't be read: {error}") from error
        trust, wanted = Trust.parse(content), list(origins)
        pinned = {log.origin for log in trust.logs}
        missing = [origin for origin in wanted if origin not in pinned]
        if not missing:
            return cls(path, content, ())
        if read_keys is None:
            problem = f"{path} doesn't pin {missing[0]}{' and other logs' if missing[1:] else ''}"
            raise ConfigurationError(f"{problem}: add the lines of `auditseal keys show`, or name the key (--key-file)")
        keys = read_keys()
        _check_known(trust, wanted, keys[0], path)
        lines = (f"log {VerifierKey.from_blob(str(origin), key)}" for origin in missing for key in keys)
        return cls(path, content, tuple(lines))

    def write(self) -> None:
        """Add the lines, all at once: a process that dies leaves the file as it was, or with all lines.

        Raises:
            ConfigurationError: The file was changed meanwhile, or can't be written.
        """
        if not self.lines:
            return
        separator = b"" if self.content.endswith(b"\n") or not self.content else b"\n"
        content = self.content + separator + "".join(f"{line}\n" for line in self.lines).encode()
        Trust.parse(content)
        try:
            if self.path.read_bytes() != self.content:
                raise ConfigurationError(f"{self.path} was changed by someone else meanwhile: run the command again")
            _replace(self.path, content)
        except OSError as error:
            raise ConfigurationError(f"the trust file {self.path} can't be written: {error}") from error


def _check_known(trust: Trust, origins: Sequence[Origin], blob: bytes, path: Path) -> None:
    """Check that the key is one that the file pins for a log of the topic, if it pins any."""
    topic = (origins[0].cluster, origins[0].topic)
    keys = {
        key.algorithm + key.public
        for log in trust.logs
        if (log.origin.cluster, log.origin.topic) == topic
        for key in log.keys
    }
    if keys and blob not in keys:
        raise ConfigurationError(
            f"the key isn't one that {path} pins for {'/'.join(topic)}: is it another topic's? After a rotation of"
            " keys, add the lines of `auditseal keys show` yourself"
        )


def _replace(path: Path, content: bytes) -> None:
    """Replace a file's content durably; its mode stays."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        draft = Path(file.name)
        try:
            file.write(content)
            file.flush()
            draft.chmod(path.stat().st_mode & 0o7777)
            os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
