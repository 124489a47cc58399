"""Encryption at rest, as a writer asks a store for it and as the store's answers show it.

A store says in the headers of its answers how an object is encrypted on its disks. Nothing else shows it: the content
that it sends is the same. So an answer is the store's word, which keeps out an honest store's mistakes and no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from auditseal_schemas.errors import ConfigurationError, quoted
from auditseal_schemas.halt import Halt, HaltError


class Algorithm(StrEnum):
    """The header `x-amz-server-side-encryption`, as S3 has it."""

    SSE_S3 = "AES256"
    """With a key of the store."""
    SSE_KMS = "aws:kms"
    """With a key in a key management service, for which each reader needs a right of its own."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """How an object is encrypted at rest.

    Attributes:
        algorithm: One of `Algorithm`; an answer of a store may have another one.
        key_id: The key's identifier or ARN; empty with SSE-S3.
    """

    algorithm: str
    key_id: str = ""

    def __str__(self) -> str:
        return f"{self.algorithm} with the key {quoted(self.key_id)}" if self.key_id else self.algorithm

    def covers(self, asked: "Encryption") -> bool:
        """Return whether this is what was asked for. A store answers with a key's ARN, whose end is its identifier."""
        same_key = self.key_id == asked.key_id or self.key_id.endswith((f"/{asked.key_id}", f":{asked.key_id}"))
        return self.algorithm == asked.algorithm and (not asked.key_id or same_key)

    def arguments(self) -> dict[str, str]:
        """Return `put_object`'s arguments that ask for this encryption."""
        asked = {"ServerSideEncryption": self.algorithm}
        return asked | {"SSEKMSKeyId": self.key_id} if self.key_id else asked


def wanted_encryption(name: str | None, kms_key: str) -> Encryption | None:
    """Return the encryption that a setting asks for; None where it asks for none.

    Args:
        name: `SSE-S3`, `SSE-KMS`, or None.
        kms_key: The key's identifier or ARN, for SSE-KMS and for nothing else.

    Raises:
        ConfigurationError: The two don't fit, or the key is an alias.
    """
    if name != "SSE-KMS":
        if kms_key:
            raise ConfigurationError(f"the key {quoted(kms_key)} is for SSE-KMS: set the encryption to SSE-KMS")
        return Encryption(Algorithm.SSE_S3) if name else None
    if not kms_key or kms_key.rpartition(":")[2].startswith("alias/"):
        problem = f"{quoted(kms_key)} is an alias" if kms_key else "no key is named"
        raise ConfigurationError(f"SSE-KMS: {problem}: name the key's identifier or ARN, as the store's answers do")
    return Encryption(Algorithm.SSE_KMS, kms_key)


def answered_encryption(answer: dict[str, Any]) -> Encryption | None:
    """Return the encryption that boto3's answer to a PUT, GET or HEAD shows; None where it shows none."""
    algorithm = answer.get("ServerSideEncryption")
    return Encryption(algorithm, answer.get("SSEKMSKeyId", "")) if algorithm else None


def header_encryption(headers: Mapping[str, str]) -> Encryption | None:
    """Return the encryption that an answer's headers show, by names in lower case; None where they show none."""
    algorithm = headers.get("x-amz-server-side-encryption")
    return Encryption(algorithm, headers.get("x-amz-server-side-encryption-aws-kms-key-id", "")) if algorithm else None


def check_encryption(asked: Encryption | None, answered: Encryption | None, what: str) -> None:
    """Compare a store's answer with the encryption that was asked for; no answer is wrong where none was asked for.

    Args:
        asked: The encryption that was asked for.
        answered: The encryption that the answer shows.
        what: The object and its store, for the error.

    Raises:
        HaltError: NOT_ENCRYPTED; the answer shows another encryption, or none.
    """
    if asked and not (answered and answered.covers(asked)):
        found = f"it is encrypted by {answered}" if answered else "it is not encrypted at rest"
        raise HaltError(Halt.NOT_ENCRYPTED, f"{what}: {asked} was asked for, and the store's answer says that {found}")
