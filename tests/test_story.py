"""A recorded session is the input, and every way of asking gives the same story: the warehouse, the command, the MCP tool.

The expected numbers are counted from the file itself, with none of the package's code.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import duckdb
import pytest
from mcp import Client, StdioServerParameters

from activity_mcp import package_files
from cli.conftest import call, home
from cli.outcome import Call
from deployed import put_warehouse

__all__ = ["call", "home"]  # fixtures: commands run in the process of the tests
RECORDED = Path(os.environ.get("ACTIVITY_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
FILE_TOOLS = {"Read", "Write", "Edit", "MultiEdit", "NotebookEdit"}


def sessions() -> Iterator[Any]:
    yield pytest.param(Path(package_files.path_of("examples", "session.jsonl")), id="example")
    recorded = sorted(RECORDED.glob("*.jsonl"))
    if not recorded:
        reason = f"no recorded sessions in {RECORDED}: set ACTIVITY_TEST_DATA to a folder of transcripts"
        yield pytest.param(None, id="recorded", marks=pytest.mark.skip(reason=reason))
    for path in recorded:
        yield pytest.param(path, id=path.stem)


class Counted:
    """What a transcript holds, counted line by line."""

    def __init__(self, path: Path) -> None:
        self.tools: dict[str, str] = {}
        self.failed: set[str] = set()
        self.messages: dict[str, dict[str, Any]] = {}
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            message = entry.get("message") or {}
            if entry["type"] == "assistant" and message.get("usage"):
                self.messages[message["id"]] = message["usage"]
            content = message.get("content")
            for block in content if isinstance(content, list) else []:
                if block.get("type") == "tool_use":
                    self.tools[block["id"]] = block["name"]
                elif block.get("type") == "tool_result" and block.get("is_error"):
                    self.failed.add(block["tool_use_id"])


class Machine:
    """Commands in this process, and a server in its own, on one state directory."""

    def __init__(self, home: Path, call: Call) -> None:
        self.home = home
        self._call = call

    def run(self, *arguments: str) -> Any:
        done = self._call(*arguments, "--json")
        assert done.code == 0, done.err
        return done.json

    def rows(self, sql: str) -> list[Any]:
        """What the warehouse itself holds."""
        with duckdb.connect(str(self.home / "activity.duckdb"), read_only=True) as connection:
            return [list(row) for row in connection.execute(sql).fetchall()]

    def ask(self, **arguments: Any) -> dict[str, Any]:
        async def talk() -> dict[str, Any]:
            server = StdioServerParameters(command=sys.executable, args=["-m", "activity_mcp", "serve"], env=dict(os.environ))
            async with Client(server) as client:
                result = await client.call_tool("get_context", arguments)
                assert not result.is_error
                answer: dict[str, Any] = result.structured_content or {}
                return answer

        return anyio.run(talk)


@pytest.fixture
def machine(home: Path, call: Call) -> Machine:
    put_warehouse(home)
    return Machine(home, call)


@pytest.mark.parametrize("path", list(sessions()))
def test_the_counts_follow_from_the_file_and_every_way_of_asking_agrees(machine: Machine, path: Path) -> None:
    counted = Counted(path)
    machine.run("import", str(path))
    tools = machine.rows("SELECT tool_use_id, tool_name, success FROM VW_TOOL_EVENTS")
    assert {use: (name, success) for use, name, success in tools} == {
        use: (name, use not in counted.failed) for use, name in counted.tools.items()
    }
    assert len(tools) == len(counted.tools)
    files = machine.rows("SELECT tool_use_id FROM VW_FILE_EVENTS ORDER BY 1")
    assert [use for (use,) in files] == sorted(use for use, name in counted.tools.items() if name in FILE_TOOLS)
    sums = "SELECT COUNT(*), SUM(cache_read_tokens), SUM(cache_creation_tokens) FROM VW_LLM_EVENTS"
    (models,) = machine.run("query", sums)["rows"]
    used = counted.messages.values()
    assert models == [
        len(counted.messages),
        sum(usage["cache_read_input_tokens"] for usage in used),
        sum(usage["cache_creation_input_tokens"] for usage in used),
    ]
    kinds = Counter(kind for (kind,) in machine.rows("SELECT event_type FROM VW_SESSION_EVENTS"))
    assert kinds["start"] == kinds["end"] == 1
    assert kinds["user_prompt"] == kinds["turn_end"] >= 1

    reported = machine.run("context", "--type", "engineer")
    answered = machine.ask(context_type="engineer")
    assert reported["context"] == answered["context"]
    assert (answered["freshness"], answered["source"], answered["pending_local"]) == ("fresh", "snapshot", 0)
    failed_commands = answered["context"]["recent_sessions"][0].get("failed_commands", [])
    assert len(answered["context"].get("recent_errors", [])) == len(counted.failed)
    assert len(failed_commands) <= 3
    assert bool(failed_commands) == bool(counted.failed)


@pytest.mark.parametrize("path", list(sessions()))
def test_a_second_import_adds_nothing(machine: Machine, path: Path) -> None:
    first = machine.run("import", str(path))
    before = machine.rows("SELECT COUNT(*) FROM CLAUDE_STREAM_V2")
    again = machine.run("import", str(path))
    assert (again["activities"], again["unchanged_files"]) == ({}, 1)
    assert machine.rows("SELECT COUNT(*) FROM CLAUDE_STREAM_V2") == before == [[sum(first["activities"].values())]]


def test_a_second_import_whose_memory_was_lost_sends_again_and_still_shows_each_fact_once(machine: Machine) -> None:
    path = package_files.path_of("examples", "session.jsonl")
    first = machine.run("import", path)
    for ledger in machine.home.rglob("imports.json"):
        ledger.unlink()
    machine.run("import", path)
    count = sum(first["activities"].values())
    assert machine.rows("SELECT COUNT(*) FROM CLAUDE_STREAM_V2") == [[2 * count]]
    assert machine.rows("SELECT COUNT(*), COUNT(DISTINCT activity_id) FROM VW_ACTIVITY_STREAM") == [[count, count]]
