"""The survivors that are argued to mean nothing: equivalent.json, which docs/explanation/mutation.md shows.

An argument is for a change in words, not at a number of a line: it moves with its line, and is void where that changes.
"""

import ast
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_name("equivalent.json")


@dataclass(frozen=True, order=True)
class Change:
    """What a mutant does: the module, the function or class, the operator, and the line before and after."""

    module: str
    where: str
    operator: str
    line: str
    change: str


@dataclass(frozen=True)
class Argument:
    """Why a change means nothing, and how many mutants of its module make it: lines may be alike."""

    reason: str
    times: int


def read_arguments() -> dict[Change, Argument]:
    """Read what is argued; no change twice."""
    arguments: dict[Change, Argument] = {}
    for fields in json.loads(_FILE.read_text("utf-8")):
        argument = Argument(fields.pop("reason"), fields.pop("times", 1))
        change = Change(**fields)
        if change in arguments:
            raise ValueError(f"{_FILE.name} argues twice for {change}")
        arguments[change] = argument
    return arguments


def void_arguments(arguments: Mapping[Change, Argument], module: str, made: Iterable[Change]) -> Iterator[str]:
    """Yield what is wrong with the arguments for a module, by all changes that its mutants make."""
    times = Counter(made)
    for change, argument in arguments.items():
        if change.module == module and times[change] != argument.times:
            yield f"{change} is argued for {argument.times} mutant(s), and {times[change]} make it: argue anew"


def words_at(lines: Sequence[str], line: int) -> str:
    """Return a line without its indentation; with the one before where it is a bare break or continue."""
    words = lines[line - 1].strip()
    return f"{lines[line - 2].strip()} {words}" if words in {"break", "continue"} else words


def scope_at(tree: ast.Module, line: int) -> str:
    """Return the dotted name of the innermost function or class that holds a line, empty at the module's level."""
    names, nodes = [], list(ast.iter_child_nodes(tree))
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and _first_line(node) <= line <= (node.end_lineno or 0):
            names.append(node.name)
            nodes.extend(ast.iter_child_nodes(node))
    return ".".join(names)


def _first_line(node: ast.FunctionDef | ast.ClassDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def table(arguments: Mapping[Change, Argument]) -> Iterator[str]:
    """Yield the lines of the page's table, in the order of modules and places."""
    yield "| where | line | change | why it survives |"
    yield "| --- | --- | --- | --- |"
    for change, argument in sorted(arguments.items(), key=lambda item: item[0]):
        place = f"`{change.module.rpartition('.')[2]}` {change.where}".rstrip()
        times = f" ({argument.times})" if argument.times > 1 else ""
        yield f"| {place} | {_code(change.line)}{times} | {_code(change.change)} | {argument.reason} |"


def _code(line: str) -> str:
    return f"`{line.replace('|', chr(92) + '|')}`"


if __name__ == "__main__":
    print(*table(read_arguments()), sep="\n")
