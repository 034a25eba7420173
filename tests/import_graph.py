"""Which modules of a package import which, read from their text: wherever an import is, and however it is written."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_IMPORTERS = {"import_module", "__import__"}


class Unreadable(Exception):
    """An import whose package is not in the text."""


@dataclass(frozen=True)
class Graph:
    """The modules of the package in ``directory``, by their dotted names within it; those below ``left_out`` are none."""

    directory: Path
    left_out: str = "generated"
    modules: dict[str, Path] = field(init=False)

    def __post_init__(self) -> None:
        found = {}
        for path in sorted(self.directory.rglob("*.py")):
            parts = path.relative_to(self.directory).with_suffix("").parts
            if self.left_out not in parts:
                found[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
        object.__setattr__(self, "modules", found)

    def imported(self, name: str) -> frozenset[str]:
        """The modules that this one imports, in whichever function or condition, for types alone or when a name is asked for.

        Raises Unreadable for an import of a computed name that does not begin with a package of this one.
        """
        return _imported(self, name)

    def package_of(self, name: str) -> list[str]:
        """The package that relative imports of a module start from."""
        parts = [] if name == "__init__" else name.split(".")
        return parts if self.modules[name].name == "__init__.py" else parts[:-1]

    def children(self, package: list[str]) -> set[str]:
        """The modules and packages directly in a package."""
        return {name for name in self.modules if name.split(".")[:-1] == package and name != "__init__"}

    def nearest(self, parts: list[str]) -> str:
        """The module that has this name, or of which this is a name; empty for the package itself."""
        while parts and ".".join(parts) not in self.modules:
            parts = parts[:-1]
        return ".".join(parts)

    def __hash__(self) -> int:
        return hash(self.directory)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def _imported(graph: Graph, name: str) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(tree_of(graph.modules[name])):
        if isinstance(node, ast.ImportFrom):
            found |= _from(graph, name, node)
        elif isinstance(node, ast.Import):
            found |= {_absolute(graph, alias.name) for alias in node.names}
        elif isinstance(node, ast.Call) and _name_of(node.func) in _IMPORTERS:
            found |= _computed(graph, name, node)
    return frozenset(found - {"", name})


def _name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def _absolute(graph: Graph, name: str) -> str:
    package, *parts = name.split(".")
    return graph.nearest(parts) if package == graph.directory.name else ""


def _from(graph: Graph, name: str, node: ast.ImportFrom) -> set[str]:
    module = node.module.split(".") if node.module else []
    if node.level:
        package = graph.package_of(name)
        module = [*package[: len(package) - node.level + 1], *module]
    elif module[0] != graph.directory.name:
        return set()
    else:
        module = module[1:]
    return {graph.nearest([*module, alias.name]) for alias in node.names}


def _computed(graph: Graph, name: str, node: ast.Call) -> set[str]:
    """``import_module(f"{__package__}.checks.{part}")`` may import whatever is in ``checks``."""
    asked = node.args[0] if node.args else None
    if isinstance(asked, ast.Constant) and isinstance(asked.value, str):
        dots = len(asked.value) - len(asked.value.lstrip("."))
        if not dots:
            return {_absolute(graph, asked.value)}
        package = graph.package_of(name)
        return {graph.nearest([*package[: len(package) - dots + 1], *asked.value[dots:].split(".")])}
    bases = {"__name__": name.split("."), "__package__": graph.package_of(name)}
    if isinstance(asked, ast.JoinedStr) and len(asked.values) > 1 and isinstance(asked.values[0], ast.FormattedValue):
        base, fixed = ast.unparse(asked.values[0].value), asked.values[1]
        if base in bases and isinstance(fixed, ast.Constant) and str(fixed.value).startswith("."):
            return graph.children([*bases[base], *filter(None, str(fixed.value).split("."))])
    raise Unreadable(f"{name}, line {node.lineno}: {ast.unparse(node)}")
