"""One mapping for hooks and transcripts: the same call has the same ids, and costs a hook next to nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.activity import derived_id
from activity_mcp.claude_code.events import parameters_of, session_activity, tool_activities
from activity_mcp.claude_code.ids import is_own_tool
from activity_mcp.redaction import Redactor
from claude_code.conftest import unique

REPO = Path(__file__).resolve().parents[2]
EXPENSIVE = {
    "dataclasses", "typing", "pathlib", "datetime", "uuid", "hashlib", "logging", "asyncio", "subprocess", "socket", "tempfile",
    "inspect", "contextlib",
}  # fmt: skip


def test_a_hook_can_afford_the_mapping_and_the_redaction() -> None:
    code = (
        "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1]);"
        "import activity_mcp.claude_code.events, activity_mcp.redaction; print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-I", "-S", "-c", code, str(REPO)], check=True, capture_output=True, text=True)
    loaded = set(run.stdout.split())
    assert "activity_mcp.claude_code.events" in loaded
    assert loaded & EXPENSIVE == set()
    assert {name for name in loaded if name.startswith("activity_mcp.claude_code.")} == {
        "activity_mcp.claude_code.cutting",
        "activity_mcp.claude_code.draft",
        "activity_mcp.claude_code.events",
    }


def test_a_hook_and_an_import_of_one_edit_give_the_same_two_events(script, read) -> None:
    edit = {"file_path": "/a.py", "old_string": "a", "new_string": "b"}
    response = {"originalFile": "a", "oldString": "a", "newString": "b", "structuredPatch": [{"lines": ["-a", "+b"]}]}
    call = unique("toolu", "t1")
    hooked = tool_activities(call, "Edit", edit, redactor=Redactor(), success=True, latency_ms=12.5, result=response)
    script.calls("Edit", call, edit, "m1")
    script.result(call, structured=response)
    imported = [activity for activity in read(script.path)[0] if activity.event_name in ("tool_event", "file_event")]
    assert [(draft.event_name, draft.activity_id) for draft in hooked] == [
        (activity.event_name, activity.activity_id) for activity in imported
    ]
    measured = ("latency_ms", "result_size", "git_branch")
    for draft, activity in zip(hooked, imported, strict=True):
        other = activity.feature_json
        assert {name: value for name, value in draft.features.items() if name not in measured} == {
            name: value for name, value in other.items() if name not in measured
        }


def test_ids_are_derived_from_what_claude_code_calls_the_fact() -> None:
    tool, file = tool_activities("t1", "Read", {"file_path": "/a"}, redactor=Redactor(), success=True)
    assert tool.activity_id == derived_id("tool_event", "tool_use_id", "t1")
    assert file.activity_id == derived_id("file_event", "tool_use_id", "t1")
    assert session_activity("s", "end", "p1", {}).activity_id != session_activity("s", "end", "p2", {}).activity_id


@pytest.mark.parametrize("given", [None, "text", 5, [1], {}, {"file_path": 5}, {"file_path": ""}])
def test_an_input_of_the_wrong_kind_gives_the_tool_event_alone(given: object) -> None:
    drafts = tool_activities("t1", "Edit", given, redactor=Redactor(), success=False, error="Invalid input")
    assert [draft.event_name for draft in drafts] == ["tool_event"]
    assert drafts[0].features.get("parameters") == (given if isinstance(given, dict) else None)


def test_the_callers_input_is_never_changed() -> None:
    given: dict[str, Any] = {"password": "abc", "list": ["x" * 9000], "deep": {"a": [{"b": "y" * 9000}]}}
    kept, cut = parameters_of(given, Redactor())
    assert (given["password"], len(given["list"][0])) == ("abc", 9000)
    assert (kept["password"], cut) == ("[redacted:password]", ["list", "deep"])


@pytest.mark.parametrize(
    ("tool", "own"),
    [
        ("mcp__activity__get_context", True),
        ("mcp__activity-mcp__health", True),
        ("mcp__plugin_activity-mcp_activity__log_event", True),
        ("mcp__activity__something_else", False),
        ("mcp__activity_db__query", False),
        ("mcp__activitywatch__query", False),
        ("mcp__team-activity__health", False),
        ("mcp__plugin_team-tools_activity-mcp__query", True),
        ("mcp__plugin_activity-tracker_activity__get_context", False),
        ("mcp__plugin_team-tools_my_activity-mcp__query", False),
        ("mcp__activity-mcp-server__query", False),
        ("activity__query", False),
        ("mcp__warehouse__query", False),
        ("get_context", False),
        ("Bash", False),
    ],
)
def test_only_calls_of_this_server_are_its_own(tool: str, own: bool) -> None:
    assert is_own_tool(tool) is own
