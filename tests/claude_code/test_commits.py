"""Which commit a call made, and on which one a turn ended: from what git printed, and from git's own files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.claude_code.commits import commit_made
from activity_mcp.project import commit_of
from claude_code.hooked import Hooked, payload, tool_use


def git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    environ = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(root)}
    done = subprocess.run(["git", "-C", str(root), *who, *arguments], env=environ, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    (root / "sub").mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    git(root, "commit", "-q", "--allow-empty", "-m", "Begin")
    return root


def test_the_commit_checked_out_is_read_from_loose_and_packed_refs_worktrees_and_a_detached_head(
    repository: Path, tmp_path: Path
) -> None:
    first = git(repository, "rev-parse", "HEAD")
    assert (commit_of(str(repository)), commit_of(str(repository / "sub"))) == (first, first)
    git(repository, "pack-refs", "--all")
    assert commit_of(str(repository)) == first
    tree = tmp_path / "tree"
    git(repository, "worktree", "add", "-q", "-b", "topic", str(tree))
    assert commit_of(str(tree)) == first
    git(tree, "commit", "-q", "--allow-empty", "-m", "Second")
    second = git(tree, "rev-parse", "HEAD")
    assert (commit_of(str(tree)), commit_of(str(repository))) == (second, first)
    git(repository, "checkout", "-q", "--detach", second)
    assert commit_of(str(repository)) == second


def test_where_there_is_no_commit_there_is_none(tmp_path: Path) -> None:
    assert commit_of(str(tmp_path / "nowhere")) is None
    git(tmp_path, "init", "-q")
    assert commit_of(str(tmp_path)) is None
    (tmp_path / ".git" / "HEAD").write_bytes(b"\xff not a ref")
    assert commit_of(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("command", "printed", "made"),
    [
        ("git commit -m x", "[main 1a2b3c4] x\n 1 file changed\n", "1a2b3c4"),
        ("git commit -m x", "[main (root-commit) 1a2b3c4] x", "1a2b3c4"),
        ("git cherry-pick a b", "[detached HEAD 1111111] a\n Date: x\n[detached HEAD 2222222222] b", "2222222222"),
        ("git commit -q -m x", "", None),
        ("git log", "[main] x\n[1a2b3c4] y\n[a 12345] z\n[a 1a2b3c4]z\n [a 1a2b3c4] z\n[a 1a2b3g4] z", None),
        ("make release", "[main 1a2b3c4] x", None),
        ("git commit -m x", {"stdout": "[main 1a2b3c4] x"}, "1a2b3c4"),
        ("git commit -m x", {"stdout": None}, None),
        ("git commit -m x", ["[main 1a2b3c4] x"], None),
        (None, "[main 1a2b3c4] x", None),
    ],
)
def test_the_last_commit_that_git_printed_is_what_a_call_made(command: Any, printed: Any, made: str | None) -> None:
    assert commit_made({"command": command}, printed) == ({"git_commit": made} if made else {})
    assert commit_made(None, printed) == {}


def test_a_hook_records_both_and_an_end_outside_of_git_neither(repository: Path, tmp_path: Path) -> None:
    hooked = Hooked(tmp_path / "home")
    response = {"stdout": "[main 1a2b3c4] x\n", "stderr": "", "interrupted": False, "isImage": False}
    hooked.fire(tool_use("Bash", {"command": "git commit -m x"}, tool_response=response, cwd=str(repository)))
    hooked.fire(payload("Stop", last_assistant_message="Done.", cwd=str(repository)))
    hooked.fire(payload("Stop", last_assistant_message="Done too.", cwd=str(tmp_path)))
    commits = [line["feature_json"].get("git_commit") for line in hooked.lines()]
    assert commits == ["1a2b3c4", git(repository, "rev-parse", "HEAD"), None]
    assert "files changed" not in json.dumps(hooked.lines())
