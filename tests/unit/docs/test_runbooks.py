"""Every halt has a runbook that says the same code, and answers the same five questions."""

from pathlib import Path

import pytest

from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.verdict import Verdict

RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"
SECTIONS = ["What happened", "What is at stake", "What to check", "What to do", "What never to do"]


@pytest.mark.parametrize("halt", Halt, ids=lambda halt: halt.name)
def test_every_halt_has_its_runbook(halt: Halt) -> None:
    page = (RUNBOOKS / f"{halt.runbook}.md").read_text("utf-8")
    assert page.startswith(f"# {halt.runbook}\n\n`{halt.name}`, exit code {halt.exit_code};")
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == SECTIONS
    index = (RUNBOOKS / "README.md").read_text("utf-8")
    assert f"| {halt.exit_code} | `{halt.name}` | [{halt.runbook}]({halt.runbook}.md) |" in index


def test_there_is_no_runbook_without_a_halt() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"} == {halt.runbook for halt in Halt}


def test_exit_codes_are_all_different_and_no_shells() -> None:
    codes = [0, 1, 2, *(verdict.exit_code for verdict in Verdict), *(halt.exit_code for halt in Halt)]
    assert len(set(codes)) == len(codes)
    assert max(codes) < 126


def test_a_halt_names_its_runbook() -> None:
    assert str(HaltError(Halt.FORK, "two blocks")) == "FORK: two blocks (runbook: fork)"


def test_eight_runbooks_lead_to_the_page_that_begins_the_next_run_and_it_stops_the_archiver_first() -> None:
    giving_up = [page.stem for page in RUNBOOKS.glob("*.md") if "](../how-to/next-run.md)" in page.read_text("utf-8")]
    assert {"blocks-lost", "fork", "head-disagrees", "invalid-block", "key", "log-recreated"} < set(giving_up)
    assert {"log-truncated", "squatted"} < set(giving_up)
    steps = " ".join((RUNBOOKS.parent / "how-to" / "next-run.md").read_text("utf-8").split())
    order = ["store what it still can, and stop it", "auditseal verify", "AUDITSEAL_SEALER__RUN`", "PREDECESSORS`"]
    places = [steps.find(step) for step in [*order, '`--give-up "', "auditseal keys show"]]
    assert -1 not in places
    assert places == sorted(places)
