"""The Python in the docs runs, on librdkafka's mock cluster."""

import re
import signal
from ast import literal_eval
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
from tests.unit.search import test_search_command as searching

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FROM_TOP_TO_BOTTOM = {
    "README.md": 1,
    "docs/how-to/frameworks.md": 6,
    "docs/how-to/publish.md": 10,
    "docs/how-to/registry.md": 1,
    "docs/how-to/spool.md": 2,
    "docs/how-to/streams.md": 2,
    "docs/reference/events.md": 1,
}
"""Pages, and how many blocks of Python each has, which build on those above."""
OTHERWISE = {
    "docs/how-to/explore.md",  # tests/unit/cli/test_explore.py
    "docs/how-to/prove.md",
    "docs/how-to/search.md",
    "docs/reference/api/verify.md",
}


@pytest.fixture
def kept_handler() -> Iterator[None]:
    """Keep this process's handler of SIGTERM, which an example replaces."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.usefixtures("kept_handler")
@pytest.mark.parametrize(("page", "blocks"), FROM_TOP_TO_BOTTOM.items())
def test_the_code_of_a_page_runs_from_top_to_bottom(
    page: str, blocks: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = ProducerConfig.librdkafka.fget
    assert real is not None
    mock = {"test.mock.num.brokers": 1}
    monkeypatch.setattr(ProducerConfig, "librdkafka", property(lambda config: {**real(config), **mock}))
    text = (ROOT / page).read_text(encoding="utf-8")
    found = list(BLOCK.finditer(text))
    assert len(found) == blocks
    names: dict[str, Any] = {}
    for block in found:
        # Blank lines first, so that a failure names the page's own line.
        above = "\n" * text.count("\n", 0, block.start(1))
        code = block[1].replace('"/tmp/', f'"{tmp_path}/')
        exec(compile(above + code, str(ROOT / page), "exec"), names)


def test_all_python_in_the_docs_is_run() -> None:
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
    found = {page.relative_to(ROOT).as_posix() for page in pages if BLOCK.search(page.read_text("utf-8"))}
    assert found == FROM_TOP_TO_BOTTOM.keys() | OTHERWISE


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


def test_other_tools_read_an_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = searching.Place(tmp_path)
    place.put(searching.BLOCKS)
    assert place.build().exit_code == 0
    monkeypatch.chdir(tmp_path)
    page = DOCS / "how-to" / "search.md"
    (example,) = BLOCK.findall(page.read_text("utf-8"))
    exec(compile(example, str(page), "exec"), {})
    counts = dict(literal_eval(capsys.readouterr().out))
    assert sum(counts.values()) == len(searching.VALUES)
    assert list(counts.values()) == sorted(counts.values(), reverse=True)


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
