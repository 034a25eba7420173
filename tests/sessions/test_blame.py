"""From a commit of a real repository to the sessions that may be in it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.clock import iso
from activity_mcp.service import ActivityService
from cli.outcome import Call

AT_US = 1_790_000_000_000_000
BRANCH = "main"
SUBJECT = "Add multiply_numbers"


def git(root: Path, *arguments: str, at_us: int = AT_US) -> None:
    when = f"{at_us // 1_000_000} +0000"
    environ = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(root), "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when}
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *who, *arguments], env=environ, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose second commit, an hour after the first, changes two files."""
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", BRANCH)
    for number, names in enumerate((("old.py",), ("a.py", "b.py"))):
        for name in names:
            (root / name).write_text("x")
        git(root, "add", ".")
        git(root, "commit", "-qm", SUBJECT if number else "Begin", at_us=AT_US + number * 3_600_000_000)
    monkeypatch.chdir(root)
    return root


def record(
    root: Path,
    session: str,
    minute: int,
    *,
    file: str | None = None,
    command: str | None = None,
    operation: str = "edit",
    moment: str | None = None,
    commit: str | None = None,
) -> None:
    service = ActivityService.from_environ(source="cli")
    origin = service.recorder.origin("hook", session_id=session, project=str(root))
    features: dict[str, Any] = {"operation": operation, "file_path": str(root / file), "success": True} if file else {}
    if command:
        features = {"tool_name": "Bash", "success": True, "parameters": {"command": command}}
    if moment:
        features = {"event_type": moment, "session_id": session, "excerpt": "x"}
    features |= {"git_commit": commit} if commit else {}
    name = "session_event" if moment else "file_event" if file else "tool_event"
    ts = iso(AT_US + minute * 60_000_000)
    service.recorder.append([service.recorder.prepare(name, features, origin, ts=ts)])
    service.close()


def test_sessions_are_named_by_how_sure_their_part_in_a_commit_is(repository: Path, call: Call) -> None:
    record(repository, "wrote-it", 20, file="a.py")
    record(repository, "wrote-it", 60, command=f"git add . && git commit -m '{SUBJECT}'")
    record(repository, "helped", 30, file="b.py")
    record(repository, "too-early", -10, file="a.py")
    record(repository, "too-late", 90, file="a.py")
    record(repository, "only-read", 30, file="a.py", operation="read")
    record(repository, "elsewhere", 30, file="other.py")
    answer = call("blame", "HEAD", "--json").json
    assert (answer["subject"], answer["files"]) == (SUBJECT, ["a.py", "b.py"])
    assert [(found["session_id"], found["sure"], found["files"]) for found in answer["sessions"]] == [
        ("wrote-it", "certain", ["a.py"]),
        ("helped", "likely", ["b.py"]),
    ]
    shown = call("blame").out
    assert "certain" in shown
    assert "claude --resume wrote-it" in shown


@pytest.mark.parametrize("name", ["nothing", "--help-me", "HEAD~99", ""])
def test_what_is_no_commit_is_refused(repository: Path, call: Call, name: str) -> None:
    refused = call("blame", "--", name)
    assert (refused.code, "commit" in refused.err) == (2, True)


def test_outside_a_repository_that_is_said(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert call("blame").code == 2


def test_what_git_printed_and_where_a_turn_ended_say_whose_a_commit_is(repository: Path, call: Call) -> None:
    sha = (repository / ".git/refs/heads" / BRANCH).read_text().strip()

    def turn(session: str, began: int, ended: int, commit: str) -> None:
        record(repository, session, began, moment="user_prompt")
        record(repository, session, ended, moment="turn_end", commit=commit)

    record(repository, "printed", 60, command="make release", commit=sha[:7])
    record(repository, "other-id", 60, command="make release", commit="0" * 7)
    record(repository, "in-its-turn", 50, file="b.py")
    turn("in-its-turn", 40, 70, sha)
    turn("watched", 50, 90, sha)
    turn("came-later", 80, 90, sha)
    turn("on-another", 50, 90, "f" * 40)
    found = {each["session_id"]: (each["sure"], each["why"]) for each in call("blame", "HEAD", "--json").json["sessions"]}
    assert found == {
        "printed": ("certain", "made it: git printed its id"),
        "in-its-turn": ("certain", "edited 1 of 2 files since the commit before; a turn of it ended on this commit"),
        "watched": ("likely", "a turn of it ended on this commit"),
    }
