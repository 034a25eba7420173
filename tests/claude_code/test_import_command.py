"""`activity-mcp import` of Claude Code's whole folder: subagents, side chains, what cannot be read, what is soon deleted."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.__main__ import run
from activity_mcp.claude_code.transcripts import ImportLedger
from activity_mcp.clock import iso
from activity_mcp.errors import NotDurable
from activity_mcp.operations.import_transcripts import TranscriptImport
from activity_mcp.queue import QueueWriter
from activity_mcp.service import ActivityService
from disks import FaultyDisk

DAY_S = 86_400


def at(days: float, seconds: float = 0) -> str:
    return iso(round((time.time() - days * DAY_S + seconds) * 1e6))


def turn(session: str, name: str, days: float, request: str = "r", **members: Any) -> list[dict[str, Any]]:
    """A prompt, a response in two lines that share their usage, a call and its result."""
    common = {"sessionId": session, "cwd": "/work/shop", "version": "2.1", "gitBranch": "main", "isSidechain": False, **members}
    usage = {"input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 100}
    said = {"id": f"msg_{name}", "role": "assistant", "model": "claude-opus", "usage": usage}
    call = {"type": "tool_use", "id": f"toolu_{name}", "name": "Bash", "input": {"command": "ls"}}
    result = {"type": "tool_result", "tool_use_id": f"toolu_{name}", "content": "x"}
    return [
        {**common, "type": "user", "uuid": f"{name}1", "timestamp": at(days), "message": {"role": "user", "content": f"do {name}"}},
        {**common, "type": "assistant", "uuid": f"{name}2", "requestId": request, "timestamp": at(days, 5), "message": {**said, "content": [{"type": "text", "text": "ok"}]}},
        {**common, "type": "assistant", "uuid": f"{name}3", "requestId": request, "timestamp": at(days, 6), "message": {**said, "content": [call]}},
        {**common, "type": "user", "uuid": f"{name}4", "timestamp": at(days, 7), "message": {"role": "user", "content": [result]}},
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One old session with a subagent that replays it, one young session with a side chain, and things that cannot be read."""
    for name in list(os.environ):
        if name.startswith(("ACTIVITY_", "CLAUDE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ACTIVITY_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("ACTIVITY_CUSTOMER", "ada@example.com")
    monkeypatch.chdir(tmp_path)
    made = tmp_path / ".claude" / "projects" / "-work-shop"
    agent: dict[str, Any] = {"isSidechain": True, "agentId": "7"}
    write(made / "s1.jsonl", [*turn("s1", "a", 28), "{broken", {"type": "novelty"}], days=28)
    write(
        made / "s1" / "subagents" / "agent-7.jsonl",
        turn("s1", "a", 28, "other", **agent) + turn("s1", "b", 28, **agent),
        days=28,
    )
    write(made / "s2.jsonl", turn("s2", "c", 2) + turn("s2", "d", 2, isSidechain=True), days=2)
    (made / "folder.jsonl").mkdir()
    (made / "dangling.jsonl").symlink_to("/nowhere")
    return made


def write(path: Path, lines: list[Any], days: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    os.utime(path, (time.time() - days * DAY_S,) * 2)


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(folder: Path, capfd: pytest.CaptureFixture[str]) -> Call:
    def call(*arguments: str) -> tuple[int, str, str]:
        capfd.readouterr()
        return run(list(arguments)), *capfd.readouterr()

    return call


def test_a_whole_folder_is_imported_once_with_its_subagents_and_side_chains(call: Call) -> None:
    _, looked, _ = call("import", "--dry-run", "--json")
    counted = json.loads(looked)
    assert json.loads(call("status", "--json")[1])["queue"]["depth_events"] == 0
    code, out, _ = call("import", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["activities"] == {"tool_event": 4, "llm_event": 4, "session_event": 8} == counted["activities"]
    assert report["tokens"]["claude-opus"] == {
        "calls": 4, "prompt_tokens": 40, "completion_tokens": 80, "cache_read_tokens": 400, "cache_creation_tokens": 0, "total_tokens": 520,
    }  # fmt: skip
    assert (report["files"], report["malformed_lines"], report["unknown_line_types"]) == (4, 1, {"novelty": 1})
    assert [path.split(":")[0].rpartition("/")[2] for path in report["unreadable"]] == ["dangling.jsonl"]
    assert json.loads(call("import", "--json")[1])["activities"] == {}
    rows = json.loads(call("query", "SELECT tool_use_id, agent_id FROM VW_TOOL_EVENTS ORDER BY 1", "--json")[1])["rows"]
    assert rows == [["toolu_a", None], ["toolu_b", "7"], ["toolu_c", None], ["toolu_d", None]]


def test_since_leaves_out_what_is_older_and_the_next_import_takes_it(call: Call) -> None:
    first = json.loads(call("import", "--since", at(5)[:10], "--dry-run", "--json")[1])
    assert first["activities"] == {"tool_event": 2, "llm_event": 2, "session_event": 4}


def test_the_summary_is_a_table_with_tokens_by_model_and_what_could_not_be_read(call: Call) -> None:
    _, out, err = call("import", "--dry-run")
    assert "16 activities would be imported from 4 files" in out
    assert next(line.split() for line in out.splitlines() if "claude-opus" in line) == [
        "claude-opus",
        "4",
        "40",
        "80",
        "400",
        "0",
    ]
    assert "1 lines: not JSON objects" in out
    assert "1 lines: of the unknown type 'novelty'" in out
    assert "cannot be read: .claude/projects/-work-shop/dangling.jsonl" in err


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {},
            "2 transcripts not wholly imported are near deletion by Claude Code: the next in 2 days (it deletes after 30 days)",
        ),
        (
            {"cleanupPeriodDays": 20},
            "2 transcripts not wholly imported are near deletion by Claude Code: the next at any moment",
        ),
        ({"cleanupPeriodDays": 365}, None),
    ],
)
def test_a_deletion_that_is_near_is_reported_before_it_happens(
    call: Call, tmp_path: Path, settings: dict[str, int], says: str | None
) -> None:
    (tmp_path / ".claude" / "settings.json").write_text(json.dumps(settings))
    _, _, err = call("import", "--dry-run")
    assert (says in err) if says else ("near deletion" not in err)


def test_what_was_imported_is_not_warned_about_again(call: Call) -> None:
    def transcripts() -> str:
        return next(
            check["status"] for check in json.loads(call("doctor", "--json")[1])["checks"] if check["name"] == "transcripts"
        )

    assert transcripts() == "warn"
    assert "near deletion" in call("import")[2]
    assert "near deletion" not in call("import")[2]
    assert transcripts() == "ok"


def test_what_the_retention_will_remove_is_said_and_a_longer_one_brings_it_again(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIVITY_RETENTION_DAYS", "10")
    code, out, err = call("import", "--json")
    first = json.loads(out)
    assert (code, 0 < first["older_than_retention"] < sum(first["activities"].values())) == (0, True)
    assert "older than ACTIVITY_RETENTION_DAYS (10)" in err
    again = json.loads(call("import", "--json")[1])
    assert (again["activities"], again["older_than_retention"]) == ({}, 0), "the same retention brings nothing again"
    monkeypatch.setenv("ACTIVITY_RETENTION_DAYS", "100")
    longer = json.loads(call("import", "--json")[1])
    assert sum(longer["activities"].values()) == first["older_than_retention"]
    assert longer["older_than_retention"] == 0


def test_an_import_of_nothing_says_where_it_looked(call: Call, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    code, out, err = call("import", str(empty), "--json")
    assert (code, json.loads(out)["folders"]) == (0, [str(empty)])
    assert f"no transcripts (*.jsonl) were found in {empty}" in err


def test_sql_for_snowflake_is_not_printed_to_those_who_have_none(call: Call) -> None:
    assert "Snowflake" not in call("forget", "--session", "s1", "--dry-run")[1]


@pytest.mark.parametrize("sql", ["SELECT nope FROM VW_TOOL_EVENTS", "SELECT 1 FROM nope"])
def test_a_query_that_is_refused_says_the_dialect_and_the_views(call: Call, sql: str) -> None:
    call("import")
    code, _, err = call("query", sql)
    assert (code, "DuckDB's SQL" in err, "VW_LLM_EVENTS" in err) == (2, True, True)


def test_what_a_disk_does_not_confirm_is_imported_again(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's mark follows the sync of its events, which is one for all of them."""
    disk = FaultyDisk()
    service = ActivityService.from_environ({**os.environ, "ACTIVITY_HOME": str(tmp_path / "state")}, source="cli")
    monkeypatch.setattr(service, "writer", QueueWriter(service.queue.directory, sink=service.config.sink, fs=disk))
    disk.sync_error = errno.EIO
    path = str(folder / "s1.jsonl")
    with pytest.raises(NotDurable):
        TranscriptImport(service).run([path])
    ledger = ImportLedger(os.path.join(service.queue.directory, "imports.json"))
    assert ledger.mark(path) is None
    disk.sync_error = None
    disk.synced.clear()
    again = TranscriptImport(service).run([path])
    assert sum(again.activities.values()) > 5
    assert len(disk.synced) <= 2
    assert TranscriptImport(service).run([path]).unchanged == 1
    service.close()
