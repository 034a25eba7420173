"""sessions, session and export as commands, on a record that an import and calls have made."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console

from activity_mcp.cli.sessions import show_sessions
from activity_mcp.service import ActivityService
from activity_mcp.sessions import export, rows
from cli.outcome import Call


@pytest.fixture
def recorded(call: Call, home: Path) -> Call:
    """Two sessions in the warehouse, and one call that only waits in the queue."""
    service = ActivityService.from_environ(source="cli")
    for session, project in (("aaaaaaaa-1", "/w/shop"), ("aaaaaaaa-2", "/w/blog"), ("bbbbbbbb-3", "/w/blog")):
        origin = service.recorder.origin("hook", session_id=session, project=project)
        prepare = service.recorder.prepare
        features: list[tuple[str, dict[str, Any]]] = [
            ("session_event", {"session_id": session, "event_type": "user_prompt", "excerpt": f"=why {session}?\nplease"}),
            ("tool_event", {"tool_name": "Bash", "success": False, "parameters": {"command": "make"}, "error": "broken"}),
            ("llm_event", {"model": "m", "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "cost_usd": 0.5}),
        ]
        service.recorder.append([prepare(name, given, origin) for name, given in features])
        if session == "aaaaaaaa-2":
            service.close()
            assert call("flush").code == 0
            service = ActivityService.from_environ(source="cli")
    service.close()
    return call


def test_sessions_are_listed_with_their_sums_the_newest_first(recorded: Call) -> None:
    found = recorded("sessions", "--json").json["sessions"]
    assert [session["session_id"] for session in found] == ["bbbbbbbb-3", "aaaaaaaa-2", "aaaaaaaa-1"]
    assert {name: found[2][name] for name in ("project", "asked", "title", "calls", "errors", "tokens", "cost_usd")} == {
        "project": "/w/shop", "asked": "=why aaaaaaaa-1?\nplease", "title": None, "calls": 1, "errors": 1, "tokens": 7, "cost_usd": 0.5,
    }  # fmt: skip
    shown = recorded("sessions", "--project", "/w/shop")
    assert (shown.code, "shop" in shown.out, "blog" in shown.out, "$0.50" in shown.out) == (0, True, False, True)


def test_where_a_line_has_no_room_for_a_table_a_session_has_two_lines(recorded: Call) -> None:
    found = recorded("sessions", "--json").json["sessions"]
    for width in (80, 40, 200):
        out = Console(width=width, file=io.StringIO())
        show_sessions(found, out)
        assert isinstance(out.file, io.StringIO)
        lines = out.file.getvalue().splitlines()
        assert max(map(len, lines)) <= width
        assert [line.split()[2] for line in lines if line.startswith(("20", " 20"))] == ["bbbbbbbb", "aaaaaaaa", "aaaaaaaa"]
        assert sum("=why" in line for line in lines) == 3


def test_where_nothing_was_ever_recorded_that_is_said_and_is_no_error(
    call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (call("sessions").code, call("sessions").out) == (0, "No session is recorded.\n")
    assert call("sessions", "--json").json == {"sessions": []}
    assert call("session", "some-session").code == 2
    assert call("search", "anything").code == 0


def test_a_large_export_is_read_in_pages_that_are_bounded_in_rows_and_bytes(
    recorded: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = recorded("export", "--format", "json").out
    taken: list[int] = []
    real = rows.page

    def page(*given: Any, **bounds: Any) -> Any:
        found = real(*given, **bounds)
        taken.append(len(found[0]))
        return found

    monkeypatch.setattr(rows, "page", page)
    monkeypatch.setattr(export, "PAGE", 4)
    assert recorded("export", "--format", "json").out == whole
    assert max(taken) == 4
    taken.clear()
    monkeypatch.setattr(export, "PAGE_BYTES", 600)
    assert recorded("export", "--format", "json").out == whole
    assert max(taken) < 4
    assert sum(taken) == len(whole.splitlines())


def test_a_session_is_found_by_the_beginning_of_its_id_and_refused_where_several_begin_so(recorded: Call) -> None:
    story = recorded("session", "bbbbbbbb", "--json").json
    assert (story["session_id"], story["errors"], story["cost_usd"]) == ("bbbbbbbb-3", 1, 0.5)
    shown = recorded("session", "bbbbbbbb-3").out
    assert "=why bbbbbbbb-3? please" in shown
    assert "✗ Bash make" in shown
    assert "claude --resume bbbbbbbb-3" in shown
    several = recorded("session", "aaaaaaaa")
    assert (several.code, "several sessions" in several.err) == (2, True)
    assert recorded("session", "nothing-of-it").code == 2


def test_every_format_holds_what_was_selected(recorded: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PAGE", 2)
    for form in ("md", "html"):
        text = recorded("export", "--session", "aaaaaaaa-1", "--format", form).out
        assert "why aaaaaaaa-1" in text
        assert "aaaaaaaa-2" not in text
        assert "broken" in text
    lines = recorded("export", "--format", "json").out.splitlines()
    events = [json.loads(line) for line in lines]
    known = {event["activity_id"] for event in events if event["session_id"]}
    assert len(known) == 9
    assert len(events) == len({event["activity_id"] for event in events})
    table = list(csv.DictReader(io.StringIO(recorded("export", "--project", "/w/shop", "--format", "csv").out)))
    assert [row["session_id"] for row in table] == ["aaaaaaaa-1"] * 3
    path = tmp_path / "it's.parquet"
    assert recorded("export", "--format", "parquet", "-o", str(path)).code == 0
    with duckdb.connect() as connection:
        count = connection.execute(
            "SELECT COUNT(DISTINCT activity_id) FROM read_parquet(?) WHERE session_id IS NOT NULL", [str(path)]
        )
        assert count.fetchall() == [(9,)]
    assert [found.name for found in tmp_path.glob("*.tmp")] == []


def test_an_export_of_nothing_or_to_nowhere_is_refused(recorded: Call, tmp_path: Path) -> None:
    assert recorded("export", "--format", "parquet").code == 2
    missing = recorded("export", "--session", "no-such-session", "-o", str(tmp_path / "x.md"))
    assert (missing.code, (tmp_path / "x.md").exists()) == (2, False)
    assert recorded("export", "--since", "whenever").code == 2
    assert recorded("export", "-o", str(tmp_path / "no" / "x.md")).code == 3


def test_what_begins_like_a_formula_is_text_in_a_spreadsheet() -> None:
    assert export._cell("=1+1") == "'=1+1"
    assert export._cell(None) == ""
