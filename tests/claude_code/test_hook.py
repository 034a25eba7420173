"""The hook as Claude Code runs it: a process, a payload on stdin, exit 0, and never a word too many."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from activity_mcp.activity import derived_id
from claude_code.hooked import Hooked, payload, tool_use


@pytest.fixture
def hooked(tmp_path: Path) -> Hooked:
    return Hooked(tmp_path / "home")


def test_a_tool_call_becomes_one_line_of_the_queue(hooked: Hooked) -> None:
    assert hooked.fire(tool_use()) == ""
    (line,) = hooked.lines()
    columns = ("activity_id", "customer", "activity", "event_name", "session_id", "project", "source")
    assert [line[name] for name in columns] == [
        derived_id("tool_event", "tool_use_id", "toolu_1"), "ada@example.org", "used_tool", "tool_event", "s1", "/work/shop", "hook",
    ]  # fmt: skip
    assert line["feature_json"] == {
        "tool_name": "Bash", "success": True, "tool_category": "shell", "parameters": {"command": "ls"}, "latency_ms": 12,
        "result_size": 5, "result_type": "object", "tool_use_id": "toolu_1", "prompt_id": "p1",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["activity-mcp-hook", "activity-mcp hook", "-m"])
def test_every_way_to_start_it_records_the_same(hooked: Hooked, name: str) -> None:
    program, *arguments = name.split()
    command = shutil.which(program, path=os.path.dirname(sys.executable))
    if command is None and name != "-m":
        pytest.skip("the package is not installed here; `make test` installs it")
    hooked.fire(
        tool_use(), command=[sys.executable, "-m", "activity_mcp", "hook"] if name == "-m" else [str(command), *arguments]
    )
    assert [line["event_name"] for line in hooked.lines()] == ["tool_event"]


def test_where_recording_is_off_nothing_is_written(hooked: Hooked, tmp_path: Path) -> None:
    hooked.fire(tool_use(), ACTIVITY_RECORD="off")
    project = tmp_path / "private"
    project.mkdir()
    (project / ".activity-mcp-ignore").touch()
    hooked.fire(tool_use(cwd=str(project)))
    hooked.fire(payload("SessionStart", source="startup"), CLAUDE_PROJECT_DIR=str(project))
    hooked.fire(tool_use(cwd=str(project)), CLAUDE_PROJECT_DIR="/work/shop")
    assert not hooked.home.exists()
