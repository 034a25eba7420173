"""The status line: what it shows and records, what it costs to load, and the one that was there before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import activity_mcp
from activity_mcp.claude_code.hooks.statusline import run
from activity_mcp.claude_code.setup.statusline import is_ours, statusline_command, wrapped_in
from activity_mcp.service import ActivityService
from cli.conftest import call, home
from cli.outcome import Call
from fakes import FakeClock
from patience import PATIENCE_S

__all__ = ["call", "home"]
GIVEN: dict[str, Any] = {
    "session_id": "b5d96099-59f4-4321-a3b7-4ad881123137",
    "cwd": "/work/shop",
    "model": {"id": "claude-opus-5-5", "display_name": "Opus 5.5"},
    "workspace": {"current_dir": "/work/shop", "project_dir": "/work/shop"},
    "cost": {"total_cost_usd": 0.35, "total_duration_ms": 10_423},
    "context_window": {"used_percentage": 42, "context_window_size": 1_000_000},
    "rate_limits": {
        "five_hour": {"used_percentage": 61.4, "resets_at": 1_795_850_000},
        "seven_day": {"used_percentage": 12, "resets_at": 1_796_400_000},
    },
}


def shown(environ: dict[str, str] | None = None, **given: Any) -> str:
    return run(json.dumps({**GIVEN, **given}).encode(), dict(os.environ) if environ is None else environ)


def recorded() -> list[dict[str, Any]]:
    service = ActivityService.from_environ(source="cli")
    found = [
        json.loads(line)
        for segment in sorted(Path(service.queue.directory, "seg").glob("*.ndjson"))
        for line in segment.read_text().splitlines()
    ]
    service.close()
    return [each for each in found if each.get("event_name") == "session_event"]


def test_it_shows_cost_context_limits_and_whether_it_records(home: Path) -> None:
    parts = shown().strip().split(" · ")
    assert parts[:3] == ["$0.00 today", "$0.35 session", "context 42%"]
    assert parts[3].startswith("5h 61% (")
    assert parts[4].startswith("7d 12% (")
    assert parts[5:] == ["recording"]


def test_it_records_what_only_it_knows_once_for_each_change(home: Path) -> None:
    for _ in range(3):
        shown()
    shown(cost={"total_cost_usd": 0.4})
    first, second = recorded()
    assert first["feature_json"] == {
        "session_id": GIVEN["session_id"], "event_type": "status", "cost_usd": 0.35, "context_used_percent": 42,
        "limits": {"five_hour": {"used_percent": 61.4, "resets_at": 1_795_850_000}, "seven_day": {"used_percent": 12, "resets_at": 1_796_400_000}},
        "model": "claude-opus-5-5",
    }  # fmt: skip
    assert (second["feature_json"]["cost_usd"], first["project"], first["source"]) == (0.4, "/work/shop", "hook")


def test_a_session_that_has_cost_nothing_yet_is_not_worth_a_line(home: Path) -> None:
    assert "recording" in shown(cost={"total_cost_usd": 0}, rate_limits=None, context_window={"used_percentage": None})
    assert recorded() == []


def test_todays_cost_is_that_of_the_record_with_its_estimated_part_and_the_budget(call: Call, home: Path) -> None:
    service = ActivityService.from_environ(source="cli")
    for cost, source in ((3.0, "otel"), (1.0, "estimated")):
        features = {"model": "m", "prompt_tokens": 1, "completion_tokens": 1, "cost_usd": cost, "cost_source": source}
        service.log("llm_event", features)
    service.close()
    assert call("flush").code == 0
    assert call("context").code == 0  # which publishes the snapshot
    assert shown().startswith("$4.00 today (~$1.00) · ")
    assert shown({**os.environ, "ACTIVITY_BUDGET_DAY_USD": "4.5"}).startswith("$4.00 today (~$1.00), 89% of $4.50 · ")
    assert shown({**os.environ, "ACTIVITY_BUDGET_DAY_USD": "50"}).startswith("$4.00 today (~$1.00) · ")


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"cost": 5, "rate_limits": [], "context_window": "x", "session_id": 7}', b"[" * 10_000,
     b'{"cost": {"total_cost_usd": "NaN"}, "rate_limits": {"five_hour": {"used_percentage": 1e400, "resets_at": -1}}}'],
)  # fmt: skip
def test_whatever_comes_in_it_shows_a_line(home: Path, data: bytes) -> None:
    line = run(data, dict(os.environ), clock=FakeClock())
    assert line.endswith("recording\n")
    assert line.count("\n") == 1


def test_what_keeps_it_from_recording_is_said(home: Path) -> None:
    assert shown({**os.environ, "ACTIVITY_RECORD": "off"}).endswith("not recording here\n")
    assert shown({**os.environ, "MAX_QUEUE_SIZE": "lots"}).endswith("a variable cannot be used\n")
    home.parent.joinpath("file").write_text("a file where the directory should be")
    assert "NOT recording" in shown({**os.environ, "ACTIVITY_HOME": str(home.parent / "file")})


def test_it_loads_what_a_hook_loads_and_no_more(tmp_path: Path) -> None:
    package = Path(activity_mcp.__file__).parents[1]
    script = f"import sys; sys.path.insert(0, {str(package)!r}); from activity_mcp.claude_code.hooks.statusline import run; "
    script += f"run(b'{{}}', {{'HOME': {str(tmp_path)!r}}}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "activity_mcp.claude_code.hooks.statusline" in loaded
    refused = {
        "typing",
        "dataclasses",
        "pathlib",
        "hashlib",
        "logging",
        "asyncio",
        "subprocess",
        "socket",
        "datetime",
        "duckdb",
        "click",
    }
    assert loaded & refused == set()


# --- in the settings


def line_of(settings: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(settings.read_text())["statusLine"]
    return found


def test_install_registers_it_and_uninstall_takes_it_out(call: Call, home: Path) -> None:
    settings = home.parent / ".claude" / "settings.json"
    assert call("install", "--statusline").code == 0
    assert line_of(settings) == {"type": "command", "command": statusline_command()}
    assert "nothing to do" in call("install", "--statusline").err
    assert call("uninstall").code == 0
    assert not settings.exists()


def test_a_status_line_of_ones_own_is_wrapped_and_comes_back(call: Call, home: Path) -> None:
    settings = home.parent / ".claude" / "settings.json"
    settings.parent.mkdir()
    before = b'{"statusLine": {"type": "command", "command": "~/my line.sh --it\'s \\"mine\\"", "padding": 0}, "theme": "dark"}'
    settings.write_bytes(before)
    assert call("install", "--statusline").code == 0
    assert call("install", "--statusline").code == 0  # wraps once
    made = line_of(settings)
    assert (made["padding"], wrapped_in(made["command"])) == (0, '~/my line.sh --it\'s "mine"')
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "theme": "light"}))
    assert call("uninstall").code == 0
    assert json.loads(settings.read_text()) == {**json.loads(before), "theme": "light"}


@pytest.mark.parametrize("line", [5, {"type": "other", "command": "x"}, {"type": "command"}])
def test_a_status_line_that_is_no_command_is_left(call: Call, home: Path, line: Any) -> None:
    settings = home.parent / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"statusLine": line}))
    assert call("install", "--statusline").code == 2
    assert line_of(settings) == line
    assert not is_ours("~/bin/activity-mcp-like statusline")


def test_the_command_shows_the_wrapped_line_first_and_gives_it_the_same_input(home: Path) -> None:
    wrapped = 'printf \'mine: \'; grep -o \'"id": *"[^"]*"\' | head -1'
    environ = {**os.environ, "ACTIVITY_HOME": str(home)}
    done = subprocess.run(
        ["sh", "-c", statusline_command(wrapped)],
        input=json.dumps(GIVEN),
        capture_output=True,
        text=True,
        env=environ,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stderr) == (0, "")
    mine, ours = done.stdout.splitlines()
    assert mine == 'mine: "id": "claude-opus-5-5"'
    assert ours.endswith("recording")


def test_what_it_and_the_receiver_leave_goes_with_a_purge(call: Call, home: Path) -> None:
    shown()
    assert call("install", "--otel").code == 0
    (queue,) = (home / "queue").iterdir()
    for name in ("otlp.json", "budget.json"):
        (queue / name).write_text("{}")
    assert call("uninstall", "--purge", "--yes").code == 0
    assert not home.exists()
