"""`activity-mcp import --history`: prompts whose transcripts are deleted, each once, whichever source has them too."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.__main__ import run
from activity_mcp.activity import Origin, sha256_hex
from activity_mcp.claude_code.transcripts.history import HistoryReader
from activity_mcp.claude_code.transcripts.known_prompts import Entry, KnownPrompt, unknown_entries
from activity_mcp.clock import iso
from activity_mcp.redaction import Redactor
from activity_mcp.service import ActivityService
from claude_code.hooked import Hooked
from claude_code.test_import_command import at, folder, turn, write
from deployed import put_warehouse
from redaction.cases import MIXED

__all__ = ["folder"]
DAY_S = 86_400
NOW_US = 1_800_000_000_000_000
SESSION = "0b8f2c1e-6a51-4a0e-9c76-3a1d2f4e5b6c"


def line(display: str, seconds_ago: float = 40 * DAY_S, **members: Any) -> dict[str, Any]:
    """A line as 2.1.332 writes it."""
    at_ms = NOW_US // 1000 - round(seconds_ago * 1000)
    return {
        "display": display,
        "pastedContents": {},
        "timestamp": at_ms,
        "project": "/work/shop",
        "sessionId": SESSION,
        **members,
    }


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[list[dict[str, Any]], HistoryReader]]:
    """Reads a history of these lines: the features of each prompt, and the reader."""

    def reading(
        *lines: Any, known: list[KnownPrompt] | None = None, **options: Any
    ) -> tuple[list[dict[str, Any]], HistoryReader]:
        path = tmp_path / "history.jsonl"
        texts = (each if isinstance(each, str) else json.dumps(each) for each in lines)
        path.write_text("".join(text + "\n" for text in texts))
        given: dict[str, Any] = {
            "known": known or [], "note_keys": list, "redactor": Redactor(), "prompts": "full", "now_us": NOW_US,
            "loads": json.loads, "origin_for": lambda session, cwd: Origin("ada", "import", session_id=session, project=cwd),
        }  # fmt: skip
        reader = HistoryReader(str(path), **{**given, **options})
        return [
            {**activity.feature_json, "ts": activity.ts, "project": activity.project, "id": activity.activity_id}
            for activity in reader
        ], reader

    return reading


def test_a_prompt_has_its_text_session_project_and_moment(read) -> None:
    (prompt,), reader = read(line("  mend the till  ", seconds_ago=0x10000))
    assert (prompt["text"], prompt["session_id"], prompt["project"]) == ("mend the till", SESSION, "/work/shop")
    assert (prompt["event_type"], prompt["prompt_hash"]) == ("user_prompt", sha256_hex("mend the till"))
    assert prompt["ts"] == "2027-01-14T13:47:44.000000Z"
    assert reader.report.activities == {"session_event": 1}


def test_commands_shell_lines_and_what_is_empty_are_no_prompts(read) -> None:
    prompts, reader = read(line("/compact"), line("!ls"), line("   "), line("/model sonnet"), line("/etc/hosts is wrong"))
    assert [prompt["text"] for prompt in prompts] == ["/etc/hosts is wrong"]
    assert reader.report.skipped_types == {"command": 4}


def test_what_was_pasted_is_where_it_was_pasted(read, tmp_path: Path) -> None:
    (tmp_path / "paste-cache").mkdir()
    (tmp_path / "paste-cache" / "0a1b2c.txt").write_text("a long\ntrace")
    pasted = {
        "1": {"id": 1, "type": "text", "content": "short"},
        "2": {"id": 2, "type": "text", "contentHash": "0a1b2c"},
        "3": {"id": 3, "type": "text", "contentHash": "../../etc/passwd"},
        "4": {"id": 4, "type": "image"},
        "5": "damaged",
    }
    text = "see [Pasted text #1], [Pasted text #2 +1 lines], [Pasted text #3], [Image #4], [Pasted text #5], [Pasted text #6]"
    (prompt,), _ = read(line(text, pastedContents=pasted))
    assert prompt["text"] == (
        "see short, a long\ntrace, [Pasted text #3], [Image #4], [Pasted text #5], [Pasted text #6]"
    )  # fmt: skip


def test_a_secret_in_a_prompt_or_in_what_was_pasted_is_redacted(read) -> None:
    secret = "gh" + "p_" + MIXED[:36]
    pasted = {"1": {"type": "text", "content": f"export GITHUB_TOKEN={secret}"}}
    (prompt,), _ = read(line(f"use {secret} and [Pasted text #1 +1 lines]", pastedContents=pasted))
    assert secret not in json.dumps(prompt)
    assert prompt["_redacted"] >= 2


@pytest.mark.parametrize("prompts", ["excerpt", "hash"])
def test_only_as_much_of_a_prompt_is_kept_as_the_policy_allows(read, prompts: str) -> None:
    (prompt,), _ = read(line("word " * 200), prompts=prompts)
    assert "text" not in prompt
    assert ("excerpt" in prompt) is (prompts == "excerpt")


@pytest.mark.parametrize(
    "broken",
    [
        "{torn", "[]", "null", "17", "\x00\x00", {}, line("x", timestamp="yesterday"), line("x", timestamp=True),
        line("x", timestamp=-1), line("x", timestamp=1e300), line("x", timestamp=NOW_US), {"display": 5, "timestamp": 1.7e12},
    ],
)  # fmt: skip
def test_a_line_that_is_no_prompt_keeps_no_other_from_being_read(read, broken: Any) -> None:
    prompts, reader = read(line("before"), broken, line("after"))
    assert [prompt["text"] for prompt in prompts] == ["before", "after"]
    assert reader.report.malformed + sum(reader.report.problems.values()) == (broken != "\x00\x00")  # of zeros nothing is left


@pytest.mark.parametrize("damaged", [{"pastedContents": [1]}, {"pastedContents": None}, {"sessionId": 5}, {"sessionId": "x" * 500},
                                     {"project": None}, {"project": ["a"]}])  # fmt: skip
def test_a_member_of_another_type_is_as_if_it_were_not_there(read, damaged: dict[str, Any]) -> None:
    prompts, _ = read(line("kept", **damaged))
    assert [prompt["text"] for prompt in prompts] == ["kept"]
    assert len(prompts[0]["session_id"]) <= 128


def test_a_line_without_a_session_belongs_to_one_of_its_day_and_project(read) -> None:
    members: dict[str, Any] = {"sessionId": None}
    prompts, _ = read(
        line("a", **members), line("b", 40 * DAY_S - 60, **members), line("c", **members, project="/other"), line("d", 39 * DAY_S, **members)
    )  # fmt: skip
    first, second, third, fourth = (prompt["session_id"] for prompt in prompts)
    assert first == second == "history-2026-12-06-" + sha256_hex("/work/shop")[:8]
    assert len({first, third, fourth}) == 3


def test_what_was_typed_in_the_last_half_hour_is_left_to_its_hook_and_transcript(read) -> None:
    prompts, reader = read(line("now", 60), line("earlier", 3600))
    assert [prompt["text"] for prompt in prompts] == ["earlier"]
    assert reader.report.skipped_types == {"young": 1}


def test_the_same_words_twice_are_two_prompts_and_reading_again_names_both_the_same(read) -> None:
    lines = line("continue", 40 * DAY_S), line("continue", 40 * DAY_S - 5)
    first, _ = read(*lines)
    again, _ = read(*lines)
    assert [prompt["id"] for prompt in first] == [prompt["id"] for prompt in again]
    assert len({prompt["id"] for prompt in first}) == 2


def entry(position: int, text: str, seconds: float, session: str = "s", *, is_named: bool = True) -> Entry:
    return Entry(position, session, sha256_hex(text), round(seconds * 1e6), is_named=is_named)


def known(text: str, seconds: float, session: str = "s") -> KnownPrompt:
    return KnownPrompt(session, sha256_hex(text), round(seconds * 1e6))


@pytest.mark.parametrize(
    ("recorded", "left"),
    [
        ([], [0, 1, 2]),
        ([known("go on", 1)], [1, 2]),
        ([known("go on", 3600)], [0, 2]),  # the nearest of two equal ones
        ([known("go on", 1), known("go on", 2), known("go on", 3)], [2]),
        ([known("go on with the trace that was pasted", 5000.5)], [0, 1]),  # the same moment
        ([known("go on", 1, session="other")], [0, 1, 2]),
        ([known("other words", 1800)], [0, 1, 2]),
    ],
)
def test_each_recorded_prompt_stands_for_one_line_of_its_session(recorded: list[KnownPrompt], left: list[int]) -> None:
    lines = [entry(0, "go on", 0), entry(1, "go on", 3600), entry(2, "[Pasted text #1]", 5000)]
    assert [found.position for found in unknown_entries(lines, recorded)] == left


def test_a_line_without_a_session_is_known_by_its_words_and_time() -> None:
    lines = [entry(0, "mend it", 0, is_named=False), entry(1, "mend it", 86_400, is_named=False)]
    assert [found.position for found in unknown_entries(lines, [known("mend it", 30, session="other")])] == [1]


# --- the command


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(folder: Path, capfd: pytest.CaptureFixture[str]) -> Call:
    put_warehouse(folder.parents[2] / "state")

    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        return run(list(arguments)), *capfd.readouterr()

    return call


def typed(folder: Path, *lines: tuple[str, str, float]) -> None:
    """Claude Code's history: (session, text, days ago)."""
    history = folder.parent.parent / "history.jsonl"
    entries = [
        {"display": text, "pastedContents": {}, "timestamp": round((time.time() - days * DAY_S) * 1000), "project": "/work/shop",
         "sessionId": session} for session, text, days in lines
    ]  # fmt: skip
    history.write_text("".join(json.dumps(each) + "\n" for each in entries))


def prompts_in(call: Call) -> list[list[str]]:
    sql = "SELECT session_id, excerpt FROM VW_SESSION_EVENTS WHERE event_type = 'user_prompt' ORDER BY ts, excerpt"
    rows: list[list[str]] = json.loads(call("query", sql, "--json")[1])["rows"]
    return rows


def imported(call: Call, *arguments: str) -> int:
    code, out, err = call("import", "--json", *arguments)
    assert code == 0, err
    return int(json.loads(out)["activities"].get("session_event", 0))


def test_the_history_adds_the_prompts_that_no_transcript_holds_and_adds_them_once(call: Call, folder: Path) -> None:
    typed(folder, ("s0", "older than all", 60), ("s1", "do a", 28), ("s2", "do c", 2), ("s0", "/exit", 60))
    assert imported(call, "--history", "--dry-run") == 8 + 1
    assert imported(call, "--history") == 8 + 1
    expected = [["s0", "older than all"], ["s1", "do a"], ["s2", "do c"]]
    assert [row for row in prompts_in(call) if row in expected] == expected
    counted = len(prompts_in(call))
    assert imported(call, "--history") == 0
    assert len(prompts_in(call)) == counted


def test_a_transcript_that_comes_back_adds_nothing_to_what_the_history_said(call: Call, folder: Path) -> None:
    typed(folder, ("s9", "do z", 40), ("s9", "do z", 39.5))
    imported(call, "--history")
    lines = turn("s9", "z", 40, promptId="p-1") + turn("s9", "z", 39.5, promptId="p-2")
    for nth, each in enumerate(lines):
        each["uuid"] = f"line{nth}"
    write(folder / "s9.jsonl", lines, days=39)
    imported(call)
    assert [row for row in prompts_in(call) if row[0] == "s9"] == [["s9", "do z"]] * 2


def test_a_prompt_that_a_hook_recorded_is_not_taken_from_the_history(call: Call, folder: Path, tmp_path: Path) -> None:
    typed(folder, ("s7", "do it by hook", 0.5), ("s7", "do it by hand", 0.5))
    reported = {"session_id": "s7", "hook_event_name": "UserPromptSubmit", "prompt": "do it by hook", "prompt_id": "p-1"}
    Hooked(tmp_path / "state").fire(reported)
    imported(call, "--history")
    assert sorted(row for row in prompts_in(call) if row[0] == "s7") == [["s7", "do it by hand"], ["s7", "do it by hook"]]


def test_a_project_that_is_not_recorded_has_no_history_either(call: Call, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "hidden"
    secret.mkdir()
    (secret / ".activity-mcp-ignore").touch()
    typed(folder, ("s0", "older than all", 60))
    history = folder.parent.parent / "history.jsonl"
    history.write_text(history.read_text().replace("/work/shop", str(secret)))
    imported(call, "--history")
    assert "older than all" not in json.dumps(prompts_in(call))


@pytest.mark.parametrize("selection", [("--session", "s0"), ("--match", "older than all")])
def test_a_forgotten_prompt_does_not_come_back_with_the_history(call: Call, folder: Path, selection: tuple[str, str]) -> None:
    write(folder / "s0.jsonl", turn("s0", "y", 29, promptId="p-9"), days=29)
    path = folder / "s0.jsonl"
    path.write_text(path.read_text().replace("do y", "older than all"))
    os.utime(path, (time.time() - 29 * DAY_S,) * 2)
    imported(call)
    path.unlink()
    assert call("forget", *selection)[0] == 0
    typed(folder, ("s0", "older than all", 29))
    imported(call, "--history")
    assert "older than all" not in json.dumps(prompts_in(call))


def test_since_leaves_out_what_is_older_in_the_history_too(call: Call, folder: Path) -> None:
    typed(folder, ("s0", "older than all", 60), ("s0", "not so old", 20))
    imported(call, "--history", "--since", at(30)[:10])
    assert [row[1] for row in prompts_in(call) if row[0] == "s0"] == ["not so old"]


def test_without_a_history_nothing_is_said_of_it(call: Call) -> None:
    assert imported(call, "--history", "--dry-run") == 8


def test_what_another_user_of_the_warehouse_typed_hides_no_prompt(call: Call, folder: Path) -> None:
    """A line of an old version names no session: it is compared with the user's own prompts, and no one else's."""
    at_ms = round((time.time() - 40 * DAY_S) * 1000)
    line = {"display": "continue", "pastedContents": {}, "project": "/work/shop", "timestamp": at_ms}
    (folder.parent.parent / "history.jsonl").write_text(json.dumps(line) + "\n")
    service = ActivityService.from_environ(source="cli")
    reported = {"session_id": "s8", "event_type": "user_prompt", "prompt_hash": sha256_hex("continue"), "excerpt": "continue"}
    service.log("session_event", reported, customer="bea@example.com", ts=iso(at_ms * 1000))
    service.close()
    imported(call, "--history")
    assert len([row for row in prompts_in(call) if row[1] == "continue"]) == 2
