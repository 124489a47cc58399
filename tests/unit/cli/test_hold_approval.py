"""What an approval would release is shown before it is signed, and someone says yes."""

import pytest

from auditseal.cli.hold_approval import check_approval
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.hold_case import HoldCase
from auditseal_schemas.hold_statement import Step
from auditseal_schemas.origin import Origin
from tests.factory.people import ALICE, BOB, CAROL, accept_all

LOG, OTHER = Origin("a.example", "t", 0, 0), Origin("a.example", "t", 1, 0)
STEPS = [(ALICE, Step.ADD, (LOG, {3: "v3", 4: "v4"})), (CAROL, Step.ADD, (OTHER, {7: "v7"})), (BOB, Step.ASK, None)]
ASKED, _ = accept_all("CASE-7", *STEPS)
SHOWN = [
    f"auditseal hold release: {line}"
    for line in (
        "bob@example.com asks to release CASE-7, which holds 3 versions:",
        "  a.example/t/0/0: 2 blocks, heights 3-4",
        "  a.example/t/1/0: 1 blocks, heights 7",
        "  2026-09-21T14:13:20Z alice@example.com add",
        "  2026-09-21T14:13:20Z carol@example.com add",
        "  2026-09-21T14:13:20Z bob@example.com ask-release",
    )
]


@pytest.mark.parametrize(("answer", "said"), [(True, ""), (False, "was not confirmed"), (None, "at a terminal")])
def test_the_case_is_shown_and_confirmed(capsys: pytest.CaptureFixture[str], answer: bool | None, said: str) -> None:
    questions = list[str]()

    def confirm(question: str) -> bool:
        assert capsys.readouterr().err.splitlines() == SHOWN
        questions.append(question)
        return bool(answer)

    if said:
        with pytest.raises(ConfigurationError, match=said):
            check_approval(ASKED, None if answer is None else confirm)
    else:
        check_approval(ASKED, confirm)
    asked = [] if answer is None else ["Approve the release of CASE-7, and lift these holds?"]
    assert questions == asked


@pytest.mark.parametrize(
    "case",
    [HoldCase("CASE-7"), accept_all("C", *STEPS[:2])[0], accept_all("C", *STEPS, (ALICE, Step.APPROVE, None))[0]],
)
def test_a_case_that_nobody_asks_to_release_is_not_asked_about(
    case: HoldCase, capsys: pytest.CaptureFixture[str]
) -> None:
    check_approval(case, None)
    assert capsys.readouterr().err == ""
