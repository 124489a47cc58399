"""A key in a PKCS#11 token, such as an HSM, by python-pkcs11. The mechanism is CKM_EDDSA (PKCS#11 3.0, section 2.3.14).

A module's calls have no bound of time, and a call that hangs can't be ended. So one thread makes all of them, and the
callers wait for it as long as they may.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, PKCS11Error
from pkcs11.exceptions import NoSuchToken, PinExpired, PinIncorrect, PinInvalid, PinLocked, UserAlreadyLoggedIn

from auditseal_daemon.background import Background
from auditseal_daemon.secret_file import read_secret
from auditseal_schemas.errors import ConfigurationError
from auditseal_sealer.signers.external_key import SignerFailure, SignerUnavailableError
from auditseal_sealer.signers.signer_uri import Pkcs11Uri

_ED25519 = bytes.fromhex("06032b6570")  # the OBJECT IDENTIFIER 1.3.101.112 in DER (RFC 8410)
_PIN_REFUSED = (PinExpired, PinIncorrect, PinInvalid, PinLocked)


class Pkcs11Key:
    """A private key in a token, through a session that is opened again after each failure.

    A PIN that the token refused is not tried again: after some wrong ones a token locks itself. Another PIN in the
    file is tried at once.
    """

    def __init__(self, uri: Pkcs11Uri, pin_file: Path, timeout: float) -> None:
        """Take the key's place, the file that holds only the PIN, and the seconds that a call may last."""
        self._uri, self._pin_file, self._timeout = uri, pin_file, timeout
        self._session: pkcs11.Session | None = None
        self._refused_pin: str | None = None
        self._thread = Background("pkcs11")
        self._free = threading.Lock()
        self._running: Future[bytes] | None = None

    def __str__(self) -> str:
        return str(self._uri)

    def generate(self) -> None:
        """Make the key in the token, so that it can't be read there.

        Raises:
            ConfigurationError: There is a key of this name already.
            SignerUnavailableError: The token can't be used.
        """

        def generate(session: pkcs11.Session) -> bytes:
            named = {Attribute.LABEL: self._uri.label, Attribute.ID: self._uri.key_id}
            if any(session.get_objects({name: value for name, value in named.items() if value})):
                raise ConfigurationError(f"{self}: there is an object of this name already; name another one")
            with session.token.open(rw=True) as writing:  # the login counts for all sessions
                curve = writing.create_domain_parameters(
                    KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: _ED25519}, local=True
                )
                curve.generate_keypair(
                    id=self._uri.key_id or None,
                    label=self._uri.label or None,
                    store=True,
                    mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                    private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
                )
            return b""

        self._call(generate)

    def fetch_public(self) -> bytes:
        """Return the 32 bytes of the public key.

        Raises:
            SignerUnavailableError: The token has no such key, or can't be used.
        """

        def read(session: pkcs11.Session) -> bytes:
            point: bytes = self._find(session, ObjectClass.PUBLIC_KEY)[Attribute.EC_POINT]
            return point[-32:]  # it is an OCTET STRING in DER (PKCS#11 3.0, section 2.3.5)

        return self._call(read)

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message.

        Raises:
            SignerUnavailableError: The token gives none.
        """

        def sign(session: pkcs11.Session) -> bytes:
            signature: bytes = self._find(session, ObjectClass.PRIVATE_KEY).sign(message, mechanism=Mechanism.EDDSA)
            return signature

        return self._call(sign)

    def _call(self, call: Callable[[pkcs11.Session], bytes]) -> bytes:
        """Make a call in the thread, after the one that still runs, and all within the time of one call."""
        deadline = time.monotonic() + self._timeout
        if not self._free.acquire(timeout=self._timeout):
            raise self._late()
        try:
            if self._running:
                self._running.exception(deadline - time.monotonic())
            self._running = self._thread.submit(lambda: self._with_session(call))
            return self._running.result(deadline - time.monotonic())
        except TimeoutError as error:
            raise self._late() from error
        finally:
            self._free.release()

    def _with_session(self, call: Callable[[pkcs11.Session], bytes]) -> bytes:
        try:
            if self._session is None:
                self._session = self._open()
            return call(self._session)
        except _PIN_REFUSED as error:
            problem = f"the token refuses the PIN in {self._pin_file} ({type(error).__name__}): correct it there"
            raise self._failed(SignerFailure.REFUSED, problem) from error
        except NoSuchToken as error:
            raise self._failed(SignerFailure.UNREACHABLE, f"{self._uri.module} shows no such token") from error
        except PKCS11Error as error:
            problem = f"{type(error).__name__} {error}".strip()
            raise self._failed(SignerFailure.FAILED, problem) from error

    def _open(self) -> pkcs11.Session:
        token = pkcs11.lib(str(self._uri.module)).get_token(
            token_label=self._uri.token or None, token_serial=self._uri.serial.encode() or None
        )
        pin = self._pin()
        if pin == self._refused_pin:
            problem = f"the token refused the PIN in {self._pin_file}, and it is not tried again: correct it there"
            raise self._error(SignerFailure.REFUSED, problem)
        try:
            return token.open(user_pin=pin)
        except UserAlreadyLoggedIn:  # by another key of this process: a login counts for all its sessions
            return token.open()
        except _PIN_REFUSED:
            self._refused_pin = pin
            raise

    def _find(self, session: pkcs11.Session, kind: ObjectClass) -> Any:
        return session.get_key(
            object_class=kind,
            key_type=KeyType.EC_EDWARDS,
            label=self._uri.label or None,
            id=self._uri.key_id or None,
        )

    def _pin(self) -> str:
        try:
            return read_secret(self._pin_file)
        except ConfigurationError as error:
            raise self._error(SignerFailure.REFUSED, str(error)) from error

    def _late(self) -> SignerUnavailableError:
        return self._error(SignerFailure.TIMEOUT, f"the token did not answer within {self._timeout:g} s")

    def _failed(self, failure: SignerFailure, problem: str) -> SignerUnavailableError:
        """Close the session, so that the next call opens another, and return the error."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(PKCS11Error):  # it is gone
                session.close()
        return self._error(failure, problem)

    def _error(self, failure: SignerFailure, problem: str) -> SignerUnavailableError:
        return SignerUnavailableError(str(self), failure, problem)
