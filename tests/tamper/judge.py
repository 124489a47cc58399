"""The two judges of a case: the auditor, held to verdict and place, and the second reader, which must refuse."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache, partial
from unittest.mock import patch

from auditseal_auditor.check_pool import Checked, CheckPool
from auditseal_auditor.listing import ListedKey
from auditseal_auditor.object_check import CheckedObject, check_object, read_objects
from auditseal_auditor.report import Report
from auditseal_auditor.request import Request
from auditseal_auditor.state.heads import Head
from auditseal_auditor.verification import Verification
from auditseal_schemas import key
from auditseal_schemas.note import Note
from auditseal_schemas.public_key import verify_signature
from auditseal_schemas.trust import Trust
from tests.factory.vaults import MemoryVault, Version
from tests.oracle import anchor, store, verifier
from tests.oracle.reader import Refused
from tests.tamper.case import Expected, Outcome, Vault
from tests.vectors.vector import Finding

_parse_trust = lru_cache(Trust.parse)
_verify_signature = lru_cache(maxsize=1_024)(verify_signature)
"""Verifies what holds once; a signature that doesn't hold raises, and what raises is not kept."""


class _RememberingPool(CheckPool):
    """Checks equal objects once: all but one or two of a case's are the untouched vault's."""

    def check(self, keys: Iterable[ListedKey], *, quick: bool) -> Iterator[Checked]:
        assert isinstance(self.reader, MemoryVault)
        for listed in keys:
            versions = tuple(self.reader.objects[listed.key])
            yield listed, _checked(listed, versions, quick=quick)


@lru_cache(maxsize=64)
def _checked(listed: ListedKey, versions: tuple[Version, ...], *, quick: bool) -> CheckedObject | None:
    vault = MemoryVault(objects={listed.key: list(versions)})
    ((_, read),) = read_objects(vault, [listed])
    return check_object(read, quick=quick) if read else None


def judge_vault(case: Vault) -> Outcome:
    report = audit(case)
    found = [Finding(one.verdict, str(one.origin), one.height, one.field, one.offset) for one in report.kept_findings]
    problems = (
        *unmatched(found, case.expected),
        *wrong_exit_code(report),
        *wrong_evidence(case, report),
        *disagreement(case),
    )
    return Outcome(tuple(sorted(set(report_verdicts(report)))), "; ".join(problems))


def audit(case: Vault) -> Report:
    vault = MemoryVault(objects={at: list(versions) for at, versions in case.objects.items()})
    known = [Head.of(Note.parse(note.encode())) for note in case.remembered]
    request = Request(
        _parse_trust(case.trust.encode()),
        heads={head.checkpoint.origin: head for head in known},
        oldest=case.oldest,
    )
    with (
        patch.object(key, "verify_signature", _verify_signature),
        _RememberingPool(partial(_same, vault), jobs=1) as pool,
    ):
        return Verification(request, pool).run()


def _same(vault: MemoryVault) -> MemoryVault:
    return vault


def report_verdicts(report: Report) -> list[str]:
    return [str(one.verdict) for one in report.kept_findings]


def unmatched(found: Sequence[Finding], expected: Sequence[Expected]) -> Iterator[str]:
    """Yield what was found without being expected, and the other way round."""
    left = list(found)
    for alternatives in expected:
        match = next((one for one in left if agrees(one, alternatives)), None)
        if match is None:
            yield f"not found: {alternatives}"
        else:
            left.remove(match)
    for one in left:
        yield f"found: {one}"


def agrees(found: Finding, alternatives: Expected) -> bool:
    return any(found._replace(field=found.field if one.field else None) == one for one in alternatives)


def wrong_exit_code(report: Report) -> Iterator[str]:
    worst = max((one.verdict.exit_code for one in report.kept_findings), default=0)
    if report.exit_code != worst:
        yield f"exit code {report.exit_code}, not {worst}"


def wrong_evidence(case: Vault, report: Report) -> Iterator[str]:
    """Yield each fork whose evidence doesn't convince somebody who has only the second reader and the pinned keys."""
    for one in report.kept_findings:
        if one.verdict != "FORK" or not case.provable:
            continue
        vkeys = [line.split()[1] for line in case.trust.splitlines() if line.startswith(f"log {one.origin}+")]
        try:
            first, second = (note.encode() for note in one.evidence)
            proven = anchor.check_fork(first, second, vkeys)
        except (Refused, ValueError) as error:
            yield f"the evidence of a fork proves nothing: {error}"
            continue
        if proven != (str(one.origin), (one.height or 0) + 1):
            yield f"the evidence of a fork is of {proven}"


def disagreement(case: Vault) -> Iterator[str]:
    """Yield what is wrong with the second reader's answer: the first fault, which must be one of those expected."""
    try:
        second_opinion(case)
    except Refused as refused:
        origin, height = refused.place
        found = Finding(refused.verdict, origin, None if height < 0 else height, refused.field, refused.offset)
        if not any(agrees(found, alternatives) for alternatives in case.expected):
            yield f"the second reader finds {found}"
    else:
        if case.expected:
            yield "the second reader finds nothing"


def second_opinion(case: Vault) -> None:
    """Judge a case with the second reader.

    Raises:
        Refused: The first fault.
    """
    listing = {at: [store.Stored(one.data, lock_of(one)) for one in entries] for at, entries in case.objects.items()}
    logs = verifier.read_trust(case.trust)
    retention = re.search(r"^retention ([0-9]+)$", case.trust, re.MULTILINE)
    remembered = {anchor.read_checkpoint(note.encode())[0]: note.encode() for note in case.remembered}
    for origin, log in logs.items():
        log.settled = anchor.read_checkpoint(remembered[origin])[1] if origin in remembered else 0
        store.check_store(listing, origin, log.first)
    contents = store.first_contents(listing)
    verifier.check({at: partial(_content, data) for at, data in contents.items()}, logs)
    if retention:
        for origin, log in logs.items():
            store.check_retention(listing, origin, int(retention[1]), log.first)
    for origin, note in remembered.items():
        anchor.check_head(logs[origin], note)
    for log in logs.values():
        anchor.check_age(log, case.oldest or 0)


def _content(data: bytes) -> bytes:
    return data


def lock_of(version: Version) -> tuple[str, datetime] | None:
    return (version.lock.mode, version.lock.retain_until) if version.lock else None
