"""``doctor`` on Claude Code's files: what keeps it from being recorded is found, wherever it is written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.__main__ import run
from activity_mcp.claude_code.setup import survey

Checks = dict[str, dict[str, str]]
NAMES = ("claude settings", "server registered", "hooks registered", "hooks allowed", "hooks firing")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("ACTIVITY_", "CLAUDE_")):
            monkeypatch.delenv(name)
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ACTIVITY_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("ACTIVITY_CUSTOMER", "ada@example.com")
    monkeypatch.setattr(survey, "MANAGED_LINUX", str(tmp_path / "managed"))
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path


@pytest.fixture
def examined(places: Path, capfd: pytest.CaptureFixture[str]) -> Callable[[], tuple[int, Checks]]:
    def examined() -> tuple[int, Checks]:
        capfd.readouterr()
        code = run(["doctor", "--json"])
        return code, {check["name"]: check for check in json.loads(capfd.readouterr().out)["checks"] if check["name"] in NAMES}

    return examined


Examined = Callable[[], tuple[int, Checks]]


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.loads(path.read_text()) if path.exists() else {}
    change(content)
    path.write_text(json.dumps(content))


def statuses(checks: Checks) -> list[str]:
    return [checks[name]["status"] for name in NAMES]


def test_before_installing_it_says_how(examined: Examined) -> None:
    code, checks = examined()
    assert (code, statuses(checks)) == (0, ["ok", "warn", "warn", "ok", "ok"])
    assert "activity-mcp install" in checks["server registered"]["hint"]


def test_after_installing_only_the_first_event_is_waited_for(examined: Examined, places: Path) -> None:
    run(["install"])
    code, checks = examined()
    assert (code, statuses(checks)) == (0, ["ok", "ok", "ok", "ok", "warn"])
    assert "always loaded" in checks["server registered"]["found"]
    from claude_code.hooked import Hooked, tool_use

    Hooked(places / "state").fire(tool_use())
    assert statuses(examined()[1]) == ["ok"] * 5
    run(["flush"])
    _, checks = examined()
    assert checks["hooks firing"]["status"] == "ok"
    assert " s old" in checks["hooks firing"]["found"]


@pytest.mark.parametrize(
    ("file", "change", "name", "status", "says"),
    [
        (".claude/settings.json", lambda c: c.update(disableAllHooks=True), "hooks allowed", "fail", "disableAllHooks"),
        ("shop/.claude/settings.local.json", lambda c: c.update(disableAllHooks=True), "hooks allowed", "fail", "settings.local.json"),
        ("managed/managed-settings.json", lambda c: c.update(allowManagedHooksOnly=True), "hooks allowed", "fail", "allowManagedHooksOnly"),
        ("managed/managed-settings.d/10.json", lambda c: c.update(disableAllHooks=True), "hooks allowed", "fail", "10.json"),
        ("managed/managed-mcp.json", lambda c: c.update(mcpServers={}), "server registered", "fail", "managed-mcp.json"),
        (".claude/settings.json", lambda c: c["hooks"].pop("PostToolUse"), "hooks registered", "warn", "not for PostToolUse"),
        (".claude/settings.json", lambda c: c.update(enabledPlugins={"activity-mcp@activity-mcp": True}), "hooks registered", "warn", "more than once"),
        (".claude/settings.json", lambda c: c["hooks"]["Stop"][0]["hooks"][0].update(command="/gone/python"), "hooks registered", "fail", "/gone/python"),
        (".claude/settings.json", lambda c: c["hooks"]["Stop"][0]["hooks"][0].update(args=["/gone/activity_mcp/claude_code/hooks/start_hook.py"]), "hooks registered", "fail", "start_hook.py"),
        (".claude.json", lambda c: c["mcpServers"]["activity"].update(command="/gone/activity-mcp"), "server registered", "fail", "/gone/activity-mcp"),
        (".claude.json", lambda c: c["mcpServers"]["activity"].pop("alwaysLoad"), "server registered", "warn", "without alwaysLoad"),
        ("shop/.mcp.json", lambda c: c.update(mcpServers={"a": {"command": "activity-mcp", "args": ["serve"]}}), "server registered", "warn", "2 times"),
    ],
)  # fmt: skip
def test_what_keeps_it_from_recording_is_found(
    examined: Examined, places: Path, file: str, change: Callable[[Any], Any], name: str, status: str, says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    run(["install"])
    (places / "bin").mkdir()
    (places / "bin" / "activity-mcp").write_text("#!/bin/sh\n")
    (places / "bin" / "activity-mcp").chmod(0o755)
    monkeypatch.setenv("PATH", f"{places}/bin:{os.environ['PATH']}")
    edit(places / file, change)
    code, checks = examined()
    assert (checks[name]["status"], code) == (status, 5 if status == "fail" else 0)
    assert says in checks[name]["found"]
    assert checks[name]["hint"]


def test_a_settings_file_that_cannot_be_read_fails(examined: Examined, places: Path) -> None:
    (places / ".claude").mkdir()
    (places / ".claude" / "settings.json").write_text("{,}")
    code, checks = examined()
    assert (code, checks["claude settings"]["status"]) == (5, "fail")


def test_the_plugin_alone_is_enough(examined: Examined, places: Path) -> None:
    edit(places / ".claude" / "settings.json", lambda c: c.update(enabledPlugins={"activity-mcp@activity-mcp": True}))
    code, checks = examined()
    assert (code, statuses(checks)[:4]) == (0, ["ok"] * 4)
