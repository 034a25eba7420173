"""Which files an import reads, in which order, and whose events they hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activity_mcp.claude_code.transcripts.discovery import ImportOrigins, discover
from activity_mcp.errors import InvalidInput
from activity_mcp.identity import Identity
from activity_mcp.project import IGNORE_FILE


def touch(path: Path, modified_s: int) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    os.utime(path, (modified_s, modified_s))
    return str(path)


def test_sessions_come_before_subagents_and_older_ones_first(tmp_path: Path) -> None:
    projects = tmp_path / "projects"
    newer = touch(projects / "-work-shop" / "bbb.jsonl", 200)
    older = touch(projects / "-work-other" / "ccc.jsonl", 100)
    agent = touch(projects / "-work-shop" / "bbb" / "subagents" / "agent-1.jsonl", 50)
    touch(projects / "-work-shop" / "bbb" / "tool-results" / "x.txt", 50)
    environ = {"CLAUDE_CONFIG_DIR": str(tmp_path), "HOME": "/nowhere"}
    assert discover(None, environ) == [older, newer, agent]
    assert discover(None, environ, since_us=150_000_000) == [newer]


def test_a_fork_comes_after_the_session_it_copies_whichever_was_written_last(tmp_path: Path) -> None:
    """As 2.1.332 writes it: a line of the fork's own, later than the lines behind it, which are copies."""
    reported = [f'{{"type": "user", "timestamp": "2026-11-28T08:{minute}:00.000Z"}}\n' for minute in (33, 34)]
    forked = '{"type": "mode"}\n{"type": "queue-operation", "timestamp": "2026-11-28T08:50:00.000Z"}\n'
    fork, origin, untimed = (tmp_path / f"{name}.jsonl" for name in ("a-fork", "b-origin", "c-untimed"))
    fork.write_text(forked + "".join(reported))
    origin.write_text("".join(reported))
    untimed.write_text("{broken\n")
    os.utime(fork, (100, 100))
    os.utime(untimed, (50, 50))
    assert discover([str(tmp_path)], {}) == [str(untimed), str(origin), str(fork)]


def test_claude_codes_own_folder_is_the_default_and_may_be_missing(tmp_path: Path) -> None:
    assert discover(None, {"HOME": str(tmp_path)}) == []
    file = touch(tmp_path / ".claude" / "projects" / "-w" / "a.jsonl", 1)
    assert discover([], {"HOME": str(tmp_path)}) == [file]


def test_files_and_folders_can_be_named_once_or_twice(tmp_path: Path) -> None:
    file = touch(tmp_path / "a.jsonl", 1)
    other = touch(tmp_path / "named.log", 2)
    assert discover([str(tmp_path), file, other], {}) == [file, other]


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="nothing was imported"):
        discover([str(tmp_path / "gone")], {})


def test_the_project_of_a_session_is_the_repository_around_its_folder(tmp_path: Path) -> None:
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    origin_for = ImportOrigins(Identity("ada@example.org", "host_1"), "org")
    origin = origin_for("s1", str(tmp_path / "shop" / "src"))
    assert origin is not None
    assert {name: getattr(origin, name) for name in origin.__slots__ if name != "redactor"} == {
        "customer": "ada@example.org",
        "anonymous_customer_id": "host_1",
        "org_id": "org",
        "project": str(tmp_path / "shop"),
        "session_id": "s1",
        "source": "import",
    }


@pytest.mark.parametrize(
    ("cwd", "project"), [("/gone/long/ago", "/gone/long/ago"), ("C:\\work\\shop", "C:\\work\\shop"), (None, None)]
)
def test_a_folder_that_is_not_on_this_machine_is_its_own_project(cwd: str | None, project: str | None) -> None:
    origin = ImportOrigins(Identity("ada@example.org", "host_1"))("s1", cwd)
    assert origin is not None
    assert origin.project == project


def test_a_project_that_asks_not_to_be_recorded_has_no_origin(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / IGNORE_FILE).write_text("")
    assert ImportOrigins(Identity("ada@example.org", "host_1"))("s1", str(tmp_path / "src")) is None
