"""The MinIO binary: given, or built once from the pinned source and no other."""

import os
from pathlib import Path

import pytest

from auditseal_local import minio_binary
from auditseal_local.errors import LocalStackError
from auditseal_local.progress import silent
from tests.factory.programs import shell_script

pytestmark = pytest.mark.usefixtures("own_cache")


FAKE_GO = """
case "$1 $2" in
  "version -m") printf '\\tmod\\t%s\\t%s\\t%s\\n' github.com/minio/minio {version} {digest};;
  "version "*) echo go version go1.26.0 linux/amd64;;
  "install "*)
    echo "go: downloading x"; echo a/package
    mkdir -p "$GOBIN" "$GOCACHE"; echo binary > "$GOBIN/minio"; sleep 1.2;;
esac
"""


def test_minio_is_built_once_and_its_caches_go(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = FAKE_GO.format(version=minio_binary.VERSION, digest=minio_binary._MODULE_HASH)
    shell_script(tmp_path / "bin" / "go", text)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("AUDITSEAL_MINIO", raising=False)
    lines: list[str] = []
    binary = minio_binary.minio_binary(lines.append)
    assert os.access(binary, os.X_OK)
    assert lines == ["MinIO: building from source (once), 1 s, 1 packages compiled"]
    assert sorted(path.name for path in own_cache.iterdir()) == [binary.name, f"{binary.name}.lock"]
    monkeypatch.setattr(minio_binary, "_build", lambda *_: pytest.fail("built twice"))
    assert minio_binary.minio_binary(silent) == binary


def test_a_binary_of_another_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell_script(tmp_path / "bin" / "go", FAKE_GO.format(version=minio_binary.VERSION, digest="h1:other="))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("AUDITSEAL_MINIO", raising=False)
    with pytest.raises(LocalStackError, match="built from another source"):
        minio_binary.minio_binary(silent)
    assert not minio_binary.cached_path().exists()


def test_a_given_minio_is_taken_and_a_wrong_one_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = shell_script(tmp_path / "bin" / "minio", "true")
    monkeypatch.setenv("AUDITSEAL_MINIO", str(given))
    assert minio_binary.minio_binary(silent) == given
    for wrong in (tmp_path / "absent", tmp_path):
        monkeypatch.setenv("AUDITSEAL_MINIO", str(wrong))
        with pytest.raises(LocalStackError, match="is not a program"):
            minio_binary.minio_binary(silent)
