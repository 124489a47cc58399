"""The matrix: every class of cases, worked on in several processes, and the result of each."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from typing import Any, Self
from zlib import crc32

from tests.tamper import bytewise, golden, headers, notes, objects, proofs, records, stores, thief
from tests.tamper.case import Case, Family, Kind

MODULES = (bytewise, objects, records, headers, notes, stores, thief, proofs, golden)
MOST_MISSES = 20
"""Of a class that are kept whole."""


@dataclass
class Row:
    """A class of cases and its result.

    Attributes:
        cases: How many there were.
        verdicts: How often the auditor found which verdicts together, joined by " + ".
        missed: How many did not get exactly what they must get.
        misses: Name and problem of the first of those.
    """

    name: str
    attacker: str
    kind: Kind
    cases: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    misses: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, family: Family) -> Self:
        return cls(family.name, family.attacker, family.kind)

    def judge(self, case: Case) -> None:
        outcome = case.judge()
        self.cases += 1
        self.verdicts[" + ".join(outcome.verdicts)] += 1
        mismatch = bool(case.expected) != (self.kind is Kind.ATTACK)
        problem = f"a case that is {self.kind} expects {case.expected}" if mismatch else outcome.miss
        if problem:
            self.missed += 1
            self.misses = [*self.misses, (case.name, problem)][:MOST_MISSES]

    def add(self, other: Self) -> None:
        self.cases += other.cases
        self.verdicts.update(other.verdicts)
        self.missed += other.missed
        self.misses = [*self.misses, *other.misses][:MOST_MISSES]

    def to_json(self) -> dict[str, Any]:
        return {
            "class": self.name,
            "attacker": self.attacker,
            "kind": self.kind,
            "cases": self.cases,
            "missed": self.missed,
            "verdicts": dict(self.verdicts.most_common()),
            "misses": [{"case": name, "problem": problem} for name, problem in self.misses],
        }


@cache
def families() -> tuple[Family, ...]:
    found = tuple(family for module in MODULES for family in module.families())
    assert len({family.name for family in found}) == len(found)
    return found


def chosen(family: Family, every: int) -> Iterator[Case]:
    """Yield a class's cases; of those that are many and alike every so-manieth, beginning anywhere."""
    step = every if family.is_bulk else 1
    first = crc32(family.name.encode()) % step
    return (case for number, case in enumerate(family.cases()) if number % step == first)


def work(index: int, part: int, every: int) -> tuple[int, Row]:
    """Judge one part of a class."""
    family = families()[index]
    row = Row.of(family)
    for number, case in enumerate(chosen(family, every)):
        if number % family.parts == part:
            row.judge(case)
    return index, row


def run(jobs: int, every: int = 1, told: Callable[[Sequence[Row]], None] = lambda _rows: None) -> list[Row]:
    """Judge all cases; `told` hears after each piece of work how far it is."""
    rows = [Row.of(family) for family in families()]
    tasks = [(index, part, every) for index, family in enumerate(families()) for part in range(family.parts)]
    for index, row in _worked(tasks, jobs):
        rows[index].add(row)
        told(rows)
    return rows


def _worked(tasks: Sequence[tuple[int, int, int]], jobs: int) -> Iterator[tuple[int, Row]]:
    if jobs == 1:
        yield from (work(*task) for task in tasks)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for future in as_completed([pool.submit(work, *task) for task in tasks]):
            yield future.result()
