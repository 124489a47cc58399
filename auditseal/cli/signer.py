"""The signers that the settings of a sealer name: a key in a file, or one outside the process."""

from dataclasses import dataclass
from pathlib import Path

from auditseal.settings_sealer import SealerSection
from auditseal.settings_signer import SignerSection
from auditseal_daemon.secret_file import read_secret
from auditseal_schemas.key import Signer
from auditseal_sealer.key_file import load_key
from auditseal_sealer.log_signers import LogSigners
from auditseal_sealer.signers.signer_metrics import SignerMetrics


@dataclass(frozen=True, slots=True)
class OpenSigners:
    """Opened signing keys, and the metrics of those outside the process.

    Attributes:
        signers: Sign the blocks of all logs.
        metrics: Count the requests to the signers. They are not served yet.
    """

    signers: LogSigners
    metrics: SignerMetrics


def open_signers(section: SealerSection) -> OpenSigners:
    """Open the signing keys, each once. A signer outside the process is not asked for anything.

    Raises:
        ConfigurationError: A key or its secret can't be opened, or other users may read it.
    """
    metrics = SignerMetrics()
    first = _open(section.key_file, section.passphrase_file, section.signer, metrics)
    assert first is not None  # the settings refuse a section that names none
    signers = LogSigners(
        first,
        _open_file(section.second_key_file, section.second_passphrase_file),
        _open(section.next_key_file, section.next_passphrase_file, section.next_signer, metrics),
        _open_file(section.next_second_key_file, section.next_second_passphrase_file),
    )
    return OpenSigners(signers, metrics)


def _open(
    key_file: Path | None, passphrase_file: Path | None, signer: SignerSection | None, metrics: SignerMetrics
) -> Signer | None:
    return signer.open(metrics) if signer else _open_file(key_file, passphrase_file)


def _open_file(key_file: Path | None, passphrase_file: Path | None) -> Signer | None:
    return load_key(key_file, read_secret(passphrase_file)) if key_file and passphrase_file else None
