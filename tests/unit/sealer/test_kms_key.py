"""AWS KMS by botocore's Stubber: what is asked, what is returned, and the name of each failure."""

from functools import partial
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError
from botocore.stub import Stubber
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auditseal_schemas.errors import ConfigurationError
from auditseal_sealer.signers.external_key import SignerFailure, SignerUnavailableError
from auditseal_sealer.signers.kms_key import KmsKey
from auditseal_sealer.signers.signer_uri import KmsUri
from tests.factory.external_keys import checked
from tests.factory.http_server import serving, whole
from tests.factory.keys import SIGNER

ARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MESSAGE = b"a.example/t/0/0\n1\nroot\n"
SPKI = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
ASKED = {"KeyId": ARN, "Message": MESSAGE, "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"}


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> KmsKey:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return KmsKey(KmsUri(ARN, "eu-central-1", ""), timeout=2)


def test_a_signature_is_asked_for_raw_and_with_ed25519(key: KmsKey) -> None:
    with Stubber(key.client) as kms:
        kms.add_response("sign", {"KeyId": ARN, "Signature": SIGNER.sign(MESSAGE)}, ASKED)
        assert checked(key, SIGNER.public).sign(MESSAGE) == SIGNER.sign(MESSAGE)
        kms.assert_no_pending_responses()


def test_the_public_key_is_read_from_its_spki(key: KmsKey) -> None:
    spki = Ed25519PublicKey.from_public_bytes(SIGNER.public).public_bytes(*SPKI)
    with Stubber(key.client) as kms:
        kms.add_response("get_public_key", {"PublicKey": spki}, {"KeyId": ARN})
        assert key.fetch_public() == SIGNER.public


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"not DER", "its public key can't be read"),
        (generate_private_key(SECP256R1()).public_key().public_bytes(*SPKI), "the key spec ECC_NIST_EDWARDS25519"),
    ],
    ids=["no key", "another curve"],
)
def test_a_key_of_another_kind_is_refused(key: KmsKey, answer: bytes, problem: str) -> None:
    with Stubber(key.client) as kms:
        kms.add_response("get_public_key", {"PublicKey": answer})
        with pytest.raises(SignerUnavailableError, match=problem):
            key.fetch_public()


@pytest.mark.parametrize(
    ("code", "status", "failure"),
    [
        ("AccessDeniedException", 400, SignerFailure.REFUSED),
        ("ExpiredTokenException", 400, SignerFailure.REFUSED),
        ("DisabledException", 400, SignerFailure.REFUSED),
        ("NotFoundException", 400, SignerFailure.REFUSED),
        ("KMSInvalidStateException", 400, SignerFailure.REFUSED),
        ("ThrottlingException", 400, SignerFailure.FAILED),
        ("DependencyTimeoutException", 400, SignerFailure.FAILED),
        ("KMSInternalException", 500, SignerFailure.FAILED),
        ("ServiceUnavailable", 503, SignerFailure.FAILED),
    ],
)
def test_an_error_of_kms_has_its_name_in_the_text(key: KmsKey, code: str, status: int, failure: SignerFailure) -> None:
    with Stubber(key.client) as kms:
        kms.add_client_error("sign", code, "said so", status)
        with pytest.raises(SignerUnavailableError) as caught:
            key.sign(MESSAGE)
    assert caught.value.failure is failure
    assert f"awskms:///{ARN}" in str(caught.value)
    assert code in str(caught.value)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ReadTimeoutError(endpoint_url="https://kms"), SignerFailure.TIMEOUT),
        (EndpointConnectionError(endpoint_url="https://kms"), SignerFailure.UNREACHABLE),
        (NoCredentialsError(), SignerFailure.REFUSED),
    ],
)
def test_a_failure_without_an_answer(
    key: KmsKey, monkeypatch: pytest.MonkeyPatch, error: BotoCoreError, failure: SignerFailure
) -> None:
    def fail(**_: Any) -> None:
        raise error

    monkeypatch.setattr(key.client, "sign", fail)
    with pytest.raises(SignerUnavailableError) as caught:
        key.sign(MESSAGE)
    assert caught.value.failure is failure


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"Signature": 7}', b"\xa1\x69Signature\x1b", b"[" * 60_000],
)
def test_an_answer_that_is_none_of_kms(key: KmsKey, body: bytes) -> None:
    """Such as a proxy's page, in any of the content types that botocore asks for."""
    for kind in ("application/x-amz-json-1.1", "application/cbor", "text/html"):
        with serving(lambda _, kind=kind: whole(body, "200 OK", f"Content-Type: {kind}")) as server:
            at_server = KmsKey(KmsUri(ARN, "eu-central-1", server.url), timeout=5)
            for call in (partial(at_server.sign, MESSAGE), at_server.fetch_public):
                with pytest.raises(SignerUnavailableError, match="its answer is not one of KMS") as caught:
                    call()
                assert caught.value.failure is SignerFailure.FAILED


def test_one_request_is_one_attempt_within_the_time_that_it_has(key: KmsKey) -> None:
    config = key.client.meta.config
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (2, 2, 1)
    assert key.client.meta.region_name == "eu-central-1"


def test_a_new_key_is_made_by_the_tools_of_aws(key: KmsKey) -> None:
    with pytest.raises(ConfigurationError, match="--key-spec ECC_NIST_EDWARDS25519 --key-usage SIGN_VERIFY"):
        key.generate()
