"""Importing again sends nothing twice and loses nothing, however the file grew, ended, was cut or was replaced meanwhile."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from activity_mcp.claude_code.transcripts import ImportLedger
from activity_mcp.claude_code.transcripts.ledger import QUIET_US
from activity_mcp.errors import NewerFormat
from lengths import LONG, some

MINUTE_US = 60_000_000
QUIET_NOW_US = 1_900_000_000_000_000


def ids(activities) -> list[str]:
    return [activity.activity_id for activity in activities]


@pytest.fixture
def ledger(tmp_path: Path) -> ImportLedger:
    return ImportLedger(str(tmp_path / "state" / "imports.json"))


def run_import(ledger: ImportLedger, paths, read, now_us: int, since_us: int | None = None):
    """What a command does: read what is pending, append it, commit."""
    sent, marks = [], []
    for path, mark in ledger.pending(map(str, paths), now_us=now_us, since_us=since_us):
        activities, reader = read(path, now_us=now_us, mark=mark, since_us=since_us)
        sent += activities
        marks.append(reader.mark)
    ledger.commit(marks)
    return sent


def test_a_second_import_does_not_even_read_an_unchanged_file(example, read, ledger) -> None:
    assert len(run_import(ledger, [example], read, QUIET_NOW_US)) == 40
    assert list(ledger.pending([str(example)], now_us=QUIET_NOW_US)) == []
    reopened = ImportLedger(ledger._path)
    assert list(reopened.pending([str(example)], now_us=QUIET_NOW_US)) == []


def test_nothing_is_remembered_before_the_commit(example, read, ledger) -> None:
    ((path, mark),) = ledger.pending([str(example)], now_us=QUIET_NOW_US)
    read(path, now_us=QUIET_NOW_US, mark=mark)
    assert [path for path, _ in ledger.pending([str(example)], now_us=QUIET_NOW_US)] == [str(example)]


@pytest.mark.long
@pytest.mark.parametrize("quiet_between", some([True, False], 1))
def test_wherever_a_first_import_stopped_a_second_completes_it(session, read, ledger, tmp_path, quiet_between) -> None:
    """Every cut between lines (every second in `make test`), and some in the middle of one. A first import may even have taken the session for over."""
    whole = session.read_bytes()
    expected = set(ids(read(session, now_us=QUIET_NOW_US)[0]))
    ends = [offset + 1 for offset, byte in enumerate(whole) if byte == 10]
    for cut in sorted({*ends[:: 1 if LONG else 2], *(end - 7 for end in ends[::5]), *(end - 1 for end in ends[::5])}):
        path = tmp_path / f"cut-{cut}-{quiet_between}.jsonl"
        path.write_bytes(whole[:cut])
        running_us = (read(path)[1].report.last_ts_us or 0) + MINUTE_US
        taken = run_import(ledger, [path], read, QUIET_NOW_US if quiet_between else running_us)
        unanswered = [activity.activity_id for activity in taken if "_unanswered" in activity.feature_json]
        first = [activity_id for activity_id in ids(taken) if activity_id not in unanswered]
        with path.open("ab") as file:
            file.write(whole[cut:])
        second = ids(run_import(ledger, [path], read, QUIET_NOW_US))
        third = ids(run_import(ledger, [path], read, QUIET_NOW_US))

        assert third == []
        assert max(Counter(first + second).values()) == 1
        assert set(unanswered) <= set(second), "a call that was answered after all is sent again, answered"
        if quiet_between:
            assert set(first + second) >= expected, "what was taken for the end of a turn or a session stays in the record"
        else:
            assert set(first + second) == expected


def test_a_session_that_comes_to_rest_is_ended_by_the_next_import_though_its_file_has_not_grown(script, read, ledger) -> None:
    script.prompt("go")
    script.calls("Bash", "t1", {}, "m1")
    now_us = script.now_us + MINUTE_US
    assert len(run_import(ledger, [script.path], read, now_us)) == 2
    assert list(ledger.pending([str(script.path)], now_us=now_us + MINUTE_US)) == [], "still running, and nothing new"
    rest = run_import(ledger, [script.path], read, now_us + QUIET_US)
    assert [activity.activity for activity in rest] == ["used_tool", "called_llm", "turn_stopped", "ended_session"]
    assert run_import(ledger, [script.path], read, now_us + 2 * QUIET_US) == []


def test_a_session_resumed_after_its_end_goes_on_and_ends_again(script, read, ledger) -> None:
    script.prompt("one")
    script.says("first", "m1")
    first = run_import(ledger, [script.path], read, script.now_us + QUIET_US)
    script.seconds += 7200
    script.prompt("two")
    script.says("second", "m2")
    second = run_import(ledger, [script.path], read, script.now_us + QUIET_US)
    assert [activity.activity for activity in first] == [
        "started_session",
        "asked",
        "called_llm",
        "concluded_turn",
        "ended_session",
    ]
    assert [activity.activity for activity in second] == ["asked", "called_llm", "concluded_turn", "ended_session"]
    assert second[-1].feature_json["total_activities"] == 7
    assert not set(ids(first)) & set(ids(second))


def test_a_result_that_comes_after_its_call_was_given_up_is_sent_once_and_ranks_first(script, read, ledger) -> None:
    script.prompt("one")
    script.calls("Write", "t1", {"file_path": "/work/shop/a.py", "content": "x"}, "m1")
    given_up = run_import(ledger, [script.path], read, script.now_us + QUIET_US)
    again = run_import(ledger, [script.path], read, script.now_us + 2 * QUIET_US)
    script.seconds += 7200
    script.result("t1")
    running = run_import(ledger, [script.path], read, script.now_us + MINUTE_US)
    later = run_import(ledger, [script.path], read, script.now_us + QUIET_US)
    unsure = [activity for activity in given_up if "_unanswered" in activity.feature_json]
    assert [(activity.event_name, activity.feature_json["success"]) for activity in unsure] == [
        ("tool_event", False),
        ("file_event", False),
    ]
    assert again == []
    assert [(activity.event_name, activity.feature_json["success"]) for activity in running] == [
        ("tool_event", True),
        ("file_event", True),
    ]
    assert ids(running) == ids(unsure)
    assert not any("_unanswered" in activity.feature_json for activity in running)
    assert [activity.activity for activity in later] == ["ended_session"]


def test_a_truncated_file_is_read_from_its_start(script, read, ledger) -> None:
    script.prompt("one", uuid="u-one")
    script.prompt("two", uuid="u-two")
    first = run_import(ledger, [script.path], read, QUIET_NOW_US)
    script.path.write_bytes(script.path.read_bytes().splitlines(keepends=True)[0])
    assert ledger.mark(str(script.path)) is None
    again = run_import(ledger, [script.path], read, QUIET_NOW_US)
    assert set(ids(again[:2])) < set(ids(first)), "the same facts have the same ids, which the warehouse folds"


def test_a_file_replaced_by_another_of_any_size_is_read_from_its_start(script, read, ledger, example) -> None:
    script.prompt("one")
    run_import(ledger, [script.path], read, QUIET_NOW_US)
    script.path.write_bytes(example.read_bytes())
    assert len(run_import(ledger, [script.path], read, QUIET_NOW_US)) == 40


def test_a_file_rewritten_in_its_middle_is_noticed_where_it_was_read_last(script, read, ledger) -> None:
    for number in range(40):
        script.prompt(f"prompt {number}")
    run_import(ledger, [script.path], read, QUIET_NOW_US)
    text = script.path.read_text(encoding="utf-8")
    script.path.write_text(text.replace("prompt 39", "prompt xx"), encoding="utf-8")
    assert ledger.mark(str(script.path)) is None


def test_since_leaves_older_events_to_a_later_import(script, read, ledger) -> None:
    for number in range(6):
        script.prompt(f"prompt {number}")
    whole = ids(read(script.path)[0])
    late_us = script.now_us - 2_500_000
    recent = run_import(ledger, [script.path], read, QUIET_NOW_US, since_us=late_us)
    assert [activity.feature_json.get("excerpt") for activity in recent] == ["prompt 3", "prompt 4", "prompt 5", None]
    assert run_import(ledger, [script.path], read, QUIET_NOW_US, since_us=late_us) == []
    assert run_import(ledger, [script.path], read, QUIET_NOW_US, since_us=late_us + 1_000_000) == []
    older = run_import(ledger, [script.path], read, QUIET_NOW_US)
    assert [activity.feature_json.get("excerpt") for activity in older] == [None, "prompt 0", "prompt 1", "prompt 2"]
    assert sorted(ids(recent) + ids(older)) == sorted(whole)
    assert run_import(ledger, [script.path], read, QUIET_NOW_US) == []


def test_a_project_recorded_later_is_imported_then(script, read, ledger) -> None:
    script.prompt("one")
    ((path, _),) = ledger.pending([str(script.path)], now_us=QUIET_NOW_US)
    ledger.commit([read(path, now_us=QUIET_NOW_US, origin_for=lambda session, cwd: None)[1].mark])
    assert len(run_import(ledger, [script.path], read, QUIET_NOW_US)) == 3


def test_two_imports_at_a_time_keep_each_others_marks(script, read, ledger, example) -> None:
    other = ImportLedger(ledger._path)
    script.prompt("one")
    run_import(ledger, [script.path], read, QUIET_NOW_US)
    run_import(other, [example], read, QUIET_NOW_US)
    assert list(ImportLedger(ledger._path).pending([str(script.path), str(example)], now_us=QUIET_NOW_US)) == []


def test_a_file_that_was_moved_under_its_name_is_known_and_goes_on_where_it_was(script, read, ledger, example) -> None:
    script.prompt("one")
    run_import(ledger, [script.path], read, QUIET_NOW_US)
    archived = script.path.parent / "archive" / script.path.name
    archived.parent.mkdir()
    script.path.rename(archived)
    reopened = ImportLedger(ledger._path)
    assert list(reopened.pending([str(archived)], now_us=QUIET_NOW_US)) == []
    run_import(reopened, [example], read, QUIET_NOW_US)
    assert sorted(json.loads(Path(ledger._path).read_text())["files"]) == sorted([str(archived), str(example)])
    archived.write_text(archived.read_text().replace("one", "another"))
    assert len(run_import(ImportLedger(ledger._path), [archived], read, QUIET_NOW_US)) == 3


def test_marks_of_files_that_are_gone_are_forgotten(script, read, ledger, example) -> None:
    script.prompt("one")
    run_import(ledger, [script.path], read, QUIET_NOW_US)
    script.path.unlink()
    run_import(ledger, [example], read, QUIET_NOW_US)
    assert list(json.loads(Path(ledger._path).read_text())["files"]) == [str(example)]


@pytest.mark.parametrize(
    "content", ["", "not json", "[]", '{"version":1,"files":{"/x":{"position":"far"},"/y":5}}', '{"files":[]}']
)
def test_a_ledger_that_cannot_be_read_counts_as_empty(tmp_path, example, read, content: str) -> None:
    path = tmp_path / "imports.json"
    path.write_text(content)
    assert len(run_import(ImportLedger(str(path)), [example], read, QUIET_NOW_US)) == 40
    assert list(ImportLedger(str(path)).pending([str(example)], now_us=QUIET_NOW_US)) == []


def test_a_ledger_of_a_newer_version_is_left_alone(tmp_path) -> None:
    path = tmp_path / "imports.json"
    path.write_text('{"version":2,"files":{}}')
    with pytest.raises(NewerFormat):
        ImportLedger(str(path))
    assert path.read_text() == '{"version":2,"files":{}}'
