"""The mutants of ``make mutants`` still fit the source: each snippet is there once, each invariant has one, each killer exists."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "tools" / "mutants.py").exists(), reason="the tools are not part of the wheel")


@pytest.fixture(scope="module")
def mutation() -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return importlib.import_module("mutation.run")
    finally:
        sys.path.remove(str(ROOT / "tools"))


def test_every_mutant_fits_the_present_source_and_still_compiles(mutation: ModuleType) -> None:
    for mutant in mutation.MUTANTS:
        text = mutation.patched(mutant, ROOT / "activity_mcp")
        assert text != (ROOT / "activity_mcp" / mutant.file).read_text()
        ast.parse(text)


def test_a_mutant_whose_snippet_is_gone_is_reported(mutation: ModuleType) -> None:
    from dataclasses import replace

    gone = replace(mutation.MUTANTS[0], find="a snippet that nobody wrote")
    with pytest.raises(mutation.SnippetNotFound, match="0 times instead of once"):
        mutation.patched(gone, ROOT / "activity_mcp")


def test_every_invariant_has_two_mutants_and_every_killer_is_a_test_that_exists(mutation: ModuleType) -> None:
    invariants = [mutant.invariant for mutant in mutation.MUTANTS]
    assert {number for number in invariants if invariants.count(number) >= 2} == set(range(1, 15))
    for killer in {killer for mutant in mutation.MUTANTS for killer in mutant.killers}:
        path, _, name = killer.partition("::")
        functions = {node.name for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.FunctionDef)}
        assert not name or name.partition("[")[0] in functions, killer
