"""``doctor`` on Claude Code's files: what keeps it from being recorded is found, wherever it is written."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.__main__ import run
from activity_mcp.claude_code import versions
from activity_mcp.claude_code.hooks import start_hook
from activity_mcp.claude_code.hooks.start_hook import hook_command
from activity_mcp.claude_code.setup import compiled_hook, survey
from activity_mcp.claude_code.setup.install import commands
from activity_mcp.claude_code.setup.registration import HOOK_EVENTS
from activity_mcp.operations.checks import claude_client
from claude_code.hooked import Hooked, payload

Checks = dict[str, dict[str, str]]
HOOK = hook_command()[1:]
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
    is_compiled = os.path.exists(compiled_hook.PACKAGED)
    assert ("by the compiled client" in checks["hooks registered"]["found"]) == is_compiled
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
        (".claude/settings.json", lambda c: c["hooks"]["Stop"][0]["hooks"][0].update(command="/gone/python", args=HOOK), "hooks registered", "fail", "/gone/python"),
        (".claude/settings.json", lambda c: c["hooks"]["Stop"][0]["hooks"][0].update(command=sys.executable, args=["/gone/activity_mcp/claude_code/hooks/start_hook.py"]), "hooks registered", "fail", "start_hook.py"),
        (".claude/settings.json", lambda c: c["hooks"]["Stop"][0]["hooks"][0].update(command="/gone/activity-hook", args=["/a.sock", sys.executable, *HOOK]), "hooks registered", "fail", "/gone/activity-hook"),
        (".claude/settings.json", lambda c: c["hooks"]["Stop"][0]["hooks"][0].update(command="activity-hook", args=["/a.sock", "/gone/python", *HOOK]), "hooks registered", "fail", "/gone/python"),
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
    for program in ("activity-mcp", "activity-hook"):
        (places / "bin" / program).write_text("#!/bin/sh\n")
        (places / "bin" / program).chmod(0o755)
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


PLUGIN = {"activity-mcp@activity-mcp": True}


def put_commands(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize("folder", ["bin", ".local/bin"], ids=["on PATH", "where pipx and uv put it"])
def test_the_plugin_alone_is_enough(examined: Examined, places: Path, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_commands(places / folder, "activity-mcp", "activity-mcp-hook")
    monkeypatch.setenv("PATH", f"{places}/bin:/usr/bin:/bin")
    edit(places / ".claude" / "settings.json", lambda c: c.update(enabledPlugins=PLUGIN))
    code, checks = examined()
    assert (code, statuses(checks)[:4]) == (0, ["ok"] * 4)


@pytest.mark.parametrize("there", [(), ("activity-mcp",), ("activity-mcp-hook",)], ids=["none", "server", "hook"])
def test_a_plugin_whose_command_is_missing_fails_and_says_what_to_run(
    examined: Examined, places: Path, there: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{put_commands(places / 'bin', *there)}:/usr/bin:/bin")
    edit(places / ".claude" / "settings.json", lambda c: c.update(enabledPlugins=PLUGIN))
    code, checks = examined()
    assert (code, checks["server registered"]["status"]) == (5, "fail")
    assert "neither on PATH" in checks["server registered"]["found"]
    assert "uv tool install activity-mcp" in checks["server registered"]["hint"]


def hooked_by(places: Path, command: list[str]) -> None:
    """Every event hooked by this command line."""

    def change(settings: dict[str, Any]) -> None:
        for groups in settings["hooks"].values():
            groups[0]["hooks"][0] |= {"command": command[0], "args": command[1:]}

    edit(places / ".claude" / "settings.json", change)


def test_a_registration_of_an_older_version_is_found_and_mended_by_install(examined: Examined, places: Path) -> None:
    run(["install"])
    hooked_by(places, [sys.executable, "-I", "-S", start_hook.__file__])
    _, checks = examined()
    assert checks["hooks registered"]["status"] == "warn"
    assert "as an older version wrote them" in checks["hooks registered"]["found"]
    run(["install"])
    assert examined()[1]["hooks registered"]["status"] == "ok"


@pytest.mark.parametrize(
    ("command", "status"),
    [(hook_command(), "warn"), (["activity-mcp-hook"], "ok")],
    ids=["of this machine, in Python", "by the script's name, as a team shares it"],
)
def test_hooks_in_python_are_found_where_the_compiled_client_is_there(
    examined: Examined, places: Path, command: list[str], status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = places / "packaged" / "activity-hook"
    put_commands(client.parent, client.name)
    client.write_text("#!/bin/sh\necho activity-hook 1\n")
    monkeypatch.setattr(compiled_hook, "PACKAGED", str(client))
    monkeypatch.setattr(compiled_hook, "IS_SUPPORTED", True)
    monkeypatch.setenv("PATH", f"{put_commands(places / 'bin', 'activity-mcp-hook')}:{os.environ['PATH']}")
    run(["install"])
    assert "by the compiled client" in examined()[1]["hooks registered"]["found"]
    hooked_by(places, command)
    _, checks = examined()
    assert checks["hooks registered"]["status"] == status
    assert ("without the compiled client" in checks["hooks registered"]["found"]) == (status == "warn")


# --- the client


def installed_in_the_project(places: Path) -> Path:
    assert run(["install", "--scope", "project"]) == 0
    return places / "shop"


def test_a_project_s_server_that_nobody_has_approved_is_reported_as_pending(examined: Examined, places: Path) -> None:
    shop = installed_in_the_project(places)
    found = examined()[1]["server registered"]
    assert (found["status"], "not been approved" in found["found"], "Use this MCP server" in found["hint"]) == (
        "warn",
        True,
        True,
    )
    edit(shop / ".claude" / "settings.local.json", lambda content: content.update(enabledMcpjsonServers=["activity"]))
    assert examined()[1]["server registered"]["status"] == "ok"


@pytest.mark.parametrize("where", ["settings", "state"])
def test_a_project_s_server_that_was_rejected_is_reported_as_that(examined: Examined, places: Path, where: str) -> None:
    shop = installed_in_the_project(places)
    rejected = {"disabledMcpjsonServers": ["activity"]}
    if where == "settings":
        edit(shop / ".claude" / "settings.local.json", lambda content: content.update(rejected))
    else:
        edit(places / ".claude.json", lambda content: content.update(projects={str(shop): rejected}))
    assert "rejected in this project" in examined()[1]["server registered"]["found"]


def test_all_of_a_project_s_servers_may_be_approved_at_once(examined: Examined, places: Path) -> None:
    installed_in_the_project(places)
    edit(places / ".claude" / "settings.json", lambda content: content.update(enableAllProjectMcpServers=True))
    assert examined()[1]["server registered"]["status"] == "ok"


def test_a_user_s_server_needs_no_approval_but_can_be_switched_off(examined: Examined, places: Path) -> None:
    run(["install"])
    assert examined()[1]["server registered"]["status"] == "ok"
    switched_off = {str(places / "shop"): {"disabledMcpServers": ["activity"]}}
    edit(places / ".claude.json", lambda content: content.update(projects=switched_off))
    assert "switched off in this project" in examined()[1]["server registered"]["found"]


@pytest.mark.parametrize(
    "lists", [{"deniedMcpServers": [{"serverName": "activity"}]}, {"allowedMcpServers": [{"serverName": "x"}]}]
)
def test_an_administrator_s_list_without_us_fails(examined: Examined, places: Path, lists: dict[str, Any]) -> None:
    run(["install"])
    edit(places / "managed" / "managed-settings.json", lambda content: content.update(lists))
    code, checks = examined()
    assert (code, checks["server registered"]["status"]) == (5, "fail")


def test_hooks_of_the_old_form_are_named_and_install_mends_them(examined: Examined, places: Path) -> None:
    run(["install"])
    settings = places / ".claude" / "settings.json"

    def age(content: dict[str, Any]) -> None:
        for event in ("Stop", "SessionEnd"):
            content["hooks"][event][0]["hooks"][0]["async"] = True
        content["hooks"]["PreCompact"] = [{"hooks": [dict(content["hooks"]["Stop"][0]["hooks"][0])]}]

    edit(settings, age)
    found = examined()[1]["hooks registered"]
    assert (found["status"], "SessionEnd, Stop" in found["found"] or "Stop" in found["found"]) == ("warn", True)
    assert run(["install"]) == 0
    assert examined()[1]["hooks registered"]["status"] == "ok"
    assert "PreCompact" not in json.loads(settings.read_text())["hooks"], "Claude Code prints that it has run"


def test_hooks_that_show_nobody_s_name_are_reported(examined: Examined, places: Path) -> None:
    run(["install"])
    settings = places / ".claude" / "settings.json"
    edit(settings, lambda content: content["hooks"]["Stop"][0]["hooks"][0].pop("statusMessage"))
    assert "whose hook it is" in examined()[1]["hooks registered"]["found"]


def test_hooks_that_are_silent_while_a_transcript_grows_are_reported(examined: Examined, places: Path) -> None:
    run(["install"])
    hooked = Hooked(places / "state", HOME=str(places))
    hooked.fire(payload("SessionStart", source="startup"))
    transcript = places / ".claude" / "projects" / "-work-shop" / "s1.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.write_text("{}\n")
    assert examined()[1]["hooks firing"]["status"] == "ok"
    later = time.time() + 3600
    os.utime(transcript, (later, later))
    found = examined()[1]["hooks firing"]
    assert (found["status"], str(transcript) in found["found"]) == ("warn", True)


@pytest.mark.parametrize(
    ("reported", "status"), [("2.1.332 (Claude Code)", "ok"), ("2.0.1 (Claude Code)", "warn"), ("who knows", "ok")]
)
def test_the_version_of_the_client_is_reported(
    places: Path, monkeypatch: pytest.MonkeyPatch, reported: str, status: str
) -> None:
    claude = places / "bin" / "claude"
    claude.parent.mkdir()
    claude.write_text(f"#!/bin/sh\necho '{reported}'\n")
    claude.chmod(0o755)
    check = claude_client.version({"PATH": f"{claude.parent}:/usr/bin:/bin"})
    assert (check.status, check.name) == (status, "claude version")
    assert ("tools are found only by a search" in str(check)) == (status == "warn")


def test_an_event_that_an_older_client_does_not_know_is_not_registered_for_it() -> None:
    """Before 2.1.101 one unknown event made Claude Code ignore the whole file."""
    assert set(HOOK_EVENTS) == set(versions.HOOK_EVENT_SINCE)
    assert commands(None).events == commands((2, 1, 332)).events == HOOK_EVENTS
    older = commands((2, 1, 80)).events
    assert ("StopFailure" in older, "PermissionDenied" in older, "PostToolBatch" in older) == (True, False, False)
