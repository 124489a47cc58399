"""Vaults as the store's root user could make them: any listing, any content, any answer of an S3 server."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from math import inf
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.parsers import create_parser

from auditseal_schemas.errors import UnavailableError
from auditseal_vault.bulk_reader import read_each
from auditseal_vault.interface import ReadOutcome, Retention, StoredVersion
from auditseal_vault.s3 import S3Vault
from auditseal_vault.s3_client import Bucket

_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "fuzz", "AWS_SECRET_ACCESS_KEY": "fuzz"}
ENTRY_END, PART_END = b"\n", b"\t"


class MemoryVault:
    """A store that lists the given keys, and has one content for each key."""

    url = "memory:"

    def __init__(self, entries: Sequence[StoredVersion], contents: Mapping[str, bytes], default: bytes = b"") -> None:
        self._entries, self._contents, self._default = entries, contents, default

    @property
    def enforces_worm(self) -> bool:
        return False

    def versions(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        mine = (entry for entry in self._entries if entry.key.startswith(prefix) and entry.key > after)
        return islice(mine, limit)

    def holds(self, key: str) -> bool:
        return any(entry.key == key for entry in self._entries)

    def read(self, key: str, version_id: str = "") -> bytes:
        return self._contents.get(key, self._default)

    def versions_of(self, key: str) -> Sequence[StoredVersion]:
        return [entry for entry in self.versions(key) if entry.key == key]

    def read_many(self, versions: Iterable[StoredVersion]) -> Iterator[ReadOutcome]:
        return read_each(self, versions)

    def legal_hold(self, key: str, version_id: str) -> bool:
        return False

    def encryption(self, key: str, version_id: str) -> None:
        return None

    def retention(self, key: str, version_id: str) -> Retention | None:
        raise UnavailableError("a store in memory has no locks")


def stored(key: str, version_id: str = "", *, is_delete_marker: bool = False) -> StoredVersion:
    """Return an entry of a listing."""
    return StoredVersion(key, version_id, is_latest=True, is_delete_marker=is_delete_marker, size=1)


def parse_entries(data: bytes) -> list[StoredVersion]:
    """Return a listing of lines `key TAB version TAB marker`, in the order of the keys that a store keeps."""
    entries = []
    for line in data.split(ENTRY_END):
        key, version_id, marker, *_ = (*line.split(PART_END), b"", b"")
        entries.append(stored(_text(key), _text(version_id), is_delete_marker=bool(marker)))
    return sorted(entries, key=lambda entry: entry.key.encode())


def _text(data: bytes) -> str:
    """Return the text that a store's data may become: any code points but lone surrogates, no longer than S3 has it."""
    return data[:1024].decode(errors="replace")


class ScriptedStore:
    """An S3 vault whose every request is answered by `answer`, through botocore's own parser; nothing is sent."""

    def __init__(self) -> None:
        self.status, self.content = 200, b""
        with patch.dict(os.environ, _CREDENTIALS):  # else boto3 looks for some on the network
            self.vault = S3Vault(Bucket("bucket", "", "http://127.0.0.1:1", "us-east-1"))
        self.vault._client._next_renewal = inf  # another client would send
        self.vault._client.boto3.meta.events.register("before-call.s3", self._respond)
        self._parser = create_parser("rest-xml")

    def answer(self, content: bytes, status: int = 200) -> S3Vault:
        """Let every request be answered by this, and return the vault."""
        self.content, self.status = content, status
        return self.vault

    def _respond(self, model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        headers = {"content-type": "application/xml"}
        answer = {"status_code": self.status, "headers": headers, "body": self.content}
        events = self.vault._client.boto3.meta.events
        event = f"before-parse.s3.{model.name}"
        events.emit(event, operation_model=model, response_dict=answer, customized_response_dict={})
        parsed = self._parser.parse(answer, model.output_shape)
        return AWSResponse("http://127.0.0.1:1", answer["status_code"], headers, None), parsed


@cache
def scripted_store() -> ScriptedStore:
    """Return the one scripted store of this process: a client takes a while to make."""
    return ScriptedStore()
