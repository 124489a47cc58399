"""The auditor finds in every golden vault what it must find, where it must, and nothing else."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.report import Report, Result
from auditseal_auditor.request import Request
from auditseal_auditor.state.heads import Head
from auditseal_auditor.verification import Verification
from auditseal_schemas.note import Note
from auditseal_schemas.trust import Trust
from auditseal_vault.bulk_reader import read_each
from auditseal_vault.errors import UnreadableObjectError
from auditseal_vault.interface import ReadOutcome, Retention, StoredVersion
from tests.vectors.read import content_of, is_marker, read_vectors, trust_of

VECTORS = [vector for vector in read_vectors() if "trust_error" not in vector]
FIELDS = ("verdict", "origin", "height", "field", "offset")


@dataclass(frozen=True)
class GoldenVault:
    """A vector's objects as a store would show them."""

    objects: dict[str, list[dict[str, Any]]]
    enforces_worm: bool
    url: str = "golden:"

    def versions(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > after:
                for number, version in enumerate(self.objects[key]):
                    size = len(content_of(version) or b"")
                    yield StoredVersion(key, version.get("version_id", ""), number == 0, is_marker(version), size)

    def _version(self, key: str, version_id: str) -> dict[str, Any]:
        (found,) = (one for one in self.objects[key] if not version_id or one.get("version_id", "") == version_id)
        return found

    def read(self, key: str, version_id: str = "") -> bytes:
        content = content_of(self._version(key, version_id))
        if content is None:
            raise UnreadableObjectError(f"{key} has no content")
        return content

    def versions_of(self, key: str) -> Sequence[StoredVersion]:
        return [entry for entry in self.versions(key) if entry.key == key]

    def read_many(self, versions: Iterable[StoredVersion]) -> Iterator[ReadOutcome]:
        return read_each(self, versions)

    def legal_hold(self, key: str, version_id: str) -> bool:
        return False

    def encryption(self, key: str, version_id: str) -> None:
        return None

    def retention(self, key: str, version_id: str) -> Retention | None:
        version = self._version(key, version_id)
        if "mode" not in version:
            return None
        return Retention(version["mode"], datetime.fromisoformat(version["retain_until"]))


def verified(vector: dict[str, Any], *, quick: bool) -> Report:
    heads = [Head.of(Note.parse(note.encode())) for note in vector.get("remembered", ())]
    request = Request(
        Trust.parse(trust_of(vector)),
        quick=quick,
        heads={head.checkpoint.origin: head for head in heads},
        oldest=vector.get("newest_after"),
    )
    with CheckPool(lambda: GoldenVault(vector["objects"], vector["has_store"]), jobs=1) as pool:
        return Verification(request, pool).run()


def by_name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


@pytest.mark.parametrize("vector", VECTORS, ids=by_name)
@pytest.mark.parametrize("quick", [False, True], ids=["full", "quick"])
def test_it_finds_what_it_must_and_nothing_else(vector: dict[str, Any], quick: bool) -> None:
    report = verified(vector, quick=quick)
    expected = vector.get("quick_findings", vector["findings"]) if quick else vector["findings"]
    found = [
        # A field that the vector leaves open may be anything.
        tuple(finding.to_json()[name] if name != "field" or by_field else None for name in FIELDS)
        for finding, by_field in matched(report, expected)
    ]
    assert Counter(found) == Counter(tuple(finding.get(name) for name in FIELDS) for finding in expected)
    assert report.finding_count == len(expected)
    assert (report.exit_code == 0) == (not expected)


def matched(report: Report, expected: list[dict[str, Any]]) -> Iterator[tuple[Any, bool]]:
    """Yield each finding, and whether the vector says which field it must name."""
    opened = {(one["verdict"], one["origin"], one.get("height")) for one in expected if "field" not in one}
    for finding in report.kept_findings:
        yield finding, (finding.verdict, str(finding.origin), finding.height) not in opened


@pytest.mark.parametrize("vector", [vector for vector in VECTORS if "values" in vector], ids=by_name)
def test_it_counts_every_record_of_a_good_vault(vector: dict[str, Any]) -> None:
    report = verified(vector, quick=False)
    counted = {str(log.origin): log.counts.records for log in report.logs}
    assert counted == {origin: len(records) for origin, records in vector["values"].items()}
    started = "start" in vector["trust"].split()
    assert {log.result for log in report.logs} == ({Result.OK, Result.CHAIN_OK} if started else {Result.OK})
