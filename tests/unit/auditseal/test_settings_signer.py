"""The sections of signers outside the process: what they open, and one message for each wrong key."""

import sys
from base64 import b64encode
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal.cli.signer import open_signers
from auditseal.cli.topics import find_public_keys
from auditseal.settings import load_settings
from auditseal.settings_sealer import SealerSettings
from auditseal.settings_topics import TopicsSettings
from auditseal_schemas.errors import ConfigurationError
from auditseal_sealer.key_file import load_key
from auditseal_sealer.signers.signer_metrics import SignerMetrics
from tests.factory.keys import OTHER_SIGNER, SIGNER
from tests.factory.sealer_settings import write_sealer_key, write_sealer_settings
from tests.factory.secret_files import write_secret

pytestmark = pytest.mark.usefixtures("no_settings")
PUBLIC, OTHER = (b64encode(b"\x01" + signer.public).decode() for signer in (SIGNER, OTHER_SIGNER))
BAO = "openbao://transit/sealer?address=http://127.0.0.1:8200&version=1"
KMS = "awskms:///arn:aws:kms:eu-central-1:123456789012:key/1234abcd"
HSM = "pkcs11:token=audit;object=sealer?module-path="
ML_DSA = b64encode(b"\x06" + bytes(1312)).decode()
METRICS = SignerMetrics()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_sealer_key(tmp_path)
    write_secret(tmp_path / "token", "s.token")
    (tmp_path / "module.so").touch()
    return tmp_path


def settings_with(directory: Path, *lines: str) -> SealerSettings:
    """Return settings whose section [sealer] has these lines and no key in a file."""
    path = write_sealer_settings(directory)
    general, _, _ = path.read_text().partition("key_file")
    path.write_text("\n".join((general, *lines)))
    return load_settings(SealerSettings, path)


def signer(uri: str, *more: str, name: str = "signer", public: str = PUBLIC) -> tuple[str, ...]:
    return (f"[sealer.{name}]", f'uri = "{uri}"', f'public_key = "{public}"', *more)


def test_a_signer_and_the_next_one_have_the_public_keys_of_the_settings(directory: Path) -> None:
    secret = f'secret_file = "{directory}/token"'
    hsm = f"{HSM}{directory}/module.so"
    settings = settings_with(
        directory, *signer(BAO, secret, "timeout = 1.5"), *signer(hsm, secret, name="next_signer", public=OTHER)
    )
    signers = open_signers(settings.sealer).signers
    assert signers.first.public == SIGNER.public
    assert signers.next_first is not None
    assert signers.next_first.public == OTHER_SIGNER.public


def test_kms_takes_no_secret(directory: Path) -> None:
    assert open_signers(settings_with(directory, *signer(KMS)).sealer).signers.first.public == SIGNER.public
    wrong = settings_with(directory, *signer(KMS, f'secret_file = "{directory}/token"'))
    with pytest.raises(ConfigurationError, match="takes no secret_file: the credentials of AWS come by boto3's"):
        open_signers(wrong.sealer)


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        (BAO, "openbao://transit/sealer needs a secret_file: a file that holds only the PIN, or only the token"),
        (f"{HSM}/module.so", "pkcs11:token=audit;object=sealer needs a secret_file"),
    ],
)
def test_the_others_need_one(directory: Path, uri: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        open_signers(settings_with(directory, *signer(uri)).sealer)


def test_check_refuses_a_module_that_is_not_there_and_a_secret_that_others_read(directory: Path) -> None:
    secret = f'secret_file = "{directory}/token"'
    settings_with(directory, *signer(f"{HSM}/nowhere.so", secret))
    checked = CliRunner().invoke(app, ["sealer", "--config", str(directory / "auditseal.toml"), "--check"])
    assert checked.exit_code == 2
    assert "there is no PKCS#11 module at /nowhere.so" in checked.stderr
    settings_with(directory, *signer(BAO, secret))
    checked = CliRunner().invoke(app, ["sealer", "--config", str(directory / "auditseal.toml"), "--check"])
    assert checked.exit_code == 0
    assert f'sealer.signer.uri = "{BAO}"' in checked.stdout
    assert "s.token" not in checked.stdout
    (directory / "token").chmod(0o644)
    checked = CliRunner().invoke(app, ["sealer", "--config", str(directory / "auditseal.toml"), "--check"])
    assert checked.exit_code == 2
    assert f"chmod 600 {directory}/token" in checked.stderr


def test_the_library_of_an_extra_is_named_where_it_is_missing(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "auditseal_sealer.signers.pkcs11_key", None)
    settings = settings_with(directory, *signer(f"{HSM}{directory}/module.so", f'secret_file = "{directory}/token"'))
    with pytest.raises(ConfigurationError, match=r"pip install 'auditseal\[pkcs11\]'"):
        open_signers(settings.sealer)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            signer("sealer.pem"),
            "sealer.signer.uri (AUDITSEAL_SEALER__SIGNER__URI): 'sealer.pem' does not name",
        ),
        (signer(KMS, public="AQID"), "sealer.signer.public_key (AUDITSEAL_SEALER__SIGNER__PUBLIC_KEY): 'AQID' is not"),
        (signer(KMS, public=ML_DSA), "a signer outside the process has such keys only"),
        (signer(KMS, "timeout = 0"), "sealer.signer.timeout"),
        (signer(KMS, "pin = 1"), "sealer.signer.pin"),
        ((), "no signing key is named: set key_file and passphrase_file, or the section signer"),
        (signer(KMS, name="next_signer"), "no signing key is named"),
    ],
)
def test_each_wrong_key_is_named(directory: Path, lines: tuple[str, ...], problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_with(directory, *lines)
    assert problem in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["signer", "next_signer"])
def test_a_key_is_in_a_file_or_at_a_signer(directory: Path, name: str) -> None:
    files = (f'next_key_file = "{directory}/key.pem"', f'next_passphrase_file = "{directory}/passphrase"')
    path = write_sealer_settings(directory, *files, *signer(KMS, name=name))
    prefix = name.removesuffix("signer")
    with pytest.raises(ConfigurationError, match=f"sealer .*: {prefix}key_file and {name} both name the key"):
        load_settings(SealerSettings, path)


def test_topics_pins_the_public_key_of_the_settings_and_asks_no_signer(directory: Path) -> None:
    settings_with(directory, *signer(BAO))
    settings = load_settings(TopicsSettings, directory / "auditseal.toml")
    read = find_public_keys(settings.sealer, None, None)
    assert read is not None
    assert read() == [b"\x01" + SIGNER.public]
    named = find_public_keys(settings.sealer, directory / "key.pem", directory / "passphrase")
    assert named is not None
    assert named() == [b"\x01" + load_key(directory / "key.pem", "secret").public]
