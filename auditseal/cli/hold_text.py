"""The cases of legal holds, as the lines and the JSON that `auditseal hold` prints."""

from collections.abc import Iterator
from datetime import UTC, datetime

from auditseal.cli.hold_selection import format_heights
from auditseal.holding import Done
from auditseal_schemas.hold_case import HoldCase
from auditseal_vault.hold_records import ReadCase


def released_line(done: Done) -> str:
    """Return the line that says what a step of a release did."""
    name = done.case.name
    if not done.case.is_released:
        return f"{name}: release asked for; another person approves it with `auditseal hold release {name} --approve`"
    return f"{name}: released; {done.changed:,} holds lifted"


def _state(case: HoldCase) -> str:
    if case.is_released:
        return "released"
    return f"release asked for by {case.asked_by}" if case.asked_by else "held"


def case_lines(read: ReadCase) -> Iterator[str]:
    """Yield the lines of a case: its state, its blocks, who signed what, and what is wrong with its records."""
    yield f"{read.case.name}: {_state(read.case)}"
    yield from content_lines(read.case)
    if read.problem:
        yield f"  error: {read.problem}"


def content_lines(case: HoldCase) -> Iterator[str]:
    """Yield the lines of what a case holds, and of who signed what and when."""
    for origin, blocks in case.blocks.items():
        yield f"  {origin}: {len(blocks):,} blocks, heights {format_heights(blocks)}"
    for each in case.signed:
        at = datetime.fromtimestamp(each.statement.at, UTC)
        yield f"  {at:%Y-%m-%dT%H:%M:%SZ} {each.person} {each.statement.step}"


def case_to_json(read: ReadCase) -> dict[str, object]:
    """Return a case as JSON."""
    return {
        "case": read.case.name,
        "state": "released" if read.case.is_released else "asked" if read.case.asked_by else "held",
        "problem": read.problem,
        "logs": [
            {"origin": str(origin), "versions": {str(height): version for height, version in sorted(blocks.items())}}
            for origin, blocks in read.case.blocks.items()
        ],
        "statements": [
            {
                "number": each.statement.number,
                "step": each.statement.step.value,
                "person": each.person,
                "at": each.statement.at,
                "sha256": each.digest.hex(),
            }
            for each in read.case.signed
        ],
    }
