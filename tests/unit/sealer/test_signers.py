"""Signers outside the process: every signature is verified, every failure has a name, and one message is signed."""

import threading
from base64 import b64encode

import pytest
from prometheus_client import CollectorRegistry

from auditseal_schemas.halt import Halt, HaltError
from auditseal_sealer.restart import RestartPolicy
from auditseal_sealer.signers.checked_signer import CheckedSigner
from auditseal_sealer.signers.external_key import SignerFailure, SignerUnavailableError
from auditseal_sealer.signers.retrying_signer import RetryingSigner
from tests.factory.external_keys import ScriptedKey, away, checked
from tests.factory.keys import OTHER_SIGNER, SIGNER

MESSAGE = b"a.example/t/0/0\n1\nroot\n"
AT_ONCE = RestartPolicy(shortest=0.0001, longest=0.0001, fenced=1)
OURS, THEIRS = (b64encode(b"\x01" + signer.public).decode() for signer in (SIGNER, OTHER_SIGNER))


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"auditseal_signer_{name}", {"signer": "scripted:key", **labels})


def test_a_signature_by_the_configured_key_is_used_and_counted() -> None:
    registry = CollectorRegistry()
    signer = checked(ScriptedKey(SIGNER), SIGNER.public, registry)
    assert value(registry, "requests_total", result="signed") == 0
    assert value(registry, "available") is None
    assert signer.sign(MESSAGE) == SIGNER.sign(MESSAGE)
    assert (signer.public, signer.algorithm) == (SIGNER.public, SIGNER.algorithm)
    assert value(registry, "requests_total", result="signed") == 1
    assert value(registry, "seconds_count") == 1
    assert value(registry, "available") == 1


def refusal(signer: CheckedSigner) -> str:
    with pytest.raises(HaltError) as caught:
        signer.sign(MESSAGE)
    assert caught.value.halt is Halt.KEY
    return str(caught.value)


def test_an_answer_by_another_key_names_both_keys() -> None:
    registry = CollectorRegistry()
    text = refusal(checked(ScriptedKey(OTHER_SIGNER), SIGNER.public, registry))
    assert f"must sign with the key {OURS}, and its signature is of the key {THEIRS}" in text
    assert "scripted:key" in text
    assert value(registry, "requests_total", result="other_key") == 1
    assert value(registry, "available") == 0


def test_an_answer_that_is_not_a_signature_is_never_used() -> None:
    hidden = ScriptedKey(SIGNER, b"x" * 64)
    hidden.shown = away(SignerFailure.REFUSED)
    assert "its signature is of another one, which it doesn't show: the signer scripted:key: it is away" in refusal(
        checked(hidden, SIGNER.public)
    )
    for answer in (b"", bytes(64), SIGNER.sign(b"another message")):
        assert "of no key, although it shows this one" in refusal(checked(ScriptedKey(SIGNER, answer), SIGNER.public))


@pytest.mark.parametrize("failure", SignerFailure)
def test_a_failure_has_a_name_and_a_metric(failure: SignerFailure) -> None:
    registry = CollectorRegistry()
    with pytest.raises(SignerUnavailableError, match="the signer scripted:key: it is away") as caught:
        checked(ScriptedKey(SIGNER, away(failure)), SIGNER.public, registry).sign(MESSAGE)
    assert caught.value.failure is failure
    assert value(registry, "requests_total", result=failure.value) == 1
    assert value(registry, "available") == 0


def test_a_signer_is_asked_for_the_same_message_until_it_answers() -> None:
    key, news = ScriptedKey(SIGNER, away(), away(SignerFailure.REFUSED), away()), list[str | None]()
    retrying = RetryingSigner(checked(key, SIGNER.public), threading.Event(), AT_ONCE, news.append)
    assert retrying.sign(MESSAGE) == SIGNER.sign(MESSAGE)
    assert key.asked == [MESSAGE] * 4
    assert news == ["the signer scripted:key: it is away"] * 3 + [None]
    assert retrying.sign(b"the next") == SIGNER.sign(b"the next")
    assert len(news) == 4


def test_a_stop_ends_the_waiting() -> None:
    stop, key = threading.Event(), ScriptedKey(SIGNER, *(away() for _ in range(100)))
    slow = RestartPolicy(shortest=60, longest=60, fenced=1)
    retrying = RetryingSigner(checked(key, SIGNER.public), stop, slow, lambda _: stop.set())
    with pytest.raises(SignerUnavailableError):
        retrying.sign(MESSAGE)
    assert len(key.asked) == 2  # once more when the stop ends the pause


def test_another_key_is_never_asked_again() -> None:
    key = ScriptedKey(OTHER_SIGNER)
    retrying = RetryingSigner(checked(key, SIGNER.public), threading.Event(), AT_ONCE, lambda _: None)
    with pytest.raises(HaltError):
        retrying.sign(MESSAGE)
    assert len(key.asked) == 1
