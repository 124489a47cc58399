"""Log lines that are added to a trust file: those that it lacks, at once, and by a key that it knows."""

from pathlib import Path

import pytest

from auditseal import trust_lines
from auditseal.trust_lines import TrustLines
from auditseal_schemas.errors import ConfigurationError, TrustError
from auditseal_schemas.key import Signer, SigningKey, VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_schemas.public_key import ML_DSA_44
from auditseal_schemas.trust import Trust
from tests.factory.keys import OTHER_SIGNER, SIGNER

ORIGINS = [Origin("a.example", "audit.events", partition, 0) for partition in range(4)]


def line(origin: Origin) -> str:
    return f"log {VerifierKey(str(origin), SIGNER.public)}"


def blob(signer: Signer) -> bytes:
    return signer.algorithm + signer.public


def key() -> list[bytes]:
    return [blob(SIGNER)]


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    path = tmp_path / "trust.txt"
    path.write_text(f"retention 30\n{line(ORIGINS[0])} # the first\n{line(ORIGINS[2])}")  # no newline at its end
    path.chmod(0o640)
    return path


def test_the_lines_that_are_lacking_are_added(trust: Path) -> None:
    before = trust.read_bytes()
    lines = TrustLines.lacking(trust, ORIGINS, key)
    assert lines.lines == (line(ORIGINS[1]), line(ORIGINS[3]))
    assert trust.read_bytes() == before
    lines.write()
    assert trust.read_bytes() == before + b"\n" + "".join(f"{one}\n" for one in lines.lines).encode()
    assert {log.origin for log in Trust.parse(trust.read_bytes()).logs} == set(ORIGINS)
    assert trust.stat().st_mode & 0o777 == 0o640
    assert list(trust.parent.iterdir()) == [trust]


def test_a_file_that_lacks_nothing_stays_and_needs_no_key(trust: Path) -> None:
    TrustLines.lacking(trust, ORIGINS, key).write()
    status = trust.stat()
    again = TrustLines.lacking(trust, ORIGINS, None)
    again.write()
    assert (again.lines, trust.stat().st_ino) == ((), status.st_ino)


def test_a_link_leads_to_the_file_that_is_changed(trust: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.txt"
    link.symlink_to(trust)
    TrustLines.lacking(link, ORIGINS, key).write()
    assert link.is_symlink()
    assert len(Trust.parse(trust.read_bytes()).logs) == 4


def test_a_log_of_another_topic_has_a_key_of_its_own(trust: Path) -> None:
    other = Origin("a.example", "orders", 0, 0)
    lines = TrustLines.lacking(trust, [other], lambda: [blob(OTHER_SIGNER)])
    assert lines.lines == (f"log {VerifierKey(str(other), OTHER_SIGNER.public)}",)


def test_a_log_with_a_second_key_gets_two_lines(trust: Path) -> None:
    second = SigningKey.generate(ML_DSA_44)
    lines = TrustLines.lacking(trust, ORIGINS[:2], lambda: [blob(SIGNER), blob(second)])
    assert lines.lines == (line(ORIGINS[1]), f"log {VerifierKey.of(str(ORIGINS[1]), second)}")
    lines.write()
    assert len(Trust.parse(trust.read_bytes()).log_of(ORIGINS[1]).keys) == 2


def test_a_key_that_the_topics_logs_do_not_have_is_refused(trust: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"isn't one that .* pins for a.example/audit.events"):
        TrustLines.lacking(trust, ORIGINS, lambda: [blob(OTHER_SIGNER)])


def test_without_a_key_the_missing_log_is_named(trust: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"doesn't pin a.example/audit.events/1/0 and other logs: .*keys show"):
        TrustLines.lacking(trust, ORIGINS, None)


def test_a_file_that_is_not_there_or_not_a_trust_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read"):
        TrustLines.lacking(tmp_path / "none.txt", ORIGINS, key)
    (tmp_path / "bad.txt").write_text("nonsense\n")
    with pytest.raises(TrustError, match="line 1"):
        TrustLines.lacking(tmp_path / "bad.txt", ORIGINS, key)


def test_a_file_that_changed_meanwhile_stays_as_it_is(trust: Path) -> None:
    lines = TrustLines.lacking(trust, ORIGINS, key)
    trust.write_text("retention 40\n")
    with pytest.raises(ConfigurationError, match="changed by someone else"):
        lines.write()
    assert trust.read_text() == "retention 40\n"


def test_a_write_that_fails_leaves_the_file_and_nothing_else(trust: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = trust.read_bytes()
    lines = TrustLines.lacking(trust, ORIGINS, key)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trust_lines.os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        lines.write()
    assert trust.read_bytes() == before
    assert list(trust.parent.iterdir()) == [trust]
