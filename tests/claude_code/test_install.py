"""Installing and uninstalling, as a person does it: Claude Code's files keep everything that is not ours."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from activity_mcp import __version__
from activity_mcp.__main__ import run
from activity_mcp.claude_code.hooks.start_hook import LOADER
from activity_mcp.claude_code.setup import install
from activity_mcp.claude_code.setup.own_commands import is_own_hook
from activity_mcp.claude_code.setup.registration import HOOK_EVENTS, own_handlers
from activity_mcp.errors import InvalidInput
from activity_mcp.provenance.artifact_store import Artifact, ArtifactStore
from claude_code.hooked import Hooked, payload, tool_use
from patience import PATIENCE_S

OTHERS = {
    "model": "opus",
    "hooks": {
        "PostToolUse": [{"matcher": "Edit|Write", "hooks": [{"type": "command", "command": "prettier --write"}]}],
        "Notification": [{"hooks": [{"type": "command", "command": "notify-send hi"}]}],
    },
    "permissions": {"allow": ["Bash(ls:*)"]},
}


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


class Place(NamedTuple):
    home: Path
    project: Path
    call: Callable[..., Outcome]

    @property
    def servers(self) -> Path:
        return self.home / ".claude.json"

    @property
    def settings(self) -> Path:
        return self.home / ".claude" / "settings.json"

    def files(self) -> dict[str, bytes]:
        """Everything below the home and the project, but for what was recorded."""
        found = (path for root in (self.home, self.project) for path in root.rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in found if "state" not in path.parts}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Place:
    for name in list(os.environ):
        if name.startswith(("ACTIVITY_", "CLAUDE_")):
            monkeypatch.delenv(name)
    home, project = tmp_path / "home", tmp_path / "work" / "shop"
    (project / "src").mkdir(parents=True)
    (project / ".git").mkdir()
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ACTIVITY_CUSTOMER", "ada@example.com")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(project / "src")

    def call(*arguments: str) -> Outcome:
        capfd.readouterr()
        code = run(list(arguments))
        return Outcome(code, *capfd.readouterr())

    return Place(home, project, call)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def write(path: Path, content: Any, **style: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, **style))
    return path


def test_the_server_and_the_hooks_are_registered_with_absolute_paths(place: Place) -> None:
    assert place.call("install").code == 0
    server = read(place.servers)["mcpServers"]["activity"]
    assert server == {"type": "stdio", "command": server["command"], "args": server["args"], "env": {}, "alwaysLoad": True}
    assert os.path.isabs(server["command"])
    assert server["args"][-1] == "serve"
    hooks = read(place.settings)["hooks"]
    assert tuple(hooks) == HOOK_EVENTS
    for event, groups in hooks.items():
        [[handler]] = [group["hooks"] for group in groups]
        assert os.path.isabs(handler["command"])
        assert (handler["type"], handler["timeout"]) == ("command", 10)
        waits = event in ("SessionStart", "SessionEnd", "Stop", "StopFailure")  # Claude Code goes on, or exits, behind these
        assert handler.get("async") is (None if waits else True)
        assert "activity-mcp" in handler["statusMessage"]
        assert isinstance(handler["args"], list)


def test_what_is_registered_runs_outside_of_the_virtual_environment(place: Place) -> None:
    place.call("install")
    server = read(place.servers)["mcpServers"]["activity"]
    environ = {"HOME": str(place.home), "PATH": "/usr/bin:/bin"}
    command = [server["command"], *server["args"][:-1], "--version"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE_S, cwd="/")
    assert done.stdout.split()[-1] == __version__


def test_the_registered_hooks_record_what_claude_code_hands_them(place: Place) -> None:
    place.call("install")
    hooked = Hooked(place.home / "recorded", PATH="/usr/bin:/bin")
    for event in ("SessionStart", "PostToolUse"):
        [group] = read(place.settings)["hooks"][event]
        [handler] = group["hooks"]
        given = tool_use() if event == "PostToolUse" else payload(event, source="startup")
        hooked.fire(given, command=[handler["command"], *handler["args"]])
    assert [line["event_name"] for line in hooked.lines()] == ["session_event", "tool_event"]


def test_installing_again_changes_nothing(place: Place) -> None:
    place.call("install")
    before = place.files()
    again = place.call("install")
    assert (again.code, again.out) == (0, "")
    assert "nothing to do" in again.err
    assert place.files() == before


@pytest.mark.parametrize("style", [{"indent": 2}, {"indent": "\t"}, {}, {"separators": (",", ":")}], ids=str)
@pytest.mark.parametrize("scope", ["user", "project"])
def test_uninstalling_gives_back_every_byte(place: Place, style: dict[str, Any], scope: str) -> None:
    if scope == "user":
        write(place.servers, {"numStartups": 7, "mcpServers": {}, "projects": {"/w": {"history": ["ü"]}}}, **style)
        write(place.settings, OTHERS, **style)
    else:
        write(place.project / ".claude" / "settings.json", OTHERS, **style)
    before = place.files()
    assert place.call("install", "--scope", scope).code == 0
    assert place.files() != before
    assert place.call("uninstall").code == 0
    assert place.files() == before


def test_what_others_wrote_stays_and_what_they_write_later_too(place: Place) -> None:
    write(place.settings, OTHERS, indent=4)
    place.call("install")
    installed = read(place.settings)
    assert {name: installed[name] for name in ("model", "permissions")} == {
        name: OTHERS[name] for name in ("model", "permissions")
    }
    assert installed["hooks"]["PostToolUse"][0] == OTHERS["hooks"]["PostToolUse"][0]  # type: ignore[index]
    assert list(installed) == list(OTHERS)
    installed["theme"] = "dark"
    installed["hooks"]["Stop"].append({"hooks": [{"type": "command", "command": "say done"}]})
    write(place.settings, installed, indent=4)
    assert place.call("uninstall").code == 0
    expected = json.loads(json.dumps(OTHERS)) | {"theme": "dark"}
    expected["hooks"]["Stop"] = [{"hooks": [{"type": "command", "command": "say done"}]}]
    assert read(place.settings) == expected


def test_an_older_registration_is_brought_up_to_date_and_a_second_one_goes(place: Place) -> None:
    old = {"type": "command", "command": "/old/venv/bin/activity-mcp-hook"}
    shell = {"type": "command", "command": "'/old venv/bin/activity-mcp' hook"}
    mixed = {"matcher": "*", "hooks": [{"type": "command", "command": "lint"}, shell]}
    write(place.settings, {"hooks": {"PostToolUse": [{"matcher": "Bash", "hooks": [old]}, mixed]}})
    write(
        place.servers, {"mcpServers": {"mine": {"command": "activity-mcp", "args": ["serve"], "env": {"ACTIVITY_ORG": "acme"}}}}
    )
    place.call("install")
    groups = read(place.settings)["hooks"]["PostToolUse"]
    assert list(own_handlers(groups)) == [(0, 0)]
    assert groups[0]["hooks"][0]["async"] is True
    assert groups[1] == {"matcher": "*", "hooks": [{"type": "command", "command": "lint"}]}
    servers = read(place.servers)["mcpServers"]
    assert list(servers) == ["mine"]
    assert (servers["mine"]["env"], servers["mine"]["alwaysLoad"]) == ({"ACTIVITY_ORG": "acme"}, True)
    assert os.path.isabs(servers["mine"]["command"])


OURS = [
    "activity-mcp-hook",
    "/old/venv/bin/activity-mcp-hook",
    "'/old venv/bin/activity-mcp' hook",
    "/usr/bin/python3.12 -I -S /v/site-packages/activity_mcp/claude_code/start_hook.py",
    "/usr/bin/python3 -I -S /v/site-packages/activity_mcp/claude_code/hooks/start_hook.py",
    f"/v/bin/python -I -S -c {shlex.quote(LOADER)} /v/lib/python3.11/site-packages/activity_mcp/claude_code/hooks/start_hook.py",
    f"/v/bin/python -I -S -c {shlex.quote(LOADER.replace('quick_start', 'hook'))} /v/lib/python3.11/site-packages/activity_mcp/claude_code/hooks/start_hook.py",
    "python3 -X utf8 -m activity_mcp hook",
    "python -Im activity_mcp hook",
    "python3 /v/bin/activity-mcp-hook",
    'sh "${CLAUDE_PLUGIN_ROOT}/hooks/run.sh" activity-mcp-hook',
    "env -u PYTHONPATH ACTIVITY_ORG=acme activity-mcp-hook",
    "ACTIVITY_ORG=acme activity-mcp-hook 2>/dev/null || true",
    "uvx --from activity-mcp activity-mcp-hook",
    "uv run --project /src/other activity-mcp hook",
    "pipx run activity-mcp hook",
]
THEIRS = [
    "make -C ~/src/activity-mcp lint",
    "systemctl restart activity-mcp",
    "cat /src/activity_mcp/claude_code/hooks/hook.py",
    "python3 -m pytest /src/activity_mcp/claude_code/hooks/hook.py",
    "python3 check.py -m activity_mcp",
    "python3 -c 'import activity_mcp'",
    "python3 -c 'import sys; print(sys.argv)' /v/site-packages/activity_mcp/claude_code/hooks/start_hook.py",
    "/home/me/activity-mcp/bin/lint",
    "/home/me/activity-mcp-hook/run",
    "sh -c 'cd ~/activity-mcp && make'",
    "sh /home/me/run.sh deploy activity-mcp",
    "activity-mcp log system_event --feature event_type=stop",
    "activity-mcp flush",
    "activity-mcp-hook; notify-send done",
    "activity-mcp-hook\nnotify-send done",
    "tee /tmp/seen | activity-mcp-hook",
    "uvx --from /src/activity-mcp ruff check",
    "grep activity-mcp-hook settings.json",
    "docker exec activity-mcp activity-mcp-hook-monitor",
    "echo 'activity-mcp-hook",
]


@pytest.mark.parametrize("command", OURS)
def test_every_way_to_start_our_hook_is_ours(command: str) -> None:
    assert is_own_hook({"type": "command", "command": command})
    if not any(sign in command for sign in ("||", "$", "2>")):
        program, *arguments = shlex.split(command)
        assert is_own_hook({"command": program, "args": arguments}) is (program[:9] != "ACTIVITY_")


@pytest.mark.parametrize("command", THEIRS)
def test_a_hook_of_the_user_that_mentions_us_stays(place: Place, command: str) -> None:
    handler = {"type": "command", "command": command}
    write(place.settings, {"hooks": {"Stop": [{"hooks": [handler]}]}}, indent=2)
    before = place.settings.read_bytes()
    place.call("install")
    assert read(place.settings)["hooks"]["Stop"][0] == {"hooks": [handler]}
    assert place.call("uninstall").code == 0
    assert place.settings.read_bytes() == before


def test_a_file_that_holds_an_older_registration_is_kept_as_well(place: Place) -> None:
    write(
        place.settings, {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "activity-mcp-hook", "timeout": 99}]}]}}
    )
    before = place.settings.read_bytes()
    reported = place.call("install").err
    kept = Path(str(place.settings) + install.PREVIOUS_ENDING)
    assert (kept.read_bytes(), str(kept) in reported) == (before, True)


@pytest.mark.parametrize("settings", [{"hooks": None}, {"hooks": {"Stop": None}}, {"hooks": {"Stop": [None, {"hooks": None}]}}])
def test_a_member_that_is_null_counts_as_missing_and_comes_back(place: Place, settings: dict[str, Any]) -> None:
    write(place.settings, settings)
    write(place.servers, {"mcpServers": None})
    before = place.files()
    assert place.call("install").code == 0
    assert place.call("install", "--dry-run").out == ""
    assert place.call("uninstall").code == 0
    assert place.files() == before


def test_the_file_as_it_was_is_kept_beside_it_with_its_permissions(place: Place) -> None:
    write(place.settings, OTHERS).chmod(0o640)
    before = place.settings.read_bytes()
    assert str(place.settings) + install.BACKUP_ENDING in place.call("install").err
    backup = Path(str(place.settings) + install.BACKUP_ENDING)
    assert backup.read_bytes() == before
    assert [path.stat().st_mode & 0o777 for path in (place.settings, backup)] == [0o640, 0o640]
    assert place.servers.stat().st_mode & 0o777 == 0o600


def test_a_dry_run_shows_the_diff_and_writes_nothing(place: Place) -> None:
    write(place.settings, OTHERS, indent=2)
    before = place.files()
    shown = place.call("install", "--dry-run")
    assert shown.code == 0
    assert f"--- {place.settings}" in shown.out
    assert "--- /dev/null" in shown.out
    assert '+    "SessionStart": [' in shown.out
    assert [line for line in shown.out.splitlines() if line.startswith("-") and not line.startswith("---")] == []
    assert place.files() == before


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("settings", b'{"hooks": {,}', "not JSON"),
        ("settings", b'{"hooks": []}', "hooks is not an object"),
        ("settings", b'{"hooks": {"Stop": {}}}', "hooks.Stop is not an array"),
        ("settings", b'{"a": "\xff"}', "not UTF-8"),
        ("servers", b"// mine\n{}", "line 1 column 1"),
        ("servers", b'{"mcpServers": {"activity": {"command": "other"}}}', "another MCP server"),
        ("servers", b'{"mcpServers": 5}', "mcpServers is not an object"),
    ],
)
def test_a_file_that_cannot_be_read_whole_refuses_everything(place: Place, file: str, content: bytes, says: str) -> None:
    path = getattr(place, file)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    before = place.files()
    refused = place.call("install")
    assert refused.code == 2
    assert says in refused.err
    assert "nothing was changed" in refused.err
    assert place.files() == before


def test_a_configuration_directory_of_ones_own_is_honoured(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(place.home / "elsewhere"))
    place.call("install")
    assert sorted(path.name for path in (place.home / "elsewhere").iterdir()) == [".claude.json", "settings.json"]
    assert not place.servers.exists()


def test_a_project_is_installed_in_its_root_for_everybody_to_read(place: Place) -> None:
    place.call("install", "--scope", "project")
    files = [place.project / ".mcp.json", place.project / ".claude" / "settings.json"]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o644, 0o644]
    assert sorted(read(files[0])) == ["mcpServers"]
    assert place.call("uninstall").code == 0
    assert not (place.project / ".claude").exists()
    assert not files[0].exists()


def test_a_symbolic_link_stays_one(place: Place) -> None:
    real = write(place.home / "dotfiles" / "settings.json", OTHERS)
    place.settings.parent.mkdir()
    place.settings.symlink_to(real)
    place.call("install")
    assert place.settings.is_symlink()
    assert "SessionStart" in read(real)["hooks"]


def test_a_file_written_meanwhile_is_left_alone(place: Place) -> None:
    write(place.servers, {"numStartups": 1})
    files = install.files_of("user", os.environ, str(place.project))
    [servers, _] = install.plan_install(files, install.commands())
    write(place.servers, {"numStartups": 2})
    with pytest.raises(InvalidInput, match="another program"):
        servers.apply()
    assert read(place.servers) == {"numStartups": 2}


def test_a_plugin_that_is_enabled_too_is_reported(place: Place) -> None:
    write(place.settings, {"enabledPlugins": {"activity-mcp@activity-mcp": True, "other@x": True}})
    assert "activity-mcp@activity-mcp is enabled too" in place.call("install").err
    write(place.settings, {"enabledPlugins": {"activity-mcp@activity-mcp": False}})
    assert "is enabled too" not in place.call("install").err


# --- the data


def record(place: Place) -> Path:
    assert place.call("log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true").code == 0
    return place.home.parent / "state" / "activity-mcp"


def test_uninstalling_keeps_what_was_recorded_and_says_where(place: Place) -> None:
    state = record(place)
    place.call("flush")
    place.call("install")
    reported = place.call("uninstall")
    assert str(state) in reported.err
    assert "was kept" in reported.err
    assert (state / "activity.duckdb").exists()
    assert "activity.duckdb" in reported.err


def test_purging_deletes_only_what_is_ours(place: Place) -> None:
    state = record(place)
    place.call("flush")
    (state / "notes.txt").write_text("mine")
    assert place.call("uninstall", "--purge", "--yes").code == 0
    assert [path.name for path in state.iterdir()] == ["notes.txt"]


def test_purging_leaves_no_file_of_a_home_in_which_everything_happened(place: Place) -> None:
    """Each kind of file that the package writes: what is not in the list of its names would stay."""
    state = record(place)
    assert place.call("query", "SELECT 1").code == 0
    place.call("flush")
    transcript = write(
        place.home / "t" / "s.jsonl", {"type": "user", "sessionId": "s", "uuid": "u", "message": {"content": "x"}}
    )
    place.call("import", str(transcript))
    place.call("flush")
    place.call("context")
    place.call("status")
    place.call("forget", "--match", "nothing like it")
    store = ArtifactStore(str(state / "artifacts"))
    store.put(Artifact("a-1", "text", "ada", None, 1, [], "h", "2026-01-01T00:00:00Z", None, "q", "a-1.txt"), [b"said"])
    [queue] = (state / "queue").iterdir()
    unfinished = [
        state / "settings.json.12.7f00aa.1.tmp", state / "artifacts" / "a-2.txt.12.7f00aa.1.tmp",
        queue / "commit.json.12.7f00aa.3.tmp", queue / "context" / f"{'0' * 20}.json.12.7f00aa.3.tmp",
    ]  # fmt: skip
    for path in unfinished:
        path.write_text("half")
    (state / "activity.duckdb.tmp").mkdir()
    (state / "activity.duckdb.tmp" / "duckdb_temp_storage_DEFAULT-0.tmp").write_text("spilled")
    shutil.copy(state / "activity.duckdb", state / "activity.duckdb.layout-1")
    shutil.copy(state / "activity.duckdb", state / "activity.duckdb.corrupt-2026-01-01T000000")
    purged = place.call("uninstall", "--purge", "--yes")
    assert purged.code == 0
    assert "left" not in purged.err
    assert not state.exists()


FOREIGN = [
    "activity.md", "activity.csv", "activity.duckdb.md", "activity.duckdb.bak", "activity.duckdb.layout-1", "activity.duckdb.d/keep",
    "activity.duckdb.tmp/notes", "artifacts/photo.png", "artifacts/site.meta.json", "artifacts/site.json", "artifacts/deep/a.txt",
    "queue/jobs.json", "queue/duckdb-mine/queue.json", "queue/duckdb-mine/seg/000000000001.ndjson", "queue/dropped", "notes.json",
    "forgotten.json.bak", "http-token.txt",
]  # fmt: skip


def test_purging_leaves_whatever_is_not_ours_wherever_it_lies(place: Place) -> None:
    state = place.home.parent / "state" / "activity-mcp"
    for name in FOREIGN:
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text("mine")
    state.chmod(0o700)
    record(place)
    place.call("flush")
    (state / "activity.duckdb.wal").symlink_to(state / "notes.json")
    assert place.call("uninstall", "--purge", "--yes").code == 0
    assert [name for name in FOREIGN if not (state / name).is_file()] == []
    assert not (state / "activity.duckdb").exists()
    left = [path for path in state.rglob("*") if path.is_file() and str(path.relative_to(state)) not in FOREIGN]
    assert left == [state / "activity.duckdb.wal"]


def test_a_database_that_holds_tables_of_somebody_else_is_not_purged(place: Place) -> None:
    state = record(place)
    place.call("flush")
    with duckdb.connect(str(state / "activity.duckdb")) as connection:
        connection.execute("CREATE TABLE invoices (n INTEGER)")
    refused = place.call("uninstall", "--purge", "--yes")
    assert (refused.code, "main.invoices" in refused.err) == (2, True)
    assert (state / "activity.duckdb").exists()
    assert (state / "settings.json").exists()


@pytest.mark.parametrize(("answer", "code", "kept"), [("y\n", 0, False), ("n\n", 2, True), ("", 2, True)])
def test_purging_asks_first(place: Place, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, kept: bool) -> None:
    state = record(place)
    place.call("install")
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert (place.call("uninstall", "--purge").code, state.exists()) == (code, kept)
    assert ("activity" in read(place.servers).get("mcpServers", {}) if place.servers.exists() else False) is kept


def test_nothing_is_purged_while_a_server_records(place: Place) -> None:
    state = record(place)
    [queue] = (state / "queue").iterdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import sys; from activity_mcp.queue import Lease; lease = Lease({str(queue)!r}); print(lease.try_acquire(), flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        refused = place.call("uninstall", "--purge", "--yes")
    finally:
        holder.communicate("")
    assert refused.code == 2
    assert str(holder.pid) in refused.err
    assert queue.exists()
