"""A weakening: one rule of the format's page, and the change of the code that leaves it out."""

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_RULES = Path(__file__).with_name("rules.json")
_NOT_WEAKENED = Path(__file__).with_name("not_weakened.json")


@dataclass(frozen=True, slots=True)
class Weakening:
    """One change of the source.

    Attributes:
        section: The section of the page.
        rule: The rule, in words that the section has.
        left_out: The part of it that is left out.
        module: The module that checks it.
        changes: Text of the module, which it has exactly once, and the text that is put in its place. A rule that the
            code checks twice needs two.
    """

    section: int
    rule: str
    left_out: str
    module: str
    changes: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"section {self.section}: {self.rule} ({self.left_out})"

    @property
    def path(self) -> Path:
        """The module's file."""
        spec = find_spec(self.module)
        assert spec
        assert spec.origin
        return Path(spec.origin)

    @property
    def source(self) -> str:
        """The module's source with the change.

        Raises:
            ValueError: The text that is replaced is not there exactly once.
        """
        text = self.path.read_text("utf-8")
        for before, after in self.changes:
            if text.count(before) != 1:
                raise ValueError(
                    f"{self.module} has {text.count(before)} times: {before}\nrules.json leaves it out for {self}:"
                    " put the text there that the module has now"
                )
            text = text.replace(before, after)
        return text


def read_weakenings() -> tuple[Weakening, ...]:
    """Read rules.json, one rule a line, in the order of the page."""
    rows = json.loads(_RULES.read_text("utf-8"))
    return tuple(
        Weakening(row["section"], row["rule"], row["left_out"], row["module"], tuple(map(tuple, row["changes"])))
        for row in rows
    )


def read_not_weakened() -> dict[tuple[int, str], str]:
    """Read not_weakened.json: section and words of each rule that can't be weakened by itself, and why."""
    rows = json.loads(_NOT_WEAKENED.read_text("utf-8"))
    return {(section, words): row["reason"] for row in rows for section, words in row["rules"]}
