"""Sessions of Codex, imported: what becomes of each record, and that a second import, a fork and a spawned agent add nothing twice."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from activity_mcp.activity import Activity, Origin
from activity_mcp.claude_code.transcripts import TranscriptReader, TranscriptReport
from activity_mcp.claude_code.transcripts.copies import LineOwners
from activity_mcp.claude_code.transcripts.key_set import KeySet
from activity_mcp.cli.commands import commands
from activity_mcp.codex.calls import output_of
from activity_mcp.codex.rollout import Rollout
from activity_mcp.redaction import Redactor
from codex.recorded import CWD, SESSION, START_US, Recorded

LATER_US = 1_900_000_000_000_000
PATCH = """*** Begin Patch
*** Update File: src/orders.py
@@ def total
-    return 0
+    return sum(lines)
*** Add File: tests/test_orders.py
+def test_total():
+    assert total([1]) == 1
*** Delete File: old.py
*** End Patch
"""
FAILED = "Chunk ID: 8a\nWall time: 0.4 seconds\nProcess exited with code 1\nOutput:\nE   assert 0 == 1"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / ".codex"


def read(*paths: Path) -> tuple[list[Activity], TranscriptReport]:
    """What one import of these files records."""
    seen, owners, total, found = KeySet(), LineOwners(), TranscriptReport(), []
    for path in paths:
        reader = TranscriptReader(
            str(path),
            origin_for=lambda session_id, cwd: Origin("ada@example.com", "import", session_id=session_id, project=cwd),
            redactor=Redactor(),
            prompts="excerpt",
            now_us=LATER_US,
            seen=seen,
            copies=owners.of(str(path)),
            lines_of=Rollout(str(path)).lines,
        )
        found += list(reader)
        total.add(reader.report)
    return found, total


def of(found: list[Activity], event_name: str, **members: Any) -> list[dict[str, Any]]:
    features = [activity.feature_json for activity in found if activity.event_name == event_name]
    return [each for each in features if members.items() <= each.items()]


def whole_session(home: Path, **meta: Any) -> Recorded:
    made = Recorded(home, **meta)
    made.turn("t1", "why is the total 0")
    made.item("reasoning", summary=[], encrypted_content="x")
    made.says("I run the tests.")
    made.calls("call_1", "shell", {"command": ["bash", "-lc", "pytest -q"], "workdir": CWD})
    made.used()
    made.used(again=True)
    made.gave("call_1", FAILED)
    made.patches("call_2", PATCH)
    made.used()
    made.event("patch_apply_end", call_id="call_2", success=True, changes={})
    made.gave("call_2", '{"output":"Success.","metadata":{"exit_code":0,"duration_seconds":0.1}}', "custom_tool_call_output")
    made.says("The total is the sum of the lines now.")
    made.used()
    made.event("task_complete", turn_id=made.turn_id, last_agent_message="The total is the sum of the lines now.")
    return made


def test_a_session_has_its_prompt_calls_files_usage_and_conclusion(home: Path) -> None:
    found, report = read(whole_session(home).path)
    assert Counter(activity.event_name for activity in found) == {
        "session_event": 4,
        "tool_event": 4,
        "file_event": 2,
        "llm_event": 3,
    }
    assert {(activity.session_id, activity.project) for activity in found} == {(SESSION, CWD)}
    [start] = of(found, "session_event", event_type="start")
    assert start["cli_version"] == "codex 0.128.0"
    assert start["git_branch"] == "main"
    [prompt] = of(found, "session_event", event_type="user_prompt")
    assert prompt["excerpt"] == "why is the total 0"
    [conclusion] = of(found, "session_event", event_type="turn_end")
    assert conclusion["excerpt"] == "The total is the sum of the lines now."
    assert report.problems == {}
    assert report.unknown_types == {}


def test_a_command_is_one_of_bash_whose_exit_code_says_whether_it_failed(home: Path) -> None:
    found, _ = read(whole_session(home).path)
    [command] = of(found, "tool_event", tool_name="Bash")
    assert command["success"] is False
    assert command["error"] == "E   assert 0 == 1"
    assert "pytest -q" in json.dumps(command)


def test_a_patch_is_an_edit_of_each_file_it_changes_and_a_write_of_each_it_adds(home: Path) -> None:
    found, _ = read(whole_session(home).path)
    files = {each["file_path"]: (each["operation"], each["lines_affected"]) for each in of(found, "file_event", success=True)}
    assert files == {f"{CWD}/src/orders.py": ("edit", 2), f"{CWD}/tests/test_orders.py": ("create", 2)}
    assert {each["tool_name"] for each in of(found, "tool_event", success=True)} == {"Edit", "Write", "apply_patch"}


def test_a_response_is_counted_once_with_what_was_cached_apart(home: Path) -> None:
    found, report = read(whole_session(home).path)
    for response in of(found, "llm_event"):
        counts = {name: response[name] for name in ("prompt_tokens", "cache_read_tokens", "completion_tokens")}
        assert counts == {"prompt_tokens": 2000, "cache_read_tokens": 1000, "completion_tokens": 200}
    assert report.tokens["gpt-5-codex"]["calls"] == 3


def test_usage_that_is_reported_after_the_output_belongs_to_the_response_before_it(home: Path) -> None:
    made = Recorded(home)
    made.turn("t1", "go")
    made.calls("call_1", "exec_command", {"cmd": "ls"})
    made.gave("call_1", "Chunk ID: 1\nProcess exited with code 0\nOutput:\na.py")
    made.used()
    made.says("One file.")
    made.used()
    found, _ = read(made.path)
    assert len(of(found, "llm_event")) == 2
    [command] = of(found, "tool_event", tool_name="Bash")
    assert command["success"] is True


def test_an_interrupted_turn_was_stopped_and_its_open_call_never_answered(home: Path) -> None:
    made = Recorded(home)
    made.turn("t1", "go")
    made.calls("call_1", "shell_command", {"command": "sleep 999"})
    made.event("turn_aborted", turn_id=made.turn_id, reason="interrupted")
    found, _ = read(made.path)
    [stopped] = of(found, "session_event", event_type="turn_stopped")
    assert stopped["reason"] == "interrupted"
    [call] = of(found, "tool_event")
    assert call["success"] is False


def test_what_an_editor_puts_before_a_prompt_is_not_recorded_as_typed(home: Path) -> None:
    made = Recorded(home)
    made.turn(
        "t1", "# Context from my IDE setup:\n\n## Open tabs:\n- a.py\n\n## My request for Codex:\nrename it", images=["data:…"]
    )
    [prompt] = of(read(made.path)[0], "session_event", event_type="user_prompt")
    assert (prompt["excerpt"], prompt["images"]) == ("rename it", 1)


def test_our_own_tools_are_left_out_and_others_keep_their_server(home: Path) -> None:
    made = Recorded(home)
    made.turn("t1", "go")
    made.calls("call_1", "mcp__activity__get_context", {})
    made.gave("call_1", "{}")
    made.calls("call_2", "search", {"q": "x"}, namespace="mcp__docs__")
    made.event("mcp_tool_call_end", call_id="call_2", result={"Err": "no server"})
    made.gave("call_2", "no server")
    found, report = read(made.path)
    [other] = of(found, "tool_event")
    assert (other["tool_name"], other["success"]) == ("mcp__docs__search", False)
    assert report.own == 1


def test_a_search_of_the_service_is_a_call_that_succeeded(home: Path) -> None:
    made = Recorded(home)
    made.turn("t1", "go")
    made.item("web_search_call", status="completed", action={"type": "search", "query": "sum of lines"})
    [call] = of(read(made.path)[0], "tool_event")
    assert (call["tool_name"], call["success"]) == ("WebSearch", True)


def test_a_forks_copy_of_its_parent_adds_nothing(home: Path) -> None:
    parent = whole_session(home)
    fork = Recorded(home, "0199a213-0000-7800-8aa1-bbab2a035a54", start_us=START_US + 60_000_000, forked_from_id=SESSION)
    for record in parent.records:  # written anew, with another time
        fork.add(record["type"], record["payload"])
    fork.turn("t2", "now in cents")
    fork.says("In cents.")
    fork.used()
    alone, _ = read(parent.path)
    both, _ = read(parent.path, fork.path)
    added = Counter(activity.event_name for activity in both) - Counter(activity.event_name for activity in alone)
    assert added == {"session_event": 4, "llm_event": 1}  # its start, prompt, conclusion and end
    assert [each["excerpt"] for each in of(both, "session_event", event_type="user_prompt")] == [
        "why is the total 0",
        "now in cents",
    ]


def test_the_same_words_in_two_sessions_are_two_prompts(home: Path) -> None:
    made = [Recorded(home, session) for session in (SESSION, "0199a213-0000-7800-8aa1-bbab2a035a55")]
    for each in made:
        each.turn("t1", "continue")
    found, _ = read(*(each.path for each in made))
    assert len(of(found, "session_event", event_type="user_prompt")) == 2


def test_a_spawned_agents_calls_belong_to_the_session_that_spawned_it(home: Path) -> None:
    spawn = {"subagent": {"thread_spawn": {"parent_thread_id": SESSION, "depth": 1}}}
    agent = Recorded(home, "0199a213-0000-7800-8aa1-bbab2a035a56", source=spawn)
    agent.turn("t1", "look for callers")
    agent.calls("call_9", "exec_command", {"cmd": "rg total"})
    agent.used()
    agent.gave("call_9", "Process exited with code 0\nOutput:\nx")
    found, _ = read(agent.path)
    [call] = of(found, "tool_event")
    assert call["agent_id"] == "0199a213-0000-7800-8aa1-bbab2a035a56"
    assert {activity.session_id for activity in found} == {SESSION}
    assert of(found, "session_event") == []  # no prompt of a person's


def test_a_secret_of_a_rollout_is_not_recorded(home: Path) -> None:
    token = "gh" + "p_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    made = Recorded(home)
    made.turn("t1", f"use {token}")
    made.calls("call_1", "shell", {"command": ["curl", "-H", f"Authorization: Bearer {token}"]})
    made.used()
    made.gave("call_1", f"Exit code: 1\nOutput:\nrefused: {token}")
    made.patches("call_2", f"*** Begin Patch\n*** Add File: .env\n+TOKEN={token}\n*** End Patch\n")
    made.gave("call_2", "ok", "custom_tool_call_output")
    found, _ = read(made.path)
    assert len(found) > 4
    assert token not in json.dumps([activity.feature_json for activity in found])


@pytest.mark.parametrize(
    "record",
    [
        {"type": "session_meta"},
        {"type": "session_meta", "payload": {"git": "x", "source": {"subagent": "review"}}},
        {"type": "turn_context", "payload": {"turn_id": 3, "model": None, "cwd": None}},
        {"type": "event_msg", "payload": {"type": "token_count", "info": None}},
        {"type": "event_msg", "payload": {"type": "token_count", "info": {"last_token_usage": {"input_tokens": None}}}},
        {"type": "event_msg", "payload": {"type": "user_message"}},
        {"type": "event_msg", "payload": {}},
        {"type": "response_item", "payload": {"type": "function_call"}},
        {"type": "response_item", "payload": {"type": "function_call", "name": "shell", "arguments": "{", "call_id": 4}},
        {"type": "response_item", "payload": {"type": "function_call", "name": "shell", "arguments": "[]"}},
        {"type": "response_item", "payload": {"type": "local_shell_call", "action": 3}},
        {"type": "response_item", "payload": {"type": "custom_tool_call", "name": "apply_patch", "input": 3}},
        {
            "type": "response_item",
            "payload": {"type": "function_call_output", "output": [{"type": "input_text", "text": "x"}, 3]},
        },
        {"type": "response_item", "payload": {"type": "message", "role": "assistant", "content": [3, {"text": 4}]}},
        {"type": "made_up", "payload": {}},
        {"id": SESSION, "timestamp": "2025-05-07T17:24:21Z", "instructions": None},
    ],
    ids=lambda record: json.dumps(record)[:60],
)
def test_a_record_of_any_shape_costs_only_itself(home: Path, record: dict[str, Any]) -> None:
    made = Recorded(home)
    made.turn("t1", "before")
    with open(made.path, "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    made.turn("t2", "behind")
    prompts = [each["excerpt"] for each in of(read(made.path)[0], "session_event", event_type="user_prompt")]
    assert prompts[0] == "before"
    assert prompts[-1] == "behind"


@pytest.mark.parametrize(
    ("given", "text", "is_error"),
    [
        ("plain", "plain", None),
        ("Exit code: 2\nWall time: 1 seconds\nOutput:\nno", "no", True),
        ("Wall time: 1 seconds\nProcess exited with code 0\nOutput:\nyes", "yes", False),
        ("Wall time: 1 seconds\nProcess running with session ID 4\nOutput:\n…", "Wall time: 1 seconds\nProcess running with session ID 4\nOutput:\n…", None),
        ('{"output":"x","metadata":{"exit_code":1}}', "x", True),
        ('{"output":"x"}', "x", None),
        ('{"output":', '{"output":', None),
        ([{"type": "input_text", "text": "a"}, {"type": "input_image"}], "a", None),
        ({"content": "a", "success": False}, "a", None),
        ("a" * 600 + "\nExit code: 1\nOutput:\n", "a" * 600 + "\nExit code: 1\nOutput:\n", None),
    ],
)  # fmt: skip
def test_an_output_says_in_its_head_whether_the_command_failed(given: Any, text: str, is_error: bool | None) -> None:
    assert output_of(given) == (text, is_error)


# --- the command


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOME": str(tmp_path), "ACTIVITY_HOME": str(tmp_path / "record"), "CODEX_HOME": ""}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("environ")
def test_the_command_finds_codex_sessions_and_importing_them_again_adds_nothing(home: Path) -> None:
    made = whole_session(home)
    archived = home / "archived_sessions" / made.path.name
    first, again = _imported(), _imported()
    archived.parent.mkdir()
    shutil.move(made.path, archived)
    moved = _imported()
    assert first["activities"] == {"session_event": 4, "tool_event": 4, "file_event": 2, "llm_event": 3}
    assert again["activities"] == {}
    assert again["unchanged_files"] == 1
    assert (moved["unchanged_files"], moved["activities"]) == (1, {})
    question = "SELECT COUNT(*), COUNT(DISTINCT activity_id) FROM VW_ACTIVITY_STREAM WHERE session_id IS NOT NULL"
    counted = CliRunner().invoke(commands, ["query", question, "--json"])
    assert json.loads(counted.stdout)["rows"] == [[13, 13]]


@pytest.mark.usefixtures("environ")
def test_the_history_of_claude_code_is_not_asked_for_another_agents_sessions() -> None:
    done = CliRunner().invoke(commands, ["import", "--from", "codex", "--history"])
    assert "--history is Claude Code's" in str(done.exception)


def _imported() -> dict[str, Any]:
    done = CliRunner().invoke(commands, ["import", "--from", "codex", "--json"])
    assert done.exception is None, done.output
    report: dict[str, Any] = json.loads(done.stdout)
    return report
