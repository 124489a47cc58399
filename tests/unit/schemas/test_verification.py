"""The table of verification steps: the page's, and what each step may find."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.expected import Expected
from auditseal_schemas.link_checks import following_keys
from auditseal_schemas.log import LogState
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict
from auditseal_schemas.verification import (
    LINK,
    NEXT_KEYS,
    RECORDS,
    SIGNED,
    STEPS,
    STORED,
    Step,
    markdown_table,
    steps,
    verify,
)
from tests.factory.blocks import GENESIS, chain, sealed
from tests.factory.keys import KEY, ORIGIN, OTHER_KEY
from tests.factory.messages import messages
from tests.vectors.make import FOLDER, INDEX

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "format.md").read_text("utf-8")
BLOCK = sealed(messages(range(5)))
Broken = tuple[int, str, str]


def test_the_page_has_the_table_that_is_drawn_from_the_code() -> None:
    table = markdown_table()
    assert PAGE.count(table) == 1
    assert table.endswith("|\n")
    assert table.count("\n") == 2 + sum(len(step.rules) for step in STEPS)


def test_the_page_has_no_other_row_of_a_step() -> None:
    """Read from the page alone: each row's step, verdict and field are those of the code, in the same order."""
    section = PAGE[PAGE.index("## 14. ") : PAGE.index("## 15. ")]
    rows, number = [], 0
    for step, rule, verdict, field in re.findall(r"^\| (\d*) ?\| (.+) \| ([A-Z_]+) \| (.+) \|$", section, re.MULTILINE):
        number = int(step or number)
        rows.append((number, rule, verdict, field))
    assert rows == [(step.number, *rule) for step in STEPS for rule in step.rules]


def test_steps_are_numbered_from_1_and_named_once() -> None:
    assert [step.number for step in STEPS] == list(range(1, 15))
    assert len({step.name for step in STEPS}) == len(STEPS)
    assert steps(1, 14) == STEPS
    assert steps(1, 1) + LINK + STORED + NEXT_KEYS + RECORDS == STEPS


def test_a_block_that_holds_passes_all_of_them() -> None:
    assert verify(BLOCK.format(), STEPS, GENESIS.expected) == BLOCK
    assert verify(BLOCK, STEPS, GENESIS.expected) is BLOCK


def test_a_caller_that_expects_nothing_can_not_run_the_steps_that_compare() -> None:
    for number in (2, 3, 6):
        with pytest.raises(ValueError, match="pass it to verify"):
            verify(BLOCK, steps(number, number))
    verify(BLOCK, steps(4, 5) + STORED + NEXT_KEYS + RECORDS)


def test_where_the_state_is_lost_the_place_and_the_keys_still_count() -> None:
    blocks, _ = chain(2, 3)
    expected = Expected(origin=ORIGIN, height=1, keys=(KEY,))
    verify(blocks[1], LINK, expected)
    verify(blocks[1], SIGNED, Expected.of(blocks[1].header, (KEY,)))
    for block, wanted, field in (
        (blocks[0], expected, "height"),
        (blocks[1], Expected(origin=ORIGIN, height=1, keys=(OTHER_KEY,)), "note"),
        (blocks[1], Expected(origin=ORIGIN, height=1, keys=(KEY,), start_root=bytes(32)), "frontier"),
    ):
        with pytest.raises(VerificationError) as refusal:
            verify(block, LINK, wanted)
        assert refusal.value.field == field


def test_no_key_is_never_enough() -> None:
    with pytest.raises(VerificationError) as refusal:
        verify(BLOCK, SIGNED, Expected.of(BLOCK.header, ()))
    assert refusal.value.verdict is Verdict.BAD_KEY


def rules_of(step: Step) -> set[tuple[str, str]]:
    """Return verdict and field of a step's rules, as findings spell them."""
    return {(rule.verdict, re.match(r"`([a-z_.]+)", rule.field)[1]) for rule in step.rules}  # type: ignore[index]


def broken_rules(names: Iterable[str], pinned: PinnedLog) -> Iterator[Broken]:
    """Walk up a log and yield step, verdict and field of the first rule that each block breaks in each part."""
    start = pinned.start
    state = None if start else LogState.genesis(pinned.origin, pinned.keys)
    keys, height = pinned.keys, start.height if start else 0
    for name in names:
        block, of_content, of_keys = alone(name)
        if block is None:
            state, height = None, height + 1
            continue
        lost = Expected(origin=pinned.origin, height=height, keys=keys, start_root=start.root if start else None)
        of_link = first_broken(block, LINK, state.expected if state else lost)
        yield from (*of_link, *of_content, *of_keys)
        continues = not of_link and not of_keys
        keys = following_keys(block.header, keys) if continues else keys
        state = LogState.after(block, keys) if continues else None
        start, height = None, height + 1


@cache
def alone(name: str) -> tuple[Block | None, tuple[Broken, ...], tuple[Broken, ...]]:
    """Return an object, and the rules that it breaks wherever it is: of its content, and of its next keys."""
    try:
        block = Block.parse((FOLDER / name).read_bytes())
    except VerificationError:
        return None, (), ()
    return block, first_broken(block, STORED + RECORDS), first_broken(block, NEXT_KEYS)


def first_broken(block: Block, part: tuple[Step, ...], expected: Expected | None = None) -> tuple[Broken, ...]:
    for step in part:
        try:
            verify(block, (step,), expected)
        except VerificationError as error:
            of_record = error.verdict is Verdict.MALFORMED and error.field.startswith("record.")
            return ((step.number, str(error.verdict), "record" if of_record else error.field),)
    return ()


def golden_logs() -> Iterator[tuple[list[str], PinnedLog]]:
    """Yield the pinned logs of all golden vaults: the oldest version at each height, from the start on, by its file."""
    for vector in json.loads((FOLDER / INDEX).read_text("utf-8")):
        if "trust_error" in vector:
            continue
        for pinned in Trust.parse(vector["trust"].encode()).logs:
            first = pinned.origin.block_key(pinned.start.height if pinned.start else 0)
            keys = [key for key in vector["objects"] if key.startswith(pinned.origin.blocks_prefix) and key >= first]
            files = [[one["file"] for one in vector["objects"][key] if one["file"]] for key in sorted(keys)]
            yield [names[-1] for names in files if names], pinned


def test_each_rule_is_broken_by_a_golden_vault_and_nothing_else_is_found() -> None:
    found = {broken for names, pinned in golden_logs() for broken in broken_rules(names, pinned)}
    assert found == {(step.number, *pair) for step in STEPS[1:] for pair in rules_of(step)}
