"""Go programs are built once from the pinned source and no other; a MinIO binary may be given instead."""

import os
import re
from pathlib import Path

import pytest

from auditseal_local import go_program, minio_binary
from auditseal_local.errors import LocalStackError
from auditseal_local.progress import silent
from tests.factory.programs import shell_script

pytestmark = pytest.mark.usefixtures("own_cache")


FAKE_GO = """
case "$1 $2" in
  "version -m") printf '\\tmod\\t%s\\t%s\\t%s\\n' github.com/minio/minio {version} {digest};;
  "version "*) echo go version go1.26.0 linux/amd64;;
  "env GOPROXY") echo "${{GOPROXY-https://proxy.example.com}}";;
  "build -C")
    echo "go: downloading x"; echo a/package; env > "{seen}"; cat "$3/go.mod" "$3/go.sum" > "{seen}.pins"
    mkdir -p "$GOCACHE"; echo binary > "$9minio"; chmod +x "$9minio"; sleep 1.2;;
esac
"""


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a `go` on the path that builds anything, and return where it leaves the environment that it saw."""
    place_go(tmp_path, minio_binary.MINIO.digest)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("AUDITSEAL_MINIO", raising=False)
    return tmp_path / "seen"


def place_go(tmp_path: Path, digest: str) -> None:
    text = FAKE_GO.format(version=minio_binary.MINIO.version, digest=digest, seen=tmp_path / "seen")
    shell_script(tmp_path / "bin" / "go", text)


def test_minio_is_built_once_and_its_caches_go(own_cache: Path, seen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    binary = minio_binary.minio_binary(lines.append)
    assert os.access(binary, os.X_OK)
    assert lines == ["MinIO: building from source (once), 1 s, 1 packages compiled"]
    assert sorted(path.name for path in own_cache.iterdir()) == [binary.parent.name, f"{binary.parent.name}.lock"]
    monkeypatch.setattr(go_program, "_build", lambda *_: pytest.fail("built twice"))
    assert minio_binary.minio_binary(silent) == binary


def test_a_cached_binary_that_changed_is_refused(seen: Path) -> None:
    binary = minio_binary.minio_binary(silent)
    binary.write_text("another")
    with pytest.raises(LocalStackError, match=f"{binary} has changed since it was built: remove {binary.parent}"):
        minio_binary.minio_binary(silent)


def test_the_source_is_pinned_by_the_hashes_of_its_modules(seen: Path) -> None:
    minio_binary.minio_binary(silent)
    pins = seen.with_name("seen.pins").read_text()
    assert f"github.com/minio/minio {minio_binary.MINIO.version} {minio_binary.MINIO.digest}\n" in pins
    assert len(re.findall(r"^\S+ v\S+ h1:\S{43}=$", pins, re.MULTILINE)) > 200


def test_nothing_of_the_callers_environment_changes_what_is_built(seen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = {
        "GOENV": "/tmp/env",
        "GOFLAGS": "-insecure -mod=mod -toolexec=evil",
        "GOINSECURE": "*",
        "GOMODCACHE": "/tmp/modules",
        "GONOPROXY": "*",
        "GONOSUMCHECK": "1",
        "GONOSUMDB": "*",
        "GOOS": "plan9",
        "GOPRIVATE": "*",
        "GOROOT": "/tmp/go",
        "GOSUMDB": "off",
        "GOWORK": "/tmp/go.work",
        "CGO_ENABLED": "1",
        "JAVA_TOOL_OPTIONS": "-Devil",
    }
    for name, value in {**hostile, "GOPROXY": "https://modules.example.com", "HTTPS_PROXY": "http://proxy:1"}.items():
        monkeypatch.setenv(name, value)
    minio_binary.minio_binary(silent)
    saw = dict(line.split("=", 1) for line in seen.read_text().splitlines())
    assert {name for name, value in hostile.items() if saw.get(name) == value} == set()
    assert saw["GOFLAGS"] == "-mod=readonly -modcacherw"
    assert (saw["GOPROXY"], saw["HTTPS_PROXY"]) == ("https://modules.example.com", "http://proxy:1")


def test_a_module_proxy_that_go_itself_was_told_of_is_kept(seen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOPROXY", raising=False)
    minio_binary.minio_binary(silent)
    assert "GOPROXY=https://proxy.example.com\n" in seen.read_text()


def test_a_binary_of_another_source_is_refused(seen: Path, tmp_path: Path) -> None:
    place_go(tmp_path, "h1:other=")
    with pytest.raises(LocalStackError, match="built from another source"):
        minio_binary.minio_binary(silent)
    assert not minio_binary.MINIO.folder.exists()


def test_a_given_minio_is_taken_and_a_wrong_one_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = shell_script(tmp_path / "bin" / "minio", "true")
    monkeypatch.setenv("AUDITSEAL_MINIO", str(given))
    assert minio_binary.minio_binary(silent) == given
    for wrong in (tmp_path / "absent", tmp_path):
        monkeypatch.setenv("AUDITSEAL_MINIO", str(wrong))
        with pytest.raises(LocalStackError, match="is not a program"):
            minio_binary.minio_binary(silent)


@pytest.mark.parametrize(
    ("path", "name"),
    [("github.com/minio/minio", "minio"), ("helm.sh/helm/v3", "helm"), ("go.etcd.io/etcd/server/v3", "server")],
)
def test_a_major_version_is_not_a_name(path: str, name: str) -> None:
    module = go_program.GoModule("It", path, "v3.1.4", "h1:", Path("pins"), (path,))
    assert module.folder.name == f"{name}-v3.1.4-built"
    assert go_program._paths(module, Path("built")) == [Path("built") / name]
