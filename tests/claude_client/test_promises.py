"""The table of what is promised for Claude Code names only scenarios and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from claude_client import test_scenarios
from claude_client.scenario import CHECKOUT, SCENARIOS

_ = test_scenarios  # importing it registers all scenarios
PAGE = CHECKOUT / "docs" / "claude-code.md"
_HEAD = "## What is promised, and what holds it"


def rows() -> list[tuple[str, list[str], list[str]]]:
    """Of each promise the scenarios and the tests that are named for it."""
    table = PAGE.read_text(encoding="utf-8").partition(_HEAD)[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")][1:]
    return [(promise.strip(), _names(scenarios), _names(tests)) for promise, scenarios, tests in lines]


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_each_promise_is_held_by_something() -> None:
    assert len(rows()) >= 26
    assert [promise for promise, scenarios, tests in rows() if not (scenarios or tests)] == []


def test_each_scenario_that_is_named_exists() -> None:
    assert sorted({name for _, scenarios, _ in rows() for name in scenarios} - set(SCENARIOS)) == []


@pytest.mark.parametrize("named", sorted({name for _, _, tests in rows() for name in tests}))
def test_each_test_that_is_named_exists(named: str) -> None:
    file, _, name = named.partition("::")
    text = Path(CHECKOUT, "tests", file).read_text(encoding="utf-8")
    assert not name or re.search(rf"^(async )?def {re.escape(name)}\(", text, re.MULTILINE), f"{file} has no {name}"
