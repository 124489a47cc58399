"""The sealer's settings: one message for each wrong key, and what they become."""

from base64 import b64encode
from datetime import date
from pathlib import Path

import pytest

from auditseal.settings import load_settings
from auditseal.settings_sealer import SealerSettings
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.header import Predecessor
from auditseal_schemas.key import VerifierKey
from tests.factory.keys import OTHER_SIGNER, SIGNER
from tests.factory.sealer_settings import write_sealer_key, write_sealer_settings

pytestmark = pytest.mark.usefixtures("no_settings")
ROOT = b64encode(bytes(32)).decode()
KEY, OTHER = (str(VerifierKey("a/audit.events/2/0", signer.public)) for signer in (SIGNER, OTHER_SIGNER))
HEAD = f"a/audit.events/2/0 7 {ROOT}"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_sealer_key(tmp_path)
    return tmp_path


def test_settings_become_a_configuration(directory: Path) -> None:
    lines = ("run = 1", f'predecessors = ["{HEAD} {KEY} {OTHER}"]', "block_age = 0.5", "replication = 1")
    settings = load_settings(SealerSettings, write_sealer_settings(directory, *lines, 'instance = "one"'))
    config = settings.config(genesis_allowed=True)
    assert config.predecessor(2) == Predecessor("a/audit.events/2/0", 7, bytes(32), (KEY, OTHER))
    assert config.predecessor(0) is None
    assert str(config.origin(2)) == "a/audit.events/2/1"
    assert config.transactional_id(2) == "auditseal.audit.events.2"
    assert (config.batch.age, config.rules.replication, config.genesis_allowed, config.instance) == (
        0.5,
        1,
        True,
        "one",
    )


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("block_records = 65537", "sealer.block_records"),
        ("session_timeout = 1", "sealer.session_timeout"),
        ("predecessors = ['a/e/0/0 7']", "sealer.predecessors"),
        (f"predecessors = ['a/audit.events/2/0 -7 {ROOT} {KEY}']", "the size is negative"),
        (f"predecessors = ['a/audit.events/2/0 7 AAAA {KEY}']", "the root is not of 32 bytes"),
        (f"predecessors = ['{HEAD}']", "it needs 1 to 16 different verifier keys after the root"),
        (f"predecessors = ['{HEAD} {KEY} {KEY}']", "it needs 1 to 16 different verifier keys after the root"),
        (f"predecessors = ['{HEAD} {KEY[:-1]}']", "is not <origin> <size> <base64 root> <verifier key> …: BAD_KEY"),
        (f"predecessors = ['a/e/0/0 7 {ROOT} {KEY}']", "is not one of a/e/0/0"),
        (f"predecessors = ['{HEAD} {KEY}']", "run 0 has no predecessor"),
        ("block_size = 7", "sealer.block_size"),
        ("retired_keys = ['AQID']", "is not the last part of a verifier key"),
        (f"retired_keys = ['{KEY}']", "is not the last part of a verifier key"),
        (
            "retired_keys = ['" + b64encode(b"\x02" + SIGNER.public).decode() + "']",
            "only types 0x01 (Ed25519) and 0x06 (ML-DSA-44) are known",
        ),
    ],
)
def test_each_wrong_key_is_named(directory: Path, line: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(SealerSettings, write_sealer_settings(directory, line))
    assert named in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("prefix", ["next_", "second_", "next_second_"])
@pytest.mark.parametrize("name", ["key_file", "passphrase_file"])
def test_another_key_needs_its_passphrase(directory: Path, prefix: str, name: str) -> None:
    path = write_sealer_settings(directory, f'{prefix}{name} = "{directory}/key.pem"')
    both = f"sealer.*{prefix}key_file and {prefix}passphrase_file are set together"
    with pytest.raises(ConfigurationError, match=both):
        load_settings(SealerSettings, path)


def test_the_day_of_a_key_is_a_date(directory: Path) -> None:
    settings = load_settings(SealerSettings, write_sealer_settings(directory, "key_expires = 2028-03-01"))
    assert settings.sealer.key_expires == date(2028, 3, 1)
    for line, named in (
        ('key_expires = "soon"', "sealer.key_expires"),
        ("key_expires = 2028-03-01T10:00:00Z", "sealer.key_expires"),
        ("second_key_expires = 2028-03-01", "second_key_file, which is not set"),
    ):
        with pytest.raises(ConfigurationError, match=named):
            load_settings(SealerSettings, write_sealer_settings(directory, line))


def test_retired_keys_are_public_keys(directory: Path) -> None:
    retired = b64encode(b"\x01" + SIGNER.public).decode()
    settings = load_settings(SealerSettings, write_sealer_settings(directory, f'retired_keys = ["{retired}"]'))
    assert settings.sealer.retired_public_keys() == (b"\x01" + SIGNER.public,)
