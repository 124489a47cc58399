"""Value types as their tests need them: all of a package's modules, and one of each without its checks."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from importlib import import_module
from inspect import getmembers, isclass
from typing import Any


def value_types(package: str, modules: Iterable[str]) -> list[type]:
    """Return the public dataclasses that these modules of a package define."""
    return [
        value
        for module in (import_module(f"{package}.{name}") for name in modules)
        for _, value in getmembers(module, isclass)
        if is_dataclass(value) and value.__module__ == module.__name__ and not value.__name__.startswith("_")
    ]


def field_names(kind: type[Any]) -> list[str]:
    """Return the names of a dataclass's fields."""
    return [field.name for field in fields(kind)]


def blank(kind: type[Any]) -> object:
    """Return a value of a dataclass whose fields are all None; its checks are other tests' business."""
    value: object = object.__new__(kind)
    for name in field_names(kind):
        object.__setattr__(value, name, None)
    return value
