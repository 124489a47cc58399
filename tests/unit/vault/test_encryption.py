"""Encryption at rest: the setting, the arguments of a write, and the comparison with a store's answer."""

import pytest

from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_vault.encryption import Encryption, answered_encryption, check_encryption, wanted_encryption
from auditseal_vault.open import open_vault

ARN = "arn:aws:kms:eu-north-1:111122223333:key/1234abcd"
SSE_S3 = Encryption("AES256")


@pytest.mark.parametrize(
    ("name", "key", "wanted"),
    [
        (None, "", None),
        ("SSE-S3", "", SSE_S3),
        ("SSE-KMS", "1234abcd", Encryption("aws:kms", "1234abcd")),
        ("SSE-KMS", ARN, Encryption("aws:kms", ARN)),
    ],
)
def test_a_setting_that_fits(name: str | None, key: str, wanted: Encryption | None) -> None:
    assert wanted_encryption(name, key) == wanted


@pytest.mark.parametrize(
    ("name", "key", "problem"),
    [
        (None, "k", "'k' is for SSE-KMS"),
        ("SSE-S3", "k", "'k' is for SSE-KMS"),
        ("SSE-KMS", "", "no key is named"),
        ("SSE-KMS", "alias/audit", "'alias/audit' is an alias"),
        ("SSE-KMS", "arn:aws:kms:eu-north-1:111122223333:alias/audit", "is an alias"),
    ],
)
def test_a_setting_that_does_not_fit(name: str | None, key: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        wanted_encryption(name, key)


def test_the_arguments_of_a_write() -> None:
    assert SSE_S3.arguments() == {"ServerSideEncryption": "AES256"}
    asked = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k"}
    assert Encryption("aws:kms", "k").arguments() == asked
    assert answered_encryption(asked) == Encryption("aws:kms", "k")
    assert answered_encryption({"SSEKMSKeyId": "k"}) is None


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (SSE_S3, SSE_S3),
        (Encryption("aws:kms", "1234abcd"), Encryption("aws:kms", ARN)),
        (Encryption("aws:kms", "audit-key"), Encryption("aws:kms", "arn:aws:kms:audit-key")),
        (Encryption("aws:kms", ARN), Encryption("aws:kms", ARN)),
        (None, None),
        (None, SSE_S3),
    ],
)
def test_an_answer_that_is_right(asked: Encryption | None, answered: Encryption | None) -> None:
    check_encryption(asked, answered, "it")


@pytest.mark.parametrize(
    ("asked", "answered", "found"),
    [
        (SSE_S3, None, "it is not encrypted at rest"),
        (SSE_S3, Encryption("aws:kms", ARN), "it is encrypted by aws:kms with the key"),
        (Encryption("aws:kms", ARN), SSE_S3, "it is encrypted by AES256"),
        (Encryption("aws:kms", "abcd"), Encryption("aws:kms", ARN), "1234abcd"),
        (Encryption("aws:kms", ARN), Encryption("aws:kms", "1234abcd"), "1234abcd"),
        (Encryption("aws:kms", "k"), Encryption("aws:kms"), "it is encrypted by aws:kms"),
    ],
)
def test_an_answer_that_is_wrong(asked: Encryption, answered: Encryption | None, found: str) -> None:
    with pytest.raises(HaltError, match=f"v1/x in s3://b: .* was asked for, .*{found}") as caught:
        check_encryption(asked, answered, "v1/x in s3://b")
    assert caught.value.halt is Halt.NOT_ENCRYPTED


def test_a_directory_can_not_be_asked_to_encrypt() -> None:
    with pytest.raises(ConfigurationError, match="a directory can't encrypt, and AES256 is asked for"):
        open_vault("file:///vault", SSE_S3)
