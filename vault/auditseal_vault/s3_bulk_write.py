"""Many new objects of a bucket, written with one request each and many requests in flight.

This is the short way for answers that leave no question open. After every other answer the object is written again by
the vault's own verb, which repeats, renews credentials and says what is wrong. A write that happened is not repeated:
the store refuses the second one.
"""

from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from auditseal_vault.encryption import Encryption, check_encryption, header_encryption
from auditseal_vault.errors import AlreadyStoredError
from auditseal_vault.http_connections import HttpAnswer, HttpRequest
from auditseal_vault.interface import NewObject, Vault
from auditseal_vault.s3_client import S3Client
from auditseal_vault.s3_write import locked_write, write_headers

_OK = 200
_MOST_ANSWER = 4096  # bytes: an answer of 200 has no body


def write_in_bulk(
    vault: Vault, client: S3Client, prefix: str, objects: Iterable[NewObject], asked: Encryption | None
) -> None:
    """Store objects; see `Vault.put_many`.

    Args:
        vault: Writes again what this can't settle.
        client: Sends and signs.
        prefix: The vault's prefix in the bucket.
        objects: What to store.
        asked: The encryption at rest that each write asks for.

    Raises:
        BotoCoreError: The credentials are missing.
        UnreadableObjectError, HaltError, UnavailableError: As `Vault.put`.
    """
    for each, answer in client.send_each(objects, partial(_request, client, prefix, asked)):
        if isinstance(answer, HttpAnswer) and answer.status == _OK:
            check_encryption(asked, header_encryption(answer.headers), f"{each.key} in {vault.url}")
            continue
        with suppress(AlreadyStoredError):
            vault.put(each.key, each.data, each.retain_until)


def _request(client: S3Client, prefix: str, asked: Encryption | None, each: NewObject) -> HttpRequest:
    write = locked_write(prefix + each.key, each.data, each.retain_until, asked)
    return client.signed_request(write["Key"], _MOST_ANSWER, "PUT", headers=write_headers(write), body=each.data)
