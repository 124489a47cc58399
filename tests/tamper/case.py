"""A case of the tamper matrix: a vault, what an auditor brings along, and exactly what must be found."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from tests.tamper.world import LAST, TRUST, Objects, untouched
from tests.vectors.vector import Finding

Expected = tuple[Finding, ...]
"""One finding: any of these. A `field` None stands for any."""


class Kind(StrEnum):
    """What a class of cases shows."""

    ATTACK = "attack"
    """It must be detected, with the verdict and at the place that the case names."""
    LAWFUL = "lawful"
    """It is no attack: nothing may be found."""
    UNDETECTABLE = "undetectable without an anchor"
    """It can't be seen in the vault alone; a class beside it shows that an anchor sees it."""


class Outcome(NamedTuple):
    """The result of a case: the verdicts found, and the problem with them; empty if they are right."""

    verdicts: tuple[str, ...]
    miss: str


class Case(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def expected(self) -> Sequence[Expected]:
        """What must be found, and nothing else."""
        ...

    def judge(self) -> Outcome:
        """Let the auditor and the second reader judge it."""
        ...


@dataclass(frozen=True, slots=True)
class Vault:
    """A vault that was tampered with, or lawfully changed, and the anchors next to it.

    Attributes:
        objects: Every version of every object, the oldest first.
        expected: What must be found.
        trust: The trust file.
        remembered: Signed notes of heads that the auditor knows from before.
        oldest: The oldest `sealed_at`, in µs, that the last block of a log may have.
        provable: The evidence of a fork must convince a person who has only the pinned keys.
    """

    name: str
    objects: Objects
    expected: tuple[Expected, ...] = ()
    trust: str = TRUST
    remembered: tuple[str, ...] = ()
    oldest: int | None = None
    provable: bool = True

    def judge(self) -> Outcome:
        from tests.tamper.judge import judge_vault

        return judge_vault(self)


@dataclass(frozen=True, slots=True)
class Family:
    """A class of cases.

    Attributes:
        name: What is done.
        attacker: What the attacker holds.
        cases: Makes the cases, the same ones in the same order every time.
        kind: What they show.
        parts: In how many pieces they are worked on.
        is_bulk: There are so many of them, all alike, that a sample is worth something.
    """

    name: str
    attacker: str
    cases: Callable[[], Iterator[Case]]
    kind: Kind = Kind.ATTACK
    parts: int = 1
    is_bulk: bool = False


def find(
    verdict: Verdict, origin: Origin, height: int | None = None, field: str | None = None, offset: int | None = None
) -> Expected:
    return (Finding(verdict, str(origin), height, field, offset),)


def no_block(origin: Origin, height: int) -> Expected:
    """What an object that isn't laid out as a block must get: above the last sound one it may be a squatter's."""
    return find(Verdict.SQUATTED if height == LAST else Verdict.MALFORMED, origin, height)


def with_object(key: str, data: bytes) -> Objects:
    """Return the untouched vault with the content of one object replaced."""
    (version,) = untouched()[key]
    return untouched() | {key: (type(version)(version.version_id, data, version.lock),)}
