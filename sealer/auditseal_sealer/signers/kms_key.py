"""A key in AWS KMS, of the key spec `ECC_NIST_EDWARDS25519`.

KMS signs a message of at most 4,096 bytes with the algorithm `ED25519_SHA_512` and the message type `RAW`.
API: https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
"""

from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from auditseal_schemas.errors import ConfigurationError, quoted
from auditseal_sealer.signers.external_key import SignerFailure, SignerUnavailableError
from auditseal_sealer.signers.signer_uri import KmsUri

_ALGORITHM = "ED25519_SHA_512"
_PASSING = frozenset({"ThrottlingException", "KMSInternalException", "DependencyTimeoutException"})


class KmsKey:
    """A key in AWS KMS. Credentials come by boto3's own chain, which renews them."""

    def __init__(self, uri: KmsUri, timeout: float) -> None:
        """Take the key's ARN, and the seconds that a connection and an answer may each take."""
        self._uri, self._timeout = uri, timeout
        config = Config(connect_timeout=timeout, read_timeout=timeout, retries={"total_max_attempts": 1})
        endpoint = uri.endpoint or None
        self.client: Any = boto3.client("kms", region_name=uri.region, endpoint_url=endpoint, config=config)

    def __str__(self) -> str:
        return str(self._uri)

    def generate(self) -> None:
        """Refuse: a key has no ARN before KMS makes it.

        Raises:
            ConfigurationError: Always.
        """
        command = "aws kms create-key --key-spec ECC_NIST_EDWARDS25519 --key-usage SIGN_VERIFY"
        raise ConfigurationError(f"{self}: make the key with `{command}`, and name the ARN that it prints")

    def fetch_public(self) -> bytes:
        """Ask for the 32 bytes of the public key; this needs the right `kms:GetPublicKey`.

        Raises:
            SignerUnavailableError: KMS does not answer, refuses or fails, or the key is of another kind.
        """
        public = self._ask("PublicKey", lambda: self.client.get_public_key(KeyId=self._uri.arn))
        try:
            key = load_der_public_key(public)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise self._error(SignerFailure.FAILED, f"its public key can't be read: {error}") from error
        if not isinstance(key, Ed25519PublicKey):
            raise self._error(SignerFailure.FAILED, "it is not a key of the key spec ECC_NIST_EDWARDS25519")
        return key.public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Ask for the signature over a message; this needs the right `kms:Sign`.

        Raises:
            SignerUnavailableError: KMS does not answer, refuses or fails.
        """
        call = {"KeyId": self._uri.arn, "MessageType": "RAW", "SigningAlgorithm": _ALGORITHM}
        return self._ask("Signature", lambda: self.client.sign(Message=message, **call))

    def _ask(self, field: str, call: Callable[[], dict[str, bytes]]) -> bytes:
        """Return a field of KMS's answer."""
        try:
            return call()[field]
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            raise self._error(SignerFailure.TIMEOUT, f"KMS did not answer within {self._timeout:g} s") from error
        except EndpointConnectionError as error:
            raise self._error(SignerFailure.UNREACHABLE, str(error)) from error
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            code = error.response.get("Error", {}).get("Code", "")
            passes = status >= 500 or code in _PASSING
            raise self._error(SignerFailure.FAILED if passes else SignerFailure.REFUSED, str(error)) from error
        except BotoCoreError as error:  # no credentials, for example
            raise self._error(SignerFailure.REFUSED, str(error)) from error
        except Exception as error:  # botocore's parsers raise many, and of a proxy's page make an answer without fields
            problem = f"its answer is not one of KMS, with a {field}: {type(error).__name__}: {quoted(str(error))}"
            problem += "; correct the endpoint, or the proxy before it"
            raise self._error(SignerFailure.FAILED, problem) from error

    def _error(self, failure: SignerFailure, problem: str) -> SignerUnavailableError:
        return SignerUnavailableError(str(self), failure, problem)
