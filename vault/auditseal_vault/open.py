"""From a vault's URL to the vault."""

from pathlib import Path

from auditseal_schemas.errors import ConfigurationError, quoted
from auditseal_vault.encryption import Encryption
from auditseal_vault.interface import Vault, VaultReader
from auditseal_vault.url import BucketUrl, DirectoryUrl, parse_vault_url


def open_vault(url: str, encryption: Encryption | None = None) -> Vault:
    """Return the vault at a URL, for the archiver to write to.

    Args:
        url: The URL.
        encryption: The encryption at rest that each write asks for; None for the store's default.

    Raises:
        ConfigurationError: The URL names none, or names a directory where encryption is asked for.
        UnavailableError: It names a directory that isn't there. Is its disk mounted?
    """
    match parse_vault_url(url):
        case DirectoryUrl(path):
            if encryption:
                problem = f"a directory can't encrypt, and {encryption} is asked for"
                raise ConfigurationError(f"{quoted(url)}: {problem}: use a bucket, or an encrypted file system")
            return _directory(path)
        case BucketUrl() as bucket:
            return _bucket(bucket, encryption)


def open_reader(url: str) -> VaultReader:
    """Return the vault at a URL, for reading.

    Raises:
        ConfigurationError: The URL names none.
        UnavailableError: It names a directory that isn't there. Is its disk mounted?
    """
    return open_vault(url)


def _directory(path: Path) -> Vault:
    from auditseal_vault.directory import DirectoryVault  # noqa: PLC0415  (one backend needn't load the other)

    vault = DirectoryVault(path)
    vault.check_root()
    return vault


def _bucket(url: BucketUrl, encryption: Encryption | None) -> Vault:
    from auditseal_vault.s3 import S3Vault  # noqa: PLC0415  (boto3 takes 0.3 s to load)
    from auditseal_vault.s3_client import Bucket  # noqa: PLC0415

    try:
        return S3Vault(Bucket(url.bucket, url.prefix, url.endpoint, url.region), encryption)
    except ValueError as error:
        raise ConfigurationError(f"a vault's URL leads to no S3 endpoint: {quoted(str(error))}") from error
