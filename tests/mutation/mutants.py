"""The mutants of a module, made by cosmic-ray's operators from its source; nothing on disk is touched."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tests.mutation.equivalent import Change, scope_at, words_at
from tests.mutation.subjects import OPERATORS

Position = tuple[int, int]  # line from 1, column from 0


@dataclass(frozen=True)
class Mutant:
    """One change to a module's source: the `occurrence`-th that an operator can make, from `start` to `end`."""

    module: str
    operator: str
    occurrence: int
    start: Position
    end: Position
    original: str

    @cached_property
    def source(self) -> str:
        """The whole module, changed."""
        changed: str | None = mutate_code(self.original, get_operator(self.operator)(), self.occurrence)
        if changed is None:
            raise LookupError(f"{self.operator} makes no change number {self.occurrence}")
        return changed

    @property
    def lines(self) -> range:
        """The lines that it changes."""
        return range(self.start[0], self.end[0] + 1)

    @cached_property
    def change(self) -> Change:
        """What it does, in words that don't depend on the line's number."""
        before, after = self.original.splitlines(), self.source.splitlines()
        changed = next(new for old, new in zip_longest(before, after, fillvalue="") if old != new)
        where = scope_at(ast.parse(self.original), self.start[0])
        line = words_at(before, self.start[0])
        return Change(self.module, where, self.operator.partition("/")[2], line, changed.strip())


def mutants_of(name: str, path: Path) -> Iterator[Mutant]:
    """Make the mutants of a module, in the order of their lines, leaving out annotations and the texts of errors."""
    source = path.read_text()
    nodes, left_out = list(ast_nodes(get_ast(source))), list(_left_out(ast.parse(source)))
    mutants = []
    for kind in operator_names():
        if kind.partition("/")[2] not in OPERATORS:
            continue
        operator = get_operator(kind)()
        positions = (position for node in nodes for position in operator.mutation_positions(node))
        mutants += [Mutant(name, kind, number, start, end, source) for number, (start, end) in enumerate(positions)]
    kept = (mutant for mutant in mutants if not any(a <= mutant.start and mutant.end <= z for a, z in left_out))
    yield from sorted(kept, key=lambda mutant: (mutant.start, mutant.operator, mutant.occurrence))


def _left_out(tree: ast.Module) -> Iterator[tuple[Position, Position]]:
    """Find what no test should judge: annotations, and f-strings that become an error's text."""
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=ast.expr() as part) | ast.AnnAssign(annotation=part):
                yield _span(part)
            case ast.FunctionDef(returns=ast.expr() as part):
                yield _span(part)
            case ast.Raise() | ast.Assign(targets=[ast.Name(id="problem")]):
                yield from (_span(part) for part in ast.walk(node) if isinstance(part, ast.JoinedStr))


def _span(node: ast.expr) -> tuple[Position, Position]:
    return (node.lineno, node.col_offset), (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
