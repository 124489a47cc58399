"""The documentation site is built without a warning, has the API in it, and fetches nothing when it is opened."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//|<link\b[^>]*\bhref=["']?(?:https?:)?//"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    named = {path.with_name("index.html") if path.name == "README.html" else path for path in pages}
    assert [str(page) for page in named if not (site / page).is_file()] == []


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("publish", "auditseal_producer.AuditProducer"),
        ("publish", "auditseal_producer.ProducerConfig"),
        ("publish", "auditseal_producer.BufferFullError"),
        ("verify", "auditseal_auditor.verification.Verification.run"),
        ("verify", "auditseal_vault.interface.VaultReader"),
        ("verify", "auditseal_schemas.trust.Trust.parse"),
    ],
)
def test_the_api_is_in_the_site(site: Path, page: str, name: str) -> None:
    assert f'id="{name}"' in (site / "reference" / "api" / f"{page}.html").read_text("utf-8")


def test_opening_a_page_fetches_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    assert [str(page) for page in pages if _FETCHED.search(page.read_text("utf-8"))] == []
    assert _FETCHED.search('<script src="https://example.com/a.js"></script>')


def test_a_fence_or_a_list_never_shows_as_text(site: Path) -> None:
    source = re.compile(r"```|^(?:- |\* |\d+\. |\|)", re.MULTILINE)
    shown = [
        f"{page.relative_to(site)}: {paragraph}"
        for page in site.rglob("*.html")
        for paragraph in re.findall(r"<p>(.*?)</p>", page.read_text("utf-8"), re.DOTALL)
        if source.search(paragraph)
    ]
    assert shown == []
