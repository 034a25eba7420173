"""A state directory and the hook's real process on it, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from activity_mcp.claude_code.hooks.start_hook import hook_command
from activity_mcp.recording.dropped import count_drops

CUSTOMER = "ada@example.org"


class Hooked:
    """``fire`` runs the hook on one payload, as Claude Code does, and holds it to what it always promises."""

    def __init__(self, home: Path, **environ: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACTIVITY_", "CLAUDE_", "SNOW_"))}
        self.home = home
        self.environ = {**kept, "ACTIVITY_HOME": str(home), "ACTIVITY_CUSTOMER": CUSTOMER, **environ}

    def fire(self, payload: Any, *, command: list[str] | None = None, **environ: str) -> str:
        """What the hook printed on stdout. ``payload`` is JSON, or the bytes themselves."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        done = subprocess.run(command or hook_command(), input=data, env=self.environ | environ, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode()

    def lines(self) -> list[dict[str, Any]]:
        """The events in the queue, in order."""
        segments = sorted(self.home.glob("queue/*/seg/*.ndjson"))
        found = [json.loads(line) for segment in segments for line in segment.read_bytes().splitlines()]
        return [line for line in found if "_segment" not in line]

    def dropped(self) -> dict[str, int]:
        return count_drops(str(self.home / "queue"))

    def run(self, *arguments: str) -> Any:
        """The JSON document of a command on the same state."""
        command = [sys.executable, "-m", "activity_mcp", *arguments, "--json"]
        return json.loads(subprocess.run(command, env=self.environ, capture_output=True, text=True, check=True).stdout)

    def rows(self, sql: str) -> list[list[Any]]:
        rows: list[list[Any]] = self.run("query", sql)["rows"]
        return rows


def tool_use(
    tool: str = "Bash", tool_input: Any = ..., call: str = "toolu_01AAAAAAAAAAAAAAAAAAAAAA", **members: Any
) -> dict[str, Any]:
    """A PostToolUse payload; ``...`` as a value leaves a member out."""
    return (
        payload(
            "PostToolUse",
            tool_name=tool,
            tool_input={"command": "ls"} if tool_input is ... else tool_input,
            tool_response={"stdout": "a.py\n", "stderr": "", "interrupted": False, "isImage": False},
            tool_use_id=call,
            duration_ms=12,
        )
        | members
    )


def payload(event: str, **members: Any) -> dict[str, Any]:
    """A payload with the fields that all have."""
    return {
        "session_id": "s1", "transcript_path": "/nowhere/s1.jsonl", "cwd": "/work/shop", "permission_mode": "default",
        "prompt_id": "p1", "hook_event_name": event,
    } | members  # fmt: skip
