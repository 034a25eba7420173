"""A history of a million rows (a few thousand, where it must be quick): a short, true answer, through MCP and by the command."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.bench.growth import fill
from activity_mcp.operations.drain import Drainer
from activity_mcp.service import ActivityService
from cli.conftest import home
from patience import PATIENCE_S
from server.house import call, client_of

__all__ = ["home"]
ME, HERE = "customer-3", "/work/p3"
MAX_MEMORY_MB = 600
MEASURED = """
import sys
from activity_mcp.__main__ import run
from activity_mcp.bench.queue_process import peak_mb
code = run(sys.argv[1:])
print(peak_mb(), file=sys.stderr)
sys.exit(code)
"""
"""The command, and then the most memory it had."""


@pytest.mark.parametrize("rows", [6_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_great_history_gives_a_short_true_answer_however_it_is_asked(
    home: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIVITY_CUSTOMER", ME)
    fill(dict(os.environ), rows)
    service = ActivityService.from_environ({**os.environ, "CLAUDE_CODE_SESSION_ID": "live"}, source="mcp")
    for command, success in (("make ship", False), ("make docs", False), ("make docs", True)):
        features = {"tool_name": "Bash", "success": success, "parameters": {"command": command}, "error": 'no "key"'}
        service.log("tool_event", features, project=HERE)
    service.log("session_event", {"event_type": "turn_end", "excerpt": "Ship needs a key because it signs."}, project=HERE)
    Drainer(service).drain(PATIENCE_S)
    try:
        counted = service.query(
            f"SELECT COUNT(*) FROM CLAUDE_STREAM_V2 WHERE customer = '{ME}' AND project = '{HERE}' AND event_name = 'tool_event' "
            "AND DATE_TRUNC('hour', ts) >= DATE_TRUNC('hour', utc_now() - INTERVAL 24 HOUR)"
        ).rows[0][0]
        asked = asyncio.run(_asked(service))
    finally:
        service.close()
    by_command = _by_command()
    for answer in (asked, by_command):
        context = answer["context"]
        assert len(json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()) <= 4096
        session = context["recent_sessions"][0]
        assert session["failed_commands"] == ["make ship"]
        assert [each["error"] for each in context["recent_errors"] if each["name"] == "Bash"][:1] == ['no "key"']
        assert "make docs" not in [each.get("command") for each in context["recent_errors"]]
        assert session["concluded"] == "Ship needs a key because it signs."
        assert sum(use["calls"] for use in context["tool_usage"].values()) == counted
    assert _without_time(asked["context"]) == _without_time(by_command["context"])


def _without_time(value: Any) -> Any:
    """An answer without what changes while it is asked for: how old, and how far the record is."""
    if isinstance(value, dict):
        return {name: _without_time(each) for name, each in value.items() if name not in ("age", "watermark", "recorded_at")}
    return [_without_time(each) for each in value] if isinstance(value, list) else value


async def _asked(service: ActivityService) -> dict[str, Any]:
    async with client_of(service) as client:
        for _ in range(200):  # until the leader in it has published what it reads
            answer = await call(client, "get_context", project=HERE, max_bytes=4096)
            if answer["freshness"] == "fresh" and not answer["pending_local"]:
                break
            await asyncio.sleep(0.05)
        return answer


def _by_command() -> dict[str, Any]:
    """The command in a process of its own, whose memory is bounded whatever is in the record."""
    arguments = ["context", "--json", "--project", HERE, "--max-bytes", "4096"]
    done = subprocess.run([sys.executable, "-c", MEASURED, *arguments], capture_output=True, text=True, check=True)
    assert float(done.stderr.split()[-1]) < MAX_MEMORY_MB
    found: dict[str, Any] = json.loads(done.stdout)
    return found
