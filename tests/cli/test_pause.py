"""``activity-mcp pause``: while it is on nothing is recorded, by whichever way, and nothing of that time comes back."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.claude_code.hooks.hook import run
from cli.outcome import Call

SESSION = "0b0e0c5e-0000-4000-8000-000000000001"


def depth(call: Call) -> int:
    found: int = call("status", "--json").json["queue"]["depth_events"]
    return found


def log(call: Call) -> Any:
    return call("log", "tool_event", "--feature", "tool_name=Bash", "--feature", "success=true")


def transcript(path: Path, prompts: dict[str, datetime]) -> Path:
    lines = [
        {"type": "user", "uuid": f"u{number}", "sessionId": SESSION, "cwd": str(path.parent), "version": "2.1.300",
         "timestamp": at.isoformat().replace("+00:00", "Z"), "message": {"role": "user", "content": text}}
        for number, (text, at) in enumerate(prompts.items())
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_while_it_is_on_no_command_records(call: Call) -> None:
    assert "paused since" in call("pause").out
    outcome = log(call)
    assert (outcome.code, outcome.out) == (0, "")
    assert "activity-mcp pause" in outcome.err
    assert depth(call) == 0


def test_status_and_doctor_say_that_it_is_on_and_how_to_end_it(call: Call) -> None:
    call("pause")
    status = call("status", "--json").json
    assert status["recording"] is False
    assert status["paused_since"].endswith("Z")
    assert "pause --off" in call("doctor").out


def test_a_hook_records_nothing_meanwhile(call: Call, home: Path) -> None:
    call("pause")
    payload = {
        "hook_event_name": "UserPromptSubmit",
        "session_id": SESSION,
        "cwd": str(home),
        "prompt": "keep this to yourself",
    }
    run(json.dumps(payload).encode(), os.environ)
    assert depth(call) == 0


def test_an_import_is_refused_meanwhile(call: Call) -> None:
    call("pause")
    outcome = call("import")
    assert outcome.code == 2
    assert "paused" in outcome.err


def test_afterwards_everything_is_recorded_again_and_the_gap_is_explained(call: Call) -> None:
    call("pause")
    assert "recording again" in call("pause", "--off").out
    log(call)
    assert depth(call) == 2  # the event, and the system_event that says why there is a gap


def test_an_import_leaves_out_what_happened_meanwhile(call: Call, tmp_path: Path) -> None:
    before = datetime.now(UTC) - timedelta(minutes=5)
    call("pause")
    during = datetime.now(UTC)
    call("pause", "--off")
    call("import", str(transcript(tmp_path / "t.jsonl", {"an open question": before, "a private question": during})))
    found = call("query", "SELECT COUNT(*) AS n FROM VW_SESSION_EVENTS WHERE event_type = 'user_prompt'", "--json").json
    assert found["rows"] == [[1]]


def test_pausing_twice_keeps_the_first_moment_and_ending_twice_is_no_error(call: Call) -> None:
    first = call("pause", "--json").json
    assert call("pause", "--json").json == first
    assert call("pause", "--off", "--json").json["since"] == first["since"]
    assert call("pause", "--off", "--json").json == {"paused": False, "since": None, "until": None}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"since": 3}', '{"since": "yesterday"}'])
def test_a_damaged_file_pauses_all_the_same_and_can_be_taken_up(call: Call, home: Path, content: str) -> None:
    call("pause")
    (home / "paused").write_text(content)
    log(call)
    assert depth(call) == 0
    assert call("pause", "--off", "--json").json["since"] is not None
    log(call)
    assert depth(call) == 2


def test_an_older_version_can_read_what_was_forgotten_where_nothing_was_ever_paused(call: Call, home: Path) -> None:
    log(call)
    call("forget", "--session", SESSION)
    assert json.loads((home / "forgotten.json").read_text())["version"] == 1
    call("pause")
    call("pause", "--off")
    assert json.loads((home / "forgotten.json").read_text())["version"] == 2
