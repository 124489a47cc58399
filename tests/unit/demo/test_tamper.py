"""What the demo accepts as its tampering, found."""

from typing import Any

import pytest

from auditseal.demo.tamper import Tampering
from auditseal_local.errors import LocalStackError

TAMPERING = Tampering("c/t/0/0", 3, 470, "event", "svc-4", "svc-1")


CAUGHT = {"verdict": "BAD_RECORD", "origin": "c/t/0/0", "height": 3, "offset": 470, "field": "record"}


def report(*findings: dict[str, Any]) -> dict[str, Any]:
    return {"findings": [], "logs": [{"findings": []}, {"findings": list(findings)}]}


def test_the_tampering_is_caught_when_its_place_alone_is_named() -> None:
    TAMPERING.check_found(report(CAUGHT))


@pytest.mark.parametrize(
    "wrong",
    [
        report(),
        report(CAUGHT, CAUGHT),
        {**report(CAUGHT), "findings": [CAUGHT]},
        *(report({**CAUGHT, name: "other"}) for name in CAUGHT),
    ],
)
def test_any_other_finding_fails_the_demo(wrong: dict[str, Any]) -> None:
    with pytest.raises(LocalStackError, match=r"should have found .*470"):
        TAMPERING.check_found(wrong)
