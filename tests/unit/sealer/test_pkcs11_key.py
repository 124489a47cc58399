"""A PKCS#11 token that a test scripts: sessions, PINs, and calls that hang.

`tests/slices/test_signers.py` uses a real SoftHSM.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from pkcs11 import Attribute, Mechanism, ObjectClass
from pkcs11.exceptions import (
    DeviceRemoved,
    NoSuchKey,
    NoSuchToken,
    PinIncorrect,
    PinLocked,
    SessionHandleInvalid,
    UserAlreadyLoggedIn,
)

from auditseal_schemas.errors import ConfigurationError
from auditseal_sealer.signers.external_key import SignerFailure, SignerUnavailableError
from auditseal_sealer.signers.pkcs11_key import Pkcs11Key
from auditseal_sealer.signers.signer_uri import Pkcs11Uri
from tests.factory.external_keys import checked
from tests.factory.keys import SIGNER
from tests.factory.secret_files import write_secret

MESSAGE = b"a.example/t/0/0\n1\nroot\n"


class Token:
    """A token, its only session and its only key."""

    def __init__(self) -> None:
        self.pins: list[str | None] = []
        self.closed = 0
        self.failures: dict[str, list[Exception]] = {"open": [], "get_key": [], "sign": [], "find": []}
        self.wait: Callable[[], Any] = lambda: None
        self.objects: list[object] = []
        self.token = self
        self.made: dict[str, Any] = {}

    def __enter__(self) -> "Token":
        return self

    def __exit__(self, *_: object) -> None:
        self.closed += 1

    def _fail(self, call: str) -> None:
        if self.failures[call]:
            raise self.failures[call].pop(0)

    def get_token(self, token_label: str | None, token_serial: bytes | None) -> "Token":
        assert (token_label, token_serial) == ("audit", None)
        self._fail("find")
        return self

    def open(self, user_pin: str | None = None, rw: bool = False) -> "Token":
        self.pins.append(user_pin)
        self._fail("open")
        return self

    def close(self) -> None:
        self.closed += 1
        raise SessionHandleInvalid

    def get_key(self, object_class: ObjectClass, key_type: object, label: str | None, id: bytes | None) -> Any:  # noqa: A002
        assert (label, id) == ("sealer", None)
        self._fail("get_key")
        return self if object_class is ObjectClass.PRIVATE_KEY else {Attribute.EC_POINT: b"\x04\x20" + SIGNER.public}

    def sign(self, message: bytes, mechanism: Mechanism) -> bytes:
        assert mechanism is Mechanism.EDDSA
        self.wait()
        self._fail("sign")
        return SIGNER.sign(message)

    def get_objects(self, template: object) -> Iterator[object]:
        assert template == {Attribute.LABEL: "sealer"}
        return iter(self.objects)

    def create_domain_parameters(self, *_: object, **__: object) -> "Token":
        return self

    def generate_keypair(self, **template: Any) -> None:
        self.made = template


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Token:
    token = Token()
    monkeypatch.setattr(pkcs11, "lib", lambda path: token)
    return token


@pytest.fixture
def pin(tmp_path: Path) -> Path:
    return write_secret(tmp_path / "pin", "1234\n")


def key(pin: Path, timeout: float = 5) -> Pkcs11Key:
    return Pkcs11Key(Pkcs11Uri(Path("/module.so"), "audit", "", "sealer", b""), pin, timeout)


def failure_of(call: Callable[[], object]) -> SignerUnavailableError:
    with pytest.raises(SignerUnavailableError) as caught:
        call()
    assert str(caught.value).startswith("the signer pkcs11:token=audit;object=sealer: ")
    return caught.value


def test_one_session_signs_many_times(token: Token, pin: Path) -> None:
    signer = checked(key(pin), SIGNER.public)
    assert [signer.sign(MESSAGE) for _ in range(3)] == [SIGNER.sign(MESSAGE)] * 3
    assert token.pins == ["1234"]
    assert key(pin).fetch_public() == SIGNER.public


@pytest.mark.parametrize(
    ("call", "error", "failure", "problem"),
    [
        ("find", NoSuchToken("none"), SignerFailure.UNREACHABLE, "/module.so shows no such token"),
        ("get_key", NoSuchKey("none"), SignerFailure.FAILED, "NoSuchKey none"),
        ("sign", DeviceRemoved(), SignerFailure.FAILED, "DeviceRemoved"),
        ("sign", SessionHandleInvalid(), SignerFailure.FAILED, "SessionHandleInvalid"),
    ],
)
def test_a_session_that_failed_is_opened_again(
    token: Token, pin: Path, call: str, error: Exception, failure: SignerFailure, problem: str
) -> None:
    signer = key(pin)
    token.failures[call] = [error]
    failed = failure_of(lambda: signer.sign(MESSAGE))
    assert failed.failure is failure
    assert problem in str(failed)
    assert signer.sign(MESSAGE) == SIGNER.sign(MESSAGE)
    assert token.closed == (0 if call == "find" else 1)


@pytest.mark.parametrize("error", [PinIncorrect(), PinLocked()])
def test_a_pin_that_was_refused_is_not_tried_again(token: Token, pin: Path, error: Exception) -> None:
    signer = key(pin)
    token.failures["open"] = [error]
    refused = failure_of(lambda: signer.sign(MESSAGE))
    assert refused.failure is SignerFailure.REFUSED
    assert f"the token refuses the PIN in {pin} ({type(error).__name__})" in str(refused)
    for _ in range(5):
        assert "it is not tried again" in str(failure_of(lambda: signer.sign(MESSAGE)))
    assert token.pins == ["1234"]
    write_secret(pin, "5678")
    assert signer.sign(MESSAGE) == SIGNER.sign(MESSAGE)
    assert token.pins == ["1234", "5678"]


def test_a_pin_file_that_is_gone_is_waited_for(token: Token, pin: Path) -> None:
    pin.unlink()
    assert "can't be read: No such file" in str(failure_of(lambda: key(pin).sign(MESSAGE)))


def test_two_keys_of_one_token_share_its_login(token: Token, pin: Path) -> None:
    token.failures["open"] = [UserAlreadyLoggedIn()]
    assert key(pin).sign(MESSAGE) == SIGNER.sign(MESSAGE)
    assert token.pins == ["1234", None]


def test_a_call_that_hangs_holds_nobody_longer_than_it_may(token: Token, pin: Path) -> None:
    hanging, signer = threading.Event(), key(pin, timeout=0.2)
    token.wait = hanging.wait
    for _ in range(3):
        late = failure_of(lambda: signer.sign(MESSAGE))
        assert late.failure is SignerFailure.TIMEOUT
        assert "did not answer within 0.2 s" in str(late)
    hanging.set()
    assert key(pin).sign(MESSAGE) == SIGNER.sign(MESSAGE)


def test_a_caller_behind_another_waits_no_longer_than_it_may(token: Token, pin: Path) -> None:
    began, hanging, signer = threading.Event(), threading.Event(), key(pin, timeout=0.3)
    token.wait = lambda: (began.set(), hanging.wait())
    first = threading.Thread(target=lambda: failure_of(lambda: signer.sign(MESSAGE)))
    first.start()
    assert began.wait(60)
    assert failure_of(lambda: signer.sign(b"another")).failure is SignerFailure.TIMEOUT
    hanging.set()
    first.join()


def test_a_key_is_made_only_where_there_is_none(token: Token, pin: Path) -> None:
    key(pin).generate()
    assert token.made["private_template"] == {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
    assert (token.made["label"], token.made["id"], token.made["store"]) == ("sealer", None, True)
    token.objects = [object()]
    with pytest.raises(ConfigurationError, match="there is an object of this name already"):
        key(pin).generate()
