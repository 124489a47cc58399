"""What is shipped: the wheel built from the sdist, and what a plain installation pulls in."""

import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "auditseal",
    "auditseal_archiver",
    "auditseal_auditor",
    "auditseal_daemon",
    "auditseal_evidence",
    "auditseal_explorer",
    "auditseal_gateway",
    "auditseal_glue",
    "auditseal_importers",
    "auditseal_local",
    "auditseal_producer",
    "auditseal_schemas",
    "auditseal_search",
    "auditseal_sealer",
    "auditseal_vault",
    "auditseal_watch",
}
# Of these a service that only publishes must get none.
DAEMONS_ONLY = [
    "boto3",
    "cryptography",
    "isal",
    "prometheus_client",
    "pycurl",
    "pydantic",
    "rich",
    "structlog",
    "typer",
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel made the way an index would serve it: from the sdist, not from the tree."""
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_exactly_our_packages(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top_level = {name.split("/")[0] for name in names}
    metadata = {name for name in top_level if name.endswith(".dist-info")}
    assert top_level - metadata == PACKAGES
    assert len(metadata) == 1
    assert all(f"{package}/py.typed" in names for package in PACKAGES)


def test_the_wheel_holds_what_code_reads_beside_itself(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tree = {
        f"{path.parent.name}/{path.name}" if path.parent.name in PACKAGES else f"{path.parts[-3]}/avro/{path.name}"
        for package in ROOT.glob("*/auditseal_*")
        for path in package.rglob("*")
        if path.suffix in {".avsc", ".lock", ".properties"}
    }
    assert {"auditseal_schemas/avro/sealed_record.avsc", "auditseal_schemas/avro/block_header.avsc"} <= tree
    assert tree <= names


def test_the_wheel_holds_the_documentation_that_the_explorer_shows(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert {f"auditseal_explorer/documents/{page}" for page in pages} <= names


def test_the_sdist_leaves_out_what_is_made_here(wheel: Path) -> None:
    with tarfile.open(next(wheel.parent.glob("*.tar.gz"))) as sdist:
        names = ["/".join(name.split("/")[1:]) for name in sdist.getnames()]
    assert "tests/packaging/test_wheel.py" in names
    assert not [name for name in names if name.startswith(("demo/", ".venv", "dist/"))]


def install(wheel: Path, python: Path) -> None:
    """Install as the Makefile does: by uv, which is many times faster, and by pip where uv isn't or finds no index."""
    uv = shutil.which("uv", path=Path(sys.executable).parent)
    by_uv = [uv, "pip", "install", "--quiet", "--python", python, wheel]
    if uv is None or subprocess.run(by_uv, check=False, capture_output=True).returncode != 0:
        subprocess.run([python, "-m", "ensurepip"], check=True, capture_output=True)
        by_pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
        subprocess.run(by_pip, check=True, capture_output=True)


def test_a_plain_installation_publishes_and_pulls_in_no_daemon(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    install(wheel, python)
    program = f"""
import importlib.util
from auditseal import AuditProducer
present = [name for name in {DAEMONS_ONLY!r} if importlib.util.find_spec(name)]
assert not present, present
print(AuditProducer.__module__)
"""
    run = subprocess.run([python, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("auditseal_producer")


def test_the_command_without_its_extra_says_what_to_install(wheel: Path, tmp_path: Path) -> None:
    """Without typer there is no command line; the way to it is named and the exit code is that of usage."""
    program = (
        "import sys; sys.modules['typer'] = None\n"
        "from auditseal.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as stop: print(stop.code)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "2"
    assert "auditseal[cli]" in run.stderr
