"""A weakening: one rule of the format's page, and the change of the code that leaves it out."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

CORE, AUDITOR = "auditseal_schemas", "auditseal_auditor"


@dataclass(frozen=True, slots=True)
class Weakening:
    """One change of the source.

    Attributes:
        section: The section of the page.
        rule: The rule that is left out.
        module: The module that checks it.
        changes: Text of the module, which it has exactly once, and the text that is put in its place. A rule that the
            code checks twice needs two.
    """

    section: int
    rule: str
    module: str
    changes: tuple[tuple[str, str], ...]

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
                raise ValueError(f"{self.module} has {text.count(before)} times: {before}")
            text = text.replace(before, after)
        return text


def core(section: int, module: str, rule: str, before: str, after: str, *more: tuple[str, str]) -> Weakening:
    return Weakening(section, rule, f"{CORE}.{module}", ((before, after), *more))


def auditor(section: int, module: str, rule: str, before: str, after: str, *more: tuple[str, str]) -> Weakening:
    return Weakening(section, rule, f"{AUDITOR}.{module}", ((before, after), *more))
