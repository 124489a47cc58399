"""The Python in the docs runs, on librdkafka's mock cluster."""

import re
import signal
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from auditseal_producer import ProducerConfig
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.verdict import Verdict
from auditseal_vault.directory import DirectoryVault
from tests.factory.evidence import BLOCKS, LOG, VALUES, trust_file
from tests.factory.keys import keys_of
from tests.factory.vaults import ORIGINS, lock_until, make_log

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def kept_handler() -> Iterator[None]:
    """Keep this process's handler of SIGTERM, which an example replaces."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.usefixtures("kept_handler")
@pytest.mark.parametrize(("page", "blocks"), [("reference/events.md", 1), ("how-to/publish.md", 10)])
def test_the_code_of_a_page_runs_from_top_to_bottom(page: str, blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ProducerConfig.librdkafka.fget
    assert real is not None
    mock = {"test.mock.num.brokers": 1}
    monkeypatch.setattr(ProducerConfig, "librdkafka", property(lambda config: {**real(config), **mock}))
    text = (DOCS / page).read_text(encoding="utf-8")
    found = list(BLOCK.finditer(text))
    assert len(found) == blocks
    names: dict[str, Any] = {}
    for block in found:
        # Blank lines first, so that a failure names the page's own line.
        above = "\n" * text.count("\n", 0, block.start(1))
        exec(compile(above + block[1], str(DOCS / page), "exec"), names)


def test_the_example_of_verification_finds_a_changed_block(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    page = DOCS / "reference" / "api" / "verify.md"
    (example,) = BLOCK.findall(page.read_text("utf-8"))
    exec(compile(example, str(page), "exec"), names)
    vault = DirectoryVault(tmp_path)
    for block in make_log(ORIGINS[0]):
        vault.put(ORIGINS[0].block_key(block.header.height), block.format(), lock_until().retain_until)
    trust = tmp_path / "trust.txt"
    trust.write_text("".join(f"log {key}\n" for key in keys_of(ORIGINS[0])))
    changed = tmp_path / ORIGINS[0].block_key(1)
    changed.chmod(0o600)
    changed.write_bytes(b"")
    # The log of the second partition isn't pinned, which is the worse of the two findings.
    assert names["verify"](trust, tmp_path.as_uri()) == Verdict.MISSING_LOG.exit_code
    assert capsys.readouterr().out.startswith(f"MALFORMED {ORIGINS[0]} 1 ")


def test_the_service_that_hands_out_proofs_proves_its_event_once_it_is_sealed(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    page = DOCS / "how-to" / "prove.md"
    examples = BLOCK.findall(page.read_text("utf-8"))
    assert len(examples) == 2
    for example in examples:
        exec(compile(example, str(page), "exec"), names)
    trust = tmp_path / "trust.txt"
    trust.write_bytes(trust_file())
    vault = DirectoryVault(tmp_path / "vault")
    (tmp_path / "vault").mkdir()
    proofs = names["Proofs"]((tmp_path / "vault").as_uri(), trust)
    receipt = {"topic": LOG.topic, "partition": 0, "offset": 3, "sha256": sha256(VALUES[3] or b"").hexdigest()}
    assert proofs.proof_of(receipt) is None
    for block in BLOCKS:
        vault.put(LOG.block_key(block.header.height), block.format(), lock_until().retain_until)
    proof = proofs.proof_of(receipt)
    assert names["check"](proof, proofs.trust) == "u-1 did approve, sealed in block 2"
    with pytest.raises(VerificationError, match="BAD_RECORD"):
        proofs.proof_of(receipt | {"sha256": sha256(b"another event").hexdigest()})
