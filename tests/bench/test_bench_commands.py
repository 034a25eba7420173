"""Each command's processor time stands beside the bare interpreter's, with its target."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activity_mcp.bench import commands
from activity_mcp.bench.registry import BENCHMARKS, own_environment


@pytest.mark.slow
def test_every_command_is_measured_against_its_target(tmp_path: Path) -> None:
    assert "commands" in BENCHMARKS
    found = commands.measure(own_environment(str(tmp_path / "home"), os.environ), rounds=1)
    named = {each.what.split("`")[1]: each.target for each in found}
    cheap = dict.fromkeys(("--help", "--version", "status", "log", "statusline"), "≤ 4 × floor")
    assert named.items() >= (cheap | {"context": "≤ 12 × floor", "context --json": "≤ 12 × floor"}).items()
    assert all(each.ratio is not None and each.ratio > 0.1 for each in found)
