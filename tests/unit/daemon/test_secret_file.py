"""A secret's file is read only where it lets no others in."""

from pathlib import Path

import pytest

from auditseal_daemon.secret_file import check_private, read_secret
from auditseal_schemas.errors import ConfigurationError

ROOT, OURS, ANOTHER = 0, 1000, 2000


@pytest.mark.parametrize(
    ("mode", "owner", "user", "allowed"),
    [
        (0o600, OURS, OURS, True),
        (0o400, OURS, OURS, True),
        (0o640, OURS, OURS, False),
        (0o604, OURS, OURS, False),
        (0o620, OURS, OURS, False),
        (0o644, OURS, OURS, False),
        (0o600, ROOT, ROOT, True),
        (0o640, ROOT, ROOT, False),
        (0o440, ROOT, OURS, True),
        (0o640, ROOT, OURS, True),
        (0o660, ROOT, OURS, False),
        (0o444, ROOT, OURS, False),
        (0o644, ROOT, OURS, False),
        (0o440, ANOTHER, OURS, False),
    ],
)
def test_who_may_read_it(mode: int, owner: int, user: int, allowed: bool) -> None:
    if allowed:
        check_private(Path("secret"), mode, owner, user)
        return
    with pytest.raises(ConfigurationError, match=f"secret has mode {mode:04o}: .* chmod 600 secret"):
        check_private(Path("secret"), mode, owner, user)


def test_a_secret_without_its_newline(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(0o600)
    path.write_text("correct horse\n")
    assert read_secret(path) == "correct horse"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o640])
def test_a_file_that_others_may_read_is_refused_and_its_content_not_shown(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret"
    path.write_text("correct horse")
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="others may use the secret") as refused:
        read_secret(path)
    assert "horse" not in str(refused.value)


def test_bytes_that_are_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(0o600)
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_secret(path)
