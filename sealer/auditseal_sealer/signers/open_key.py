"""The key that a URI names."""

from pathlib import Path

from auditseal_daemon.secret_file import read_secret
from auditseal_schemas.errors import ConfigurationError
from auditseal_sealer.signers.external_key import ExternalKey
from auditseal_sealer.signers.signer_uri import KmsUri, OpenBaoUri, SignerUri


def open_key(uri: SignerUri, secret_file: Path | None, timeout: float, ca_file: Path | None = None) -> ExternalKey:
    """Return the key that a URI names. It is not asked for anything.

    Args:
        uri: The key's place.
        secret_file: A file that holds only the token's PIN, or only the token of OpenBao; None for AWS KMS.
        timeout: Seconds that a request may last.
        ca_file: PEM of the authorities for OpenBao's certificate; None for the usual ones.

    Raises:
        ConfigurationError: The secret is missing or can't be read, or the library for it is not installed.
    """
    if isinstance(uri, KmsUri):
        if secret_file:
            raise ConfigurationError(f"{uri} takes no secret_file: the credentials of AWS come by boto3's own chain")
        from auditseal_sealer.signers.kms_key import KmsKey  # noqa: PLC0415  (boto3 takes a while to load)

        return KmsKey(uri, timeout)
    if secret_file is None:
        raise ConfigurationError(f"{uri} needs a secret_file: a file that holds only the PIN, or only the token")
    read_secret(secret_file)
    if isinstance(uri, OpenBaoUri):
        from auditseal_sealer.signers.openbao_key import OpenBaoKey  # noqa: PLC0415  (as boto3)

        return OpenBaoKey(uri, secret_file, timeout, ca_file)
    if not uri.module.is_file():
        raise ConfigurationError(f"{uri}: there is no PKCS#11 module at {uri.module}")
    try:
        from auditseal_sealer.signers.pkcs11_key import Pkcs11Key  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise ConfigurationError(f"{uri} needs the extra pkcs11: pip install 'auditseal[pkcs11]'") from error
    return Pkcs11Key(uri, secret_file, timeout)
