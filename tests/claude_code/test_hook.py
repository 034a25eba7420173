"""The hook as Claude Code runs it: a process, a payload on stdin, exit 0, and never a word too many."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from activity_mcp.activity import derived_id
from activity_mcp.claude_code.hooks import hook
from activity_mcp.context import instructions
from activity_mcp.context.instructions import Instructions, read_instructions
from claude_code.hooked import Hooked, payload, tool_use


@pytest.fixture
def hooked(tmp_path: Path) -> Hooked:
    return Hooked(tmp_path / "home")


def test_a_tool_call_becomes_one_line_of_the_queue(hooked: Hooked) -> None:
    assert hooked.fire(tool_use()) == ""
    (line,) = hooked.lines()
    columns = ("activity_id", "customer", "activity", "event_name", "session_id", "project", "source")
    assert [line[name] for name in columns] == [
        derived_id("tool_event", "tool_use_id", "toolu_01AAAAAAAAAAAAAAAAAAAAAA"), "ada@example.org", "used_tool", "tool_event", "s1", "/work/shop", "hook",
    ]  # fmt: skip
    assert line["feature_json"] == {
        "tool_name": "Bash", "success": True, "tool_category": "shell", "parameters": {"command": "ls"}, "latency_ms": 12,
        "result_size": 5, "result_type": "object", "tool_use_id": "toolu_01AAAAAAAAAAAAAAAAAAAAAA", "prompt_id": "p1",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["activity-mcp-hook", "activity-mcp hook", "-m"])
def test_every_way_to_start_it_records_the_same(hooked: Hooked, name: str) -> None:
    program, *arguments = name.split()
    command = shutil.which(program, path=os.path.dirname(sys.executable))
    if command is None and name != "-m":
        pytest.skip("the package is not installed here; `make test` installs it")
    hooked.fire(
        tool_use(), command=[sys.executable, "-m", "activity_mcp", "hook"] if name == "-m" else [str(command), *arguments]
    )
    assert [line["event_name"] for line in hooked.lines()] == ["tool_event"]


def test_where_recording_is_off_nothing_is_written(hooked: Hooked, tmp_path: Path) -> None:
    hooked.fire(tool_use(), ACTIVITY_RECORD="off")
    project = tmp_path / "private"
    project.mkdir()
    (project / ".activity-mcp-ignore").touch()
    hooked.fire(tool_use(cwd=str(project)))
    hooked.fire(payload("SessionStart", source="startup"), CLAUDE_PROJECT_DIR=str(project))
    hooked.fire(tool_use(cwd=str(project)), CLAUDE_PROJECT_DIR="/work/shop")
    assert not hooked.home.exists()


# --- the injection


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hooked, dict[str, str]]:
    """A project of which something is known, in a snapshot that was published by an earlier leader."""
    place = tmp_path_factory.mktemp("known")
    hooked, here = Hooked(place / "home"), {"cwd": str(place / "shop")}
    (place / "shop" / ".git").mkdir(parents=True)
    (place / "shop" / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    hooked.fire(payload("UserPromptSubmit", prompt="Why is the total wrong?", **here))
    hooked.fire(tool_use("Edit", {"file_path": f"{place}/shop/app.py"}, "t1", **here))
    failed = {"tool_name": "Bash", "tool_input": {"command": "make test"}, "tool_use_id": "t2", "error": "Exit code 2"}
    hooked.fire(payload("PostToolUseFailure", **failed, **here))
    hooked.fire(payload("Stop", last_assistant_message="It summed the wrong column.", **here))
    hooked.run("context", "--project", here["cwd"])
    return hooked, here


def test_a_starting_session_is_shown_what_the_project_was_about(known) -> None:
    hooked, here = known
    answer = json.loads(hooked.fire(payload("SessionStart", source="startup", **here)))
    reported = answer["hookSpecificOutput"]
    assert (list(answer), list(reported), reported["hookEventName"]) == (
        ["hookSpecificOutput"], ["hookEventName", "additionalContext"], "SessionStart",
    )  # fmt: skip
    assert reported["additionalContext"].splitlines()[1:] == [
        '- <1 min ago failed, and nothing since: "make test" with "Exit code 2"',
        '- <1 min ago on "main" concluded "It summed the wrong column."',
        '- touched last: "app.py" (<1 min ago)',
    ]


def test_what_claude_md_says_is_not_reported_and_read_only_where_it_changed_since_the_snapshot(
    known: tuple[Hooked, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    hooked, here = known
    environ = {**hooked.environ, "HOME": str(hooked.home)}
    rules, read = Path(here["cwd"], "CLAUDE.md"), list[bool]()

    def reading(paths: list[str]) -> Instructions:
        read.append(True)
        return read_instructions(paths)

    def started() -> bool:
        read.clear()
        answer = hook.run(json.dumps(payload("SessionStart", source="startup", **here)).encode(), environ)
        return b"wrong column" in answer

    def published() -> None:
        """Something is recorded here, so that the context is published again."""
        log = ["log", "system_event", "--feature", "event_type=noted", "--project", here["cwd"]]
        for arguments in (log, ["flush"]):
            subprocess.run([sys.executable, "-m", "activity_mcp", *arguments], env=environ, check=True, capture_output=True)

    monkeypatch.setattr(instructions, "read_instructions", reading)
    rules.write_text("# Rules\n- It summed the *wrong* column.\n")
    assert (started(), read) == (False, [True])
    published()
    assert (started(), read) == (False, [])
    rules.unlink()
    assert (started(), read) == (True, [True])
    published()
    assert (started(), read) == (True, [])


@pytest.mark.parametrize("source", ["startup", "clear", "compact"])
def test_it_is_shown_at_these_starts(known, source: str) -> None:
    hooked, here = known
    assert "wrong column" in hooked.fire(payload("SessionStart", source=source, **here))


@pytest.mark.parametrize(
    ("members", "environ"),
    [
        ({"source": "resume"}, {}),
        ({"source": "fork"}, {}),
        ({"source": None}, {}),
        ({"source": ["startup"]}, {}),
        ({"source": "startup", "cwd": "/another/project"}, {}),
        ({"source": "startup", "cwd": 5}, {}),
        ({"source": "startup"}, {"ACTIVITY_INJECT": "off"}),
        ({"source": "startup"}, {"ACTIVITY_INJECT": "100"}),
        ({"source": "startup"}, {"ACTIVITY_RECORD": "off"}),
        ({"source": "startup"}, {"ACTIVITY_CUSTOMER": "bob@example.org"}),
        ({"source": "startup", "hook_event_name": "SubagentStart"}, {}),
    ],
)
def test_nothing_is_reported_otherwise(known, members: dict[str, object], environ: dict[str, str]) -> None:
    hooked, here = known
    assert hooked.fire(payload("SessionStart", **here) | members, **environ) == ""


def test_a_damaged_snapshot_tells_nothing_and_breaks_nothing(known, tmp_path: Path) -> None:
    shutil.copytree(known[0].home, tmp_path / "home")
    hooked, here = Hooked(tmp_path / "home", ACTIVITY_DB=str(known[0].home / "activity.duckdb")), known[1]
    assert hooked.fire(payload("SessionStart", source="startup", **here))
    for path in hooked.home.glob("queue/*/context/*.json"):
        path.write_bytes(path.read_bytes()[:-40])
    assert hooked.fire(payload("SessionStart", source="startup", **here)) == ""
    assert hooked.dropped() == {}
