"""OpenBao's transit engine by a server that answers byte by byte: each answer, and the name of each failure.

`tests/slices/test_signers.py` asks a real OpenBao.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditseal_schemas.errors import ConfigurationError
from auditseal_sealer.signers.external_key import SignerFailure, SignerUnavailableError
from auditseal_sealer.signers.openbao_key import OpenBaoKey
from auditseal_sealer.signers.signer_uri import OpenBaoUri
from tests.factory.external_keys import checked
from tests.factory.http_server import Answer, serving, whole
from tests.factory.keys import SIGNER
from tests.factory.secret_files import write_secret

MESSAGE = b"a.example/t/0/0\n1\nroot\n"
SIGNATURE = f"vault:v2:{b64encode(SIGNER.sign(MESSAGE)).decode()}"


@pytest.fixture
def token(tmp_path: Path) -> Path:
    return write_secret(tmp_path / "token", "s.first\n")


def key(url: str, token: Path, *, timeout: float = 5, version: int = 2, namespace: str = "") -> OpenBaoKey:
    return OpenBaoKey(OpenBaoUri(url, "transit", "sealer", version, namespace), token, timeout)


def answering(data: object, status: str = "200 OK") -> Answer:
    return lambda _: whole(json.dumps(data).encode(), status)


def test_a_signature_is_asked_for_with_the_token_of_the_file(token: Path) -> None:
    with serving(answering({"data": {"signature": SIGNATURE, "key_version": 2}})) as server:
        signer = checked(key(server.url, token, namespace="audit"), SIGNER.public)
        assert signer.sign(MESSAGE) == SIGNER.sign(MESSAGE)
        write_secret(token, "s.renewed")
        signer.sign(MESSAGE)
    heads = [head.split("\r\n") for head in server.requests]
    assert [head[0] for head in heads] == ["POST /v1/transit/sign/sealer HTTP/1.1"] * 2
    assert "X-Vault-Token: s.first" in heads[0]
    assert "X-Vault-Token: s.renewed" in heads[1]
    assert "X-Vault-Namespace: audit" in heads[0]


def test_the_public_key_is_that_of_the_version(token: Path) -> None:
    keys = {"1": {"public_key": "AAAA"}, "2": {"public_key": b64encode(SIGNER.public).decode()}}
    with serving(answering({"data": {"keys": keys}})) as server:
        assert key(server.url, token).fetch_public() == SIGNER.public
        with pytest.raises(SignerUnavailableError, match="without a public key of version 3: is it a key of type ed25"):
            key(server.url, token, version=3).fetch_public()


@pytest.mark.parametrize(
    ("answer", "failure", "problem"),
    [
        (answering({"errors": ["permission denied"]}, "403 Forbidden"), SignerFailure.REFUSED, "renew the token in"),
        (answering({"errors": ["Vault is sealed"]}, "503 Sealed"), SignerFailure.FAILED, "answered 503: 'Vault is"),
        (answering({"errors": ["signing key not found"]}, "400 No"), SignerFailure.FAILED, "'signing key not found'"),
        (lambda _: whole(b"<html>", "502 Bad Gateway"), SignerFailure.FAILED, "answered 502: b'<html>'"),
        (lambda _: whole(b"", "307 Temporary Redirect"), SignerFailure.FAILED, "answered 307"),
        (answering([]), SignerFailure.FAILED, r"answered 200: b'\[\]'"),
        (answering({"data": {}}), SignerFailure.FAILED, "without a signature of version 2"),
        (answering({"data": {"signature": 7}}), SignerFailure.FAILED, "without a signature of version 2"),
        (answering({"data": {"signature": "vault:v2"}}), SignerFailure.FAILED, "without a signature of version 2"),
        (answering({"data": {"signature": "vault:v2:***"}}), SignerFailure.FAILED, "without a signature of version 2"),
        (answering({"data": {"signature": "vault:v2:ü"}}), SignerFailure.FAILED, "without a signature of version 2"),
        (lambda _: whole(b"[" * 60_000), SignerFailure.FAILED, "answered 200: "),
    ],
)
def test_an_answer_without_a_signature(token: Path, answer: Answer, failure: SignerFailure, problem: str) -> None:
    with serving(answer) as server, pytest.raises(SignerUnavailableError, match=problem) as caught:
        key(server.url, token).sign(MESSAGE)
    assert caught.value.failure is failure
    assert str(caught.value).startswith("the signer openbao://transit/sealer: ")
    assert "s.first" not in str(caught.value)


def test_a_refusal_names_the_right_that_the_request_needs(token: Path) -> None:
    with serving(answering({"errors": ["permission denied"]}, "403 Forbidden")) as server:
        with pytest.raises(SignerUnavailableError, match=r"give it the right to update transit/sign/sealer$"):
            key(server.url, token).sign(MESSAGE)
        with pytest.raises(SignerUnavailableError, match=r"give it the right to read transit/keys/sealer$"):
            key(server.url, token).fetch_public()


def test_a_server_that_does_not_answer_in_time(token: Path) -> None:
    def silent(_: str) -> Iterator[bytes | float]:
        yield 30.0

    with serving(silent) as server, pytest.raises(SignerUnavailableError, match=r"within 0\.2 s") as caught:
        key(server.url, token, timeout=0.2).sign(MESSAGE)
    assert caught.value.failure is SignerFailure.TIMEOUT


def test_a_server_that_is_away(token: Path) -> None:
    with serving(answering({})) as server:
        url = server.url
    with pytest.raises(SignerUnavailableError, match=url) as caught:
        key(url, token).sign(MESSAGE)
    assert caught.value.failure is SignerFailure.UNREACHABLE


@pytest.mark.parametrize(
    ("content", "problem"), [("", "is empty"), ("s.a\nX-Vault-Namespace: b", "does not hold a token alone")]
)
def test_a_token_file_that_holds_no_token(tmp_path: Path, content: str, problem: str) -> None:
    with pytest.raises(SignerUnavailableError, match=problem) as caught:
        key("http://127.0.0.1:1", write_secret(tmp_path / "bad", content)).sign(MESSAGE)
    assert caught.value.failure is SignerFailure.REFUSED


def test_a_token_file_that_is_gone_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(SignerUnavailableError, match="can't be read: No such file"):
        key("http://127.0.0.1:1", tmp_path / "gone").sign(MESSAGE)


def test_a_key_is_made_only_where_there_is_none(token: Path) -> None:
    answers = {"GET": answering({"errors": []}, "404 Not Found"), "POST": answering({"data": {"name": "sealer"}})}
    with serving(lambda head: answers[head.split()[0]](head)) as server:
        key(server.url, token, version=1).generate()
        assert [head.split()[:2] for head in server.requests] == [
            ["GET", "/v1/transit/keys/sealer"],
            ["POST", "/v1/transit/keys/sealer"],
        ]
        with pytest.raises(ConfigurationError, match="a new key has version 1, and the URI names 2"):
            key(server.url, token).generate()
    with serving(answering({"data": {}})) as server, pytest.raises(ConfigurationError, match="may be a key of this"):
        key(server.url, token, version=1).generate()
    assert len(server.requests) == 1
