"""The plugin and the examples: what Claude Code would load is there, agrees with what `install` writes, and runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import activity_mcp
from activity_mcp.claude_code.setup.own_commands import is_own_hook
from activity_mcp.claude_code.setup.registration import (
    HOOK_EVENTS,
    PLUGIN_NAME,
    hook_handler,
    server_entry,
)
from patience import PATIENCE_S

REPO = Path(__file__).resolve().parents[1]
PLUGIN = REPO / "plugin"
pytestmark = pytest.mark.skipif(not PLUGIN.exists(), reason="the plugin is not part of the wheel; run from a checkout")

PAYLOAD = json.dumps(
    {"session_id": "s1", "hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}}
)
HELLO = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}})  # fmt: skip


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_marketplace_lists_the_plugin_where_it_lies() -> None:
    marketplace = read(REPO / ".claude-plugin" / "marketplace.json")
    assert re.fullmatch(r"[a-z0-9-]+", marketplace["name"])
    assert marketplace["owner"]["name"]
    [entry] = marketplace["plugins"]
    assert (entry["name"], entry["source"]) == (PLUGIN_NAME, "./plugin")
    manifest = read(REPO / entry["source"] / ".claude-plugin" / "plugin.json")
    assert (manifest["name"], manifest["version"]) == (PLUGIN_NAME, activity_mcp.__version__)


def test_its_hooks_are_those_that_install_writes() -> None:
    hooks = read(PLUGIN / "hooks" / "hooks.json")["hooks"]
    assert tuple(hooks) == HOOK_EVENTS
    for event, groups in hooks.items():
        [[handler]] = [group["hooks"] for group in groups]
        assert is_own_hook(handler)
        installed = hook_handler(["activity-mcp-hook"], event)
        assert {name: handler.get(name) for name in ("type", "async", "timeout")} == {
            name: installed.get(name) for name in ("type", "async", "timeout")
        }


def test_it_has_one_skill_that_says_when_to_use_it() -> None:
    [skill] = PLUGIN.glob("skills/*/SKILL.md")
    _, front, body = skill.read_text(encoding="utf-8").split("---\n", 2)
    named = dict(line.split(": ", 1) for line in front.strip().splitlines())
    assert named["name"] == skill.parent.name
    assert 50 < len(named["description"]) <= 1024
    assert body.strip()


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A directory for PATH, with our commands, which print what they were given."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in ("activity-mcp", "activity-mcp-hook"):
        (directory / name).write_text('#!/bin/sh\necho "$(basename "$0") $*"\nexec cat\n')
        (directory / name).chmod(0o755)
    return directory


def as_claude_code_does(
    entry: dict[str, Any], given: str, path: str, home: Path, data: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """A hook's or a server's entry run as documented: a shell unless there are ``args``, the plugin's root in the environment,
    and in newer versions a folder to keep data in."""
    command = [entry["command"], *entry["args"]] if "args" in entry else ["/bin/sh", "-c", entry["command"]]
    environ = {"PATH": path, "HOME": str(home), "CLAUDE_PLUGIN_ROOT": str(PLUGIN), "ACTIVITY_HOME": str(home / "state"), "ACTIVITY_CUSTOMER": "ada@example.com"}  # fmt: skip
    if data is not None:
        environ["CLAUDE_PLUGIN_DATA"] = str(data)
    return subprocess.run(command, input=given, env=environ, capture_output=True, text=True, timeout=PATIENCE_S, cwd=home)


def plugin_hooks() -> list[dict[str, Any]]:
    return [groups[0]["hooks"][0] for groups in read(PLUGIN / "hooks" / "hooks.json")["hooks"].values()]


def test_its_hooks_hand_the_payload_to_the_command(tmp_path: Path, programs: Path) -> None:
    for handler in plugin_hooks():
        done = as_claude_code_does(handler, PAYLOAD, f"{programs}:/usr/bin:/bin", tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"activity-mcp-hook \n{PAYLOAD}", "")


def test_its_hooks_find_the_command_where_pipx_and_uv_put_it(tmp_path: Path, programs: Path) -> None:
    (tmp_path / ".local").mkdir()
    programs.rename(tmp_path / ".local" / "bin")
    done = as_claude_code_does(plugin_hooks()[0], PAYLOAD, "/usr/bin:/bin", tmp_path)
    assert (done.returncode, done.stdout) == (0, f"activity-mcp-hook \n{PAYLOAD}")


@pytest.mark.parametrize("payload", ["", PAYLOAD, PAYLOAD * 20_000], ids=["empty", "small", "larger than a pipe"])
def test_its_hooks_leave_in_silence_where_the_command_is_missing(tmp_path: Path, payload: str) -> None:
    done = as_claude_code_does(plugin_hooks()[0], payload, "/usr/bin:/bin", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_its_first_session_without_the_command_says_once_what_to_run(tmp_path: Path) -> None:
    def fire(event: str) -> str:
        given = json.dumps({"session_id": "s1", "hook_event_name": event, "source": "startup"})
        done = as_claude_code_does(plugin_hooks()[0], given, "/usr/bin:/bin", tmp_path, tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    said = [fire(event) for event in ("UserPromptSubmit", "SessionStart", "SessionStart", "Stop")]
    assert [bool(text) for text in said] == [False, True, False, False]
    assert "uv tool install activity-mcp" in json.loads(said[1])["systemMessage"]


def test_its_hooks_leave_in_silence_where_nothing_can_be_remembered(tmp_path: Path) -> None:
    given = json.dumps({"hook_event_name": "SessionStart"})
    done = as_claude_code_does(plugin_hooks()[0], given, "/usr/bin:/bin", tmp_path, tmp_path / "gone")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_its_server_is_the_command(tmp_path: Path, programs: Path) -> None:
    [server] = read(PLUGIN / ".mcp.json")["mcpServers"].values()
    done = as_claude_code_does(server, "{}\n", f"{programs}:/usr/bin:/bin", tmp_path)
    assert (done.returncode, done.stdout) == (0, "activity-mcp serve\n{}\n")
    assert server["alwaysLoad"] is True


@pytest.mark.parametrize("request_id", ["1", '"a-1"'])
def test_its_server_reports_that_the_command_is_missing(tmp_path: Path, request_id: str) -> None:
    """As an error that answers the client, which is what ``/mcp`` shows."""
    [server] = read(PLUGIN / ".mcp.json")["mcpServers"].values()
    hello = HELLO.replace('"id": 1', f'"id": {request_id}')
    notice = '{"jsonrpc": "2.0", "method": "notifications/initialized"}'
    done = as_claude_code_does(server, f"{hello}\n{notice}\n", "/usr/bin:/bin", tmp_path)
    [answer] = map(json.loads, done.stdout.splitlines())
    assert answer["id"] == json.loads(request_id)
    assert "activity-mcp is not installed" in answer["error"]["message"]
    assert "uv tool install activity-mcp" in answer["error"]["message"]
    assert answer["error"]["message"] in done.stderr


def test_the_examples_are_what_install_writes_with_the_command_found_on_path() -> None:
    assert read(REPO / "examples" / ".mcp.json") == {"mcpServers": {"activity": server_entry(["activity-mcp", "serve"])}}
    expected = {event: [{"hooks": [hook_handler(["activity-mcp-hook"], event)]}] for event in HOOK_EVENTS}
    assert read(REPO / "examples" / "settings.json") == {"hooks": expected}


def test_the_examples_of_hooks_record_every_event(tmp_path: Path) -> None:
    """With the script as it is installed: its first line names the interpreter."""
    script = (REPO / "scripts" / "activity-mcp-hook").read_text()
    (tmp_path / "activity-mcp-hook").write_text(script.replace("#!python", f"#!{sys.executable}", 1))
    (tmp_path / "activity-mcp-hook").chmod(0o755)
    for event, groups in read(REPO / "examples" / "settings.json")["hooks"].items():
        given = json.dumps(
            {
                **json.loads(PAYLOAD),
                "hook_event_name": event,
                "tool_use_id": "t1",
                "prompt": "hi",
                "source": "resume",
                "agent_id": "a",
            }
        )
        done = as_claude_code_does(groups[0]["hooks"][0], given, f"{tmp_path}:/usr/bin:/bin", tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), event
    lines = [json.loads(line) for path in (tmp_path / "state").glob("queue/*/seg/*") for line in path.read_text().splitlines()]
    recorded = [
        line["feature_json"].get("hook_event_name") or line["feature_json"].get("event_type") or line["event_name"]
        for line in lines
        if "_segment" not in line
    ]
    assert recorded == [
        "start", "end", "user_prompt", "tool_event", "tool_event", "PostToolBatch", "turn_end", "turn_stopped", "subagent_start",
        "turn_end", "tool_event",
    ]  # fmt: skip


def test_the_example_of_a_server_starts_one(tmp_path: Path) -> None:
    [server] = read(REPO / "examples" / ".mcp.json")["mcpServers"].values()
    done = as_claude_code_does(server, HELLO + "\n", f"{os.path.dirname(sys.executable)}:/usr/bin:/bin", tmp_path)
    assert json.loads(done.stdout.splitlines()[0])["result"]["serverInfo"]["name"]
