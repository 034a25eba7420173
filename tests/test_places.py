"""Where things lie on people's machines: links, moved directories, variables of the wrong kind, streams that are closed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import activity_mcp
from activity_mcp.claude_code.transcripts.discovery import default_folders, discover
from activity_mcp.config import read_config
from activity_mcp.errors import InvalidConfig
from activity_mcp.project import project_of
from activity_mcp.service import ActivityService
from lengths import some

PROGRAM = Path(activity_mcp.__file__).parents[1]
LINE = {
    "type": "user", "sessionId": "s1", "uuid": "u1", "timestamp": "2026-11-20T09:00:00.000Z", "cwd": "/work/shop",
    "message": {"role": "user", "content": "hello"},
}  # fmt: skip


def transcript(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(LINE) + "\n")
    return path


# --- transcripts


def test_links_are_followed_each_file_is_found_once_and_a_loop_ends(tmp_path: Path) -> None:
    projects = tmp_path / ".claude" / "projects"
    real = transcript(tmp_path / "elsewhere" / "s1.jsonl")
    projects.mkdir(parents=True)
    (projects / "-work-shop").symlink_to(real.parent)
    (projects / "-work-shop-again").symlink_to(real.parent)
    (real.parent / "loop").symlink_to(projects)
    (projects / "copy.jsonl").symlink_to(real)
    found = discover(None, {"HOME": str(tmp_path)})
    assert [os.path.realpath(path) for path in found] == [str(real)]


def test_claude_code_has_two_folders_of_its_own_unless_it_is_given_one(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    assert default_folders(environ) == [str(tmp_path / ".claude" / "projects")]
    old = transcript(tmp_path / ".config" / "claude" / "projects" / "-work" / "s1.jsonl")
    assert discover(None, environ) == [str(old)]
    assert discover(None, environ | {"XDG_CONFIG_HOME": "relative"}) == [str(old)]
    new = transcript(tmp_path / ".claude" / "projects" / "-work" / "s2.jsonl")
    assert set(discover(None, environ)) == {str(old), str(new)}
    reported = environ | {"CLAUDE_CONFIG_DIR": str(tmp_path / "none")}
    assert default_folders(reported) == [str(tmp_path / "none" / "projects")]
    assert discover(None, reported) == []


# --- projects


def git_file(directory: Path, target: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / ".git").write_text(f"gitdir: {target}\n")


def test_the_worktrees_of_a_bare_repository_are_one_project(tmp_path: Path) -> None:
    bare = tmp_path / "shop" / ".bare"
    for name in ("main", "feat"):
        (bare / "worktrees" / name).mkdir(parents=True)
        git_file(tmp_path / "shop" / name / "src", "")
        (tmp_path / "shop" / name / "src" / ".git").unlink()
        git_file(tmp_path / "shop" / name, str(bare / "worktrees" / name))
    (bare / "HEAD").write_text("ref: refs/heads/main\n")
    inside = [project_of(str(tmp_path / "shop" / name)) for name in ("main", "feat", "main/src")]
    assert set(inside) == {str(bare)}, "nothing binds the folder above to it"
    git_file(tmp_path / "shop", "./.bare")
    inside = [project_of(str(tmp_path / "shop" / name)) for name in (".", "main", "feat", "main/src")]
    assert set(inside) == {str(tmp_path / "shop")}


def test_a_submodule_and_its_worktree_are_projects_of_their_own(tmp_path: Path) -> None:
    modules = tmp_path / "shop" / ".git" / "modules" / "pay"
    (modules / "worktrees" / "x").mkdir(parents=True)
    (modules / "HEAD").write_text("ref: refs/heads/main\n")
    git_file(tmp_path / "shop" / "pay", str(modules))
    git_file(tmp_path / "pay-x", str(modules / "worktrees" / "x"))
    assert project_of(str(tmp_path / "shop" / "pay")) == str(tmp_path / "shop" / "pay")
    assert project_of(str(tmp_path / "pay-x")) == str(tmp_path / "pay-x")


def test_a_project_reached_through_a_link_is_the_same_project(tmp_path: Path) -> None:
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    (tmp_path / "shop" / "src").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "shop" / "src")
    assert project_of(str(tmp_path / "link")) == str(tmp_path / "shop")


# --- the state directory


def test_relative_values_are_ignored_and_a_missing_home_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"HOME": str(tmp_path), "XDG_STATE_HOME": "state"}
    assert read_config(environ).home == str(tmp_path / ".local" / "state" / "activity-mcp")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # a user id without an entry in the list of users
    with pytest.raises(InvalidConfig, match="HOME"):
        read_config({})
    assert read_config({"ACTIVITY_HOME": str(tmp_path)}).home == str(tmp_path)


@pytest.mark.parametrize("name", ["what?", "back\\slash", "andr\udce9"])
def test_a_path_that_duckdb_cannot_open_is_refused_before_anything_is_recorded(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidConfig, match="ACTIVITY_HOME"):
        read_config({"ACTIVITY_HOME": str(tmp_path / name)})
    with pytest.raises(InvalidConfig, match="ACTIVITY_DB"):
        read_config({"ACTIVITY_HOME": str(tmp_path), "ACTIVITY_DB": str(tmp_path / name / "a.duckdb")})
    if name == "what?":  # on Snowflake only the queue lies there
        assert read_config({"ACTIVITY_HOME": str(tmp_path / name), "SNOW_CONNECTION": "c"}).home.endswith(name)


def recorded(home: Path, name: str, **environ: str) -> None:
    service = ActivityService.from_environ({"ACTIVITY_HOME": str(home), "ACTIVITY_CUSTOMER": "ada", **environ}, source="cli")
    service.log("tool_event", {"tool_name": name, "success": True})
    service.close()


def run(home: Path | None, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "PYTHONPATH": str(PROGRAM), "ACTIVITY_CUSTOMER": "ada"}
    environ |= {"ACTIVITY_HOME": str(home)} if home is not None else {}
    command = [sys.executable, "-m", "activity_mcp", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, **options)


def tools_in(home: Path) -> list[str]:
    answer = run(home, "query", "SELECT tool_name FROM VW_TOOL_EVENTS ORDER BY 1", "--json")
    return [row[0] for row in json.loads(answer.stdout)["rows"]]


@pytest.mark.long
@pytest.mark.parametrize("how", some(["copied", "moved", "moved before it was ever flushed"], 1))
def test_a_state_directory_in_another_place_goes_on(tmp_path: Path, how: str) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    recorded(old, "one")
    if "ever" not in how:
        assert run(old, "flush").returncode == 0
    recorded(old, "two")
    shutil.copytree(old, new)
    if how != "copied":
        shutil.rmtree(old)
    assert run(new, "flush").returncode == 0
    assert tools_in(new) == ["one", "two"]
    assert len(os.listdir(new / "queue")) == 1
    assert old.exists() is (how == "copied"), "no second warehouse at the old place"


def test_the_queue_of_another_warehouse_is_not_taken_for_a_moved_one(tmp_path: Path) -> None:
    other = tmp_path / "disk" / "activity.duckdb"
    other.parent.mkdir()
    recorded(tmp_path / "home", "theirs", ACTIVITY_DB=str(other))
    other.write_bytes(b"")  # it is there, and no state directory of its own
    recorded(tmp_path / "home", "ours")
    assert len(os.listdir(tmp_path / "home" / "queue")) == 2


# --- processes


def test_an_import_works_where_the_working_directory_was_deleted(tmp_path: Path) -> None:
    path = transcript(tmp_path / "s1.jsonl")
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROGRAM), "ACTIVITY_HOME": str(tmp_path / "state")}
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "activity_mcp"]
    for arguments, code in ((["import", str(path), "--json"], 0), (["import", "s1.jsonl"], 2), (["status"], 0)):
        ended = subprocess.run([*command, *arguments], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert (ended.returncode, "ACTIVITY_HOME" in ended.stderr, "unexpected" in ended.stderr) == (code, False, False), ended


@pytest.mark.long
@pytest.mark.parametrize("closed", some(["<&- >&- 2>&-", ">&-", "<&-", "2>&-"], 1))
def test_a_command_does_its_work_where_a_standard_stream_is_closed(tmp_path: Path, closed: str) -> None:
    path = transcript(tmp_path / "s1.jsonl")
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROGRAM), "ACTIVITY_HOME": str(tmp_path / "state")}
    command = f'"$@" {closed}'
    ended = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "activity_mcp", "import", str(path)],
        cwd=tmp_path, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, "unexpected" in ended.stderr) == (0, False), ended
    service = ActivityService.from_environ({"ACTIVITY_HOME": str(tmp_path / "state")}, source="cli")
    assert service.writer.uncommitted_bytes() == 0, "it was recorded and shipped"
    service.close()
