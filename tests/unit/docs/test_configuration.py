"""docs/reference/configuration.md says what the settings are: every key of every section, with its default."""

import json
import re
import tomllib
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from auditseal.settings_archiver import ArchiverSection, ArchiverSettings
from auditseal.settings_gateway import GatewaySection, GatewaySettings, OidcSettings
from auditseal.settings_kafka import KafkaSettings
from auditseal.settings_sasl import KerberosSettings, OauthbearerSettings
from auditseal.settings_sealer import SealerSection
from auditseal.settings_sections import MetricsSettings, RecordSettings, Section
from auditseal.settings_signer import SignerSection
from auditseal.settings_watch import WatchSection, WatchSettings
from auditseal_gateway.clients import ClientDirectory

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference" / "configuration.md").read_text("utf-8")
SHARED = PAGE[PAGE.index("## Shared") : PAGE.index("## The archiver")]


def rows(title: str) -> dict[str, str]:
    section = PAGE[PAGE.index(title) :].removeprefix("## ")
    found = re.findall(r"^\| `(\w+)` \|([^|]*)\|", section[: section.find("\n## ")], re.MULTILINE)
    return {name: default.strip() for name, default in found}


def told(default: Any) -> str:
    if default in ("", (), None):
        return "`[]`" if default == () else ""
    text = default if isinstance(default, str) else json.dumps(default)
    return f"`{text.removesuffix('.0')}`"


@pytest.mark.parametrize(
    ("title", "section"),
    [
        ("## The archiver", ArchiverSection),
        ("## The watcher", WatchSection),
        ("## The sealer", SealerSection),
        ("## The gateway", GatewaySection),
        ("## Own audit events", RecordSettings),
    ],
)
def test_every_key_stands_with_its_default(title: str, section: type[Section]) -> None:
    fields = section.model_fields
    expected = {name: "required" if field.is_required() else told(field.default) for name, field in fields.items()}
    assert rows(title) == expected


def test_every_key_of_the_gateways_provider_stands_in_the_page() -> None:
    assert [name for name in OidcSettings.model_fields if f"`gateway.oidc.{name}`" not in PAGE] == []


def test_every_key_of_a_signer_stands_in_the_page_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `sealer\.signer\.(\w+)` \|([^|]*)\|", PAGE, re.MULTILINE))
    fields = SignerSection.model_fields
    assert rows.keys() == fields.keys()
    for name, field in fields.items():
        if field.is_required() or name == "timeout":
            assert rows[name].strip() == ("required" if field.is_required() else told(field.default))


def test_every_shared_key_stands_in_the_page() -> None:
    keys = [name for name in ArchiverSettings.model_fields if name not in {"kafka", "metrics", "archiver", "record"}]
    keys += [f"kafka.{name}" for name in KafkaSettings.model_fields]
    keys += [f"kafka.oauthbearer.{name}" for name in OauthbearerSettings.model_fields]
    keys += [f"kafka.kerberos.{name}" for name in KerberosSettings.model_fields]
    keys += [f"metrics.{name}" for name in MetricsSettings.model_fields]
    assert [key for key in keys if f"`{key}`" not in SHARED] == []


def test_the_example_has_every_key_that_the_environment_lacks() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (DOCS / "how-to" / "operate.md").read_text("utf-8"), re.DOTALL)
    config = tomllib.loads(example)
    for name, section in (("archiver", ArchiverSection), ("sealer", SealerSection)):
        needed = {key for key, field in section.model_fields.items() if field.is_required()}
        assert needed <= config[name].keys() <= section.model_fields.keys()
    assert config["sealer"].keys() >= {"key_file", "passphrase_file"}


def test_the_signers_of_the_how_to_are_valid() -> None:
    examples = re.findall(r"```toml\n(.*?)```", (DOCS / "how-to" / "signers.md").read_text("utf-8"), re.DOTALL)
    assert len(examples) == 4
    for example in examples:
        section = tomllib.loads(dedent(example))["sealer"]
        signer = SignerSection(**(section.get("signer") or section["next_signer"]) | {"secret_file": None})
        assert signer.uri.partition(":")[0] in {"pkcs11", "openbao", "awskms"}


def test_the_watchers_example_is_valid_and_has_what_it_needs() -> None:
    examples = re.findall(r"```toml\n(.*?)```", (DOCS / "how-to" / "watch.md").read_text("utf-8"), re.DOTALL)
    config = tomllib.loads("".join(examples))
    assert config.keys() <= WatchSettings.model_fields.keys()
    needed = {key for key, field in WatchSection.model_fields.items() if field.is_required()}
    assert needed <= config["watch"].keys() <= WatchSection.model_fields.keys()


def test_the_gateways_examples_are_valid() -> None:
    clients, config = re.findall(r"```toml\n(.*?)```", (DOCS / "how-to" / "gateway.md").read_text("utf-8"), re.DOTALL)
    assert len(ClientDirectory.parse(clients).clients) == 2
    read = tomllib.loads(config)
    assert read.keys() <= GatewaySettings.model_fields.keys()
    needed = {key for key, field in GatewaySection.model_fields.items() if field.is_required()}
    assert needed <= read["gateway"].keys() <= GatewaySection.model_fields.keys()
