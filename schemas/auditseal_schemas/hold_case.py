"""A case of legal holds: its signed statements in order, and what they hold.

A release takes two people. One asks, and another one approves in the very next statement. A statement has the hash of
the one before, so an approval is for the blocks that were held when it was asked for, and for no others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Self

from auditseal_schemas.errors import VerificationError, quoted
from auditseal_schemas.hold_statement import HeldBlock, HoldStatement, Step
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement, the person who signed it, and the SHA-256 of the signed note."""

    statement: HoldStatement
    person: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class SignedHold:
    """A hold that a case's signed statements require: the exact version, and the case."""

    version_id: str
    case: str


@dataclass(frozen=True, slots=True)
class HoldCase:
    """A case and its statements, each of which was checked.

    Attributes:
        name: The case.
        signed: The statements in order.
    """

    name: str
    signed: tuple[SignedStatement, ...] = ()

    @property
    def asked_by(self) -> str | None:
        """Who asked to release it, if that is its last statement."""
        last = self.signed[-1] if self.signed else None
        return last.person if last and last.statement.step is Step.ASK else None

    @property
    def is_released(self) -> bool:
        """Whether two people released it."""
        return bool(self.signed) and self.signed[-1].statement.step is Step.APPROVE

    @property
    def blocks(self) -> Mapping[Origin, Mapping[int, str]]:
        """The version of each block that was put under hold, by log and height, also after a release."""
        found: dict[Origin, dict[int, str]] = {}
        for each in self.signed:
            if each.statement.origin:
                of_log = found.setdefault(each.statement.origin, {})
                of_log |= {block.height: block.version_id for block in each.statement.blocks}
        return found

    def continues(self, earlier: "HoldCase") -> bool:
        """Return whether this case begins with all statements of another one, each as the same bytes."""
        begin = self.signed[: len(earlier.signed)]
        return [each.digest for each in begin] == [each.digest for each in earlier.signed]

    def next(
        self, step: Step, at: int, origin: Origin | None = None, blocks: Sequence[HeldBlock] = ()
    ) -> HoldStatement:
        """Return the statement that would come next; whether it is allowed shows when it is accepted."""
        previous = self.signed[-1].digest if self.signed else b""
        return HoldStatement(self.name, len(self.signed), previous, step, at, origin, tuple(blocks))

    def accept(self, data: bytes, people: Iterable[VerifierKey]) -> Self:
        """Return the case with its next statement.

        Args:
            data: The signed note.
            people: The people who may sign.

        Raises:
            MalformedError: It is not a signed statement.
            VerificationError: BROKEN_CHAIN, it is not the case's next statement, or not allowed. BAD_SIGNATURE, it is
                not signed by one of the people alone.
        """
        note = Note.parse(data)
        statement = HoldStatement.parse(note.text)
        person = _signer(note, people)
        self._check_place(statement)
        self._check_step(statement, person)
        return replace(self, signed=(*self.signed, SignedStatement(statement, person, sha256(data).digest())))

    def _check_place(self, statement: HoldStatement) -> None:
        wanted = self.next(statement.step, statement.at)
        if statement.case != self.name:
            raise _broken(f"it is a statement of the case {quoted(statement.case)}")
        if (statement.number, statement.previous) != (wanted.number, wanted.previous):
            raise _broken(f"it is not statement {wanted.number} of the case, after the one before")

    def _check_step(self, statement: HoldStatement, person: str) -> None:
        if self.is_released:
            raise _broken("the case was released: use another case")
        if statement.step is Step.ASK and self.asked_by:
            raise _broken(f"{self.asked_by} asked to release the case already: another person approves it")
        if statement.step is Step.ASK and not self.signed:
            raise _broken("the case holds nothing")
        if statement.step is Step.APPROVE and self.asked_by is None:
            raise _broken("the statement before does not ask to release the case: ask first")
        if statement.step is Step.APPROVE and self.asked_by == person:
            raise _broken(f"{person} asked to release the case: another person must approve it")


def active_holds(cases: Iterable[HoldCase]) -> dict[Origin, dict[int, SignedHold]]:
    """Return what the cases hold that are not released, by log and height; of several cases the first one counts."""
    found: dict[Origin, dict[int, SignedHold]] = {}
    for case in cases:
        if not case.is_released:
            for origin, blocks in case.blocks.items():
                of_log = found.setdefault(origin, {})
                for height, version_id in blocks.items():
                    of_log.setdefault(height, SignedHold(version_id, case.name))
    return found


def active_blocks(cases: Iterable[HoldCase]) -> dict[Origin, dict[int, str]]:
    """Return the versions that `active_holds` has, by log and height."""
    return {
        origin: {height: hold.version_id for height, hold in of_log.items()}
        for origin, of_log in active_holds(cases).items()
    }


def released_blocks(cases: Sequence[HoldCase]) -> dict[Origin, dict[int, str]]:
    """Return the versions that released cases held and no other case holds, by log and height."""
    active, found = active_holds(cases), dict[Origin, dict[int, str]]()
    for case in cases:
        for origin, blocks in case.blocks.items() if case.is_released else ():
            free = {height: version for height, version in blocks.items() if height not in active.get(origin, {})}
            found.setdefault(origin, {}).update(free)
    return found


def _signer(note: Note, people: Iterable[VerifierKey]) -> str:
    """Return the name of the person who signed a note alone."""
    lines = {(line.name, line.key_id) for line in note.signatures}
    known = [key for key in people if (key.name, key.key_id) in lines]
    if len(known) != 1 or len(note.signatures) != 1:
        names = ", ".join(quoted(line.name) for line in note.signatures)
        problem = f"it is signed by {names}: one person of the trust file has to sign it alone"
        raise VerificationError(Verdict.BAD_SIGNATURE, "hold", problem)
    note.check(known)
    return known[0].name


def _broken(problem: str) -> VerificationError:
    return VerificationError(Verdict.BROKEN_CHAIN, "hold", problem)
