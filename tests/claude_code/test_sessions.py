"""Whole sessions: what an import makes of them is what is in the file, counted here a second time and in another way."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from activity_mcp import schema

FILE_TOOLS = {"Read", "Write", "Edit", "MultiEdit", "NotebookEdit"}
NOW_US = 1_900_000_000_000_000  # long after any of them


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def blocks_of(path: Path, kind: str) -> list[dict[str, Any]]:
    messages = (line["message"] for line in lines_of(path) if line["type"] in ("user", "assistant"))
    return [
        block
        for message in messages
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == kind
    ]


def is_prompt(line: dict[str, Any]) -> bool:
    return line["type"] == "user" and not line.get("isMeta") and isinstance(line["message"]["content"], str)


def features(activities, event_name: str) -> list[dict[str, Any]]:
    return [activity.feature_json for activity in activities if activity.event_name == event_name]


def test_the_example_session_is_one_of_everything(example, read) -> None:
    activities, reader = read(example, now_us=NOW_US)
    assert Counter(activity.activity for activity in activities) == {
        "started_session": 1, "asked": 2, "concluded_turn": 2, "ended_session": 1, "called_llm": 14, "used_tool": 12,
        "read_file": 2, "edited_file": 2, "created_file": 1, "ran_sql": 1, "turn_duration": 2,
    }  # fmt: skip
    assert (reader.report.lines, reader.report.malformed, reader.report.unknown_types) == (33, 0, {})
    assert reader.report.problems == {}


def test_each_fact_of_a_session_becomes_one_event(session: Path, read) -> None:
    activities, reader = read(session, now_us=NOW_US)
    uses = blocks_of(session, "tool_use")
    messages = {line["message"]["id"] for line in lines_of(session) if line["type"] == "assistant"}
    prompts = sum(map(is_prompt, lines_of(session)))

    assert len(features(activities, "tool_event")) == len({use["id"] for use in uses})
    assert len(features(activities, "file_event")) == sum(use["name"] in FILE_TOOLS for use in uses)
    assert len(features(activities, "llm_event")) == len(messages)
    said = Counter(event["event_type"] for event in features(activities, "session_event"))
    timed = sum(line.get("subtype") == "turn_duration" for line in lines_of(session))
    assert said == Counter({"start": 1, "user_prompt": prompts, "turn_end": prompts, "end": 1, "turn_duration": timed})
    assert len({activity.activity_id for activity in activities}) == len(activities)
    assert reader.report.activities == Counter(activity.event_name for activity in activities)


def test_tokens_are_counted_once_for_each_response(session: Path, read) -> None:
    activities, reader = read(session, now_us=NOW_US)
    usage = {line["message"]["id"]: line["message"]["usage"] for line in lines_of(session) if line["type"] == "assistant"}
    expected = {
        "prompt_tokens": sum(counts["input_tokens"] for counts in usage.values()),
        "completion_tokens": sum(counts["output_tokens"] for counts in usage.values()),
        "cache_read_tokens": sum(counts["cache_read_input_tokens"] for counts in usage.values()),
        "cache_creation_tokens": sum(counts["cache_creation_input_tokens"] for counts in usage.values()),
    }
    expected["total_tokens"] = sum(expected.values())
    events = features(activities, "llm_event")

    assert {name: sum(event[name] for event in events) for name in expected} == expected
    assert {event["token_source"] for event in events} == {"transcript"}
    assert not any("cost_usd" in event for event in events)
    assert features(activities, "session_event")[-1]["total_tokens"] == expected["total_tokens"]
    (model,) = {line["message"]["model"] for line in lines_of(session) if line["type"] == "assistant"}
    assert reader.report.tokens == {model: {"calls": len(usage), **expected}}


def test_success_and_latency_are_those_of_the_result(session: Path, read) -> None:
    def stamp(line: dict[str, Any]) -> float:
        return datetime.fromisoformat(line["timestamp"]).timestamp() * 1000

    asked, answered = {}, {}
    for line in lines_of(session):
        for block in line["message"]["content"] if line["type"] in ("user", "assistant") else ():
            if isinstance(block, dict) and block["type"] == "tool_use":
                asked[block["id"]] = (block["name"], stamp(line))
            if isinstance(block, dict) and block["type"] == "tool_result":
                answered[block["tool_use_id"]] = (not block.get("is_error"), stamp(line))
    events = {event["tool_use_id"]: event for event in features(read(session, now_us=NOW_US)[0], "tool_event")}

    assert {call: event["success"] for call, event in events.items()} == {call: ok for call, (ok, _) in answered.items()}
    for call, event in events.items():
        spent = event.get("latency_ms", event.get("elapsed_ms"))  # of calls that ran side by side it is not their own time
        assert spent == pytest.approx(answered[call][1] - asked[call][1], abs=0.5)
        assert ("error" in event) is not event["success"]


def test_every_event_satisfies_its_schema(session: Path, read) -> None:
    for policy in ("excerpt", "hash", "full"):
        for activity in read(session, now_us=NOW_US, prompts=policy)[0]:
            schema.validate(activity)


def test_the_same_file_gives_the_same_events_with_any_parser(session: Path, read) -> None:
    once = [activity.record() for activity in read(session, now_us=NOW_US)[0]]
    assert [activity.record() for activity in read(session, now_us=NOW_US, loads=orjson.loads)[0]] == once


def test_what_a_tool_returned_is_not_kept(session: Path, read) -> None:
    """Of an output longer than its own call, no line that the input does not hold may be found in any event."""
    activities, _ = read(session, now_us=NOW_US)
    kept = "\n".join(json.dumps(activity.feature_json, ensure_ascii=False) for activity in activities)
    said = "\n".join(json.dumps(block, ensure_ascii=False) for block in blocks_of(session, "tool_use"))
    said += "\n".join(block["text"] for block in blocks_of(session, "text"))
    for block in blocks_of(session, "tool_result"):
        for line in block["content"].splitlines() if isinstance(block["content"], str) and not block.get("is_error") else ():
            text = json.dumps(line, ensure_ascii=False)[1:-1]
            if len(text) > 40 and text not in said:
                assert text not in kept


def test_the_failed_command_of_the_example_is_recorded_whole(example, read) -> None:
    (failed,) = [event for event in features(read(example, now_us=NOW_US)[0], "tool_event") if not event["success"]]
    assert failed == {
        "tool_name": "Bash",
        "success": False,
        "tool_category": "shell",
        "parameters": {"command": "python -m pytest tests/test_reports.py -q", "description": "Run the report tests"},
        "error": "Exit code 1\nE   ModuleNotFoundError: No module named 'orders'\n1 error in 0.08s",
        "latency_ms": 1640.0,
        "result_size": 78,
        "result_type": "string",
        "tool_use_id": failed["tool_use_id"],
        "prompt_id": failed["prompt_id"],
    }


def test_the_edit_of_the_example_is_recorded_whole(example, read) -> None:
    edits = [event for event in features(read(example, now_us=NOW_US)[0], "file_event") if event["operation"] == "edit"]
    assert edits[0] == {
        "operation": "edit",
        "file_path": "/home/maya/orders-api/src/orders/reports.py",
        "file_type": "py",
        "success": True,
        "lines_affected": 2,
        "bytes_before": 438,
        "bytes_after": 450,
        "git_branch": "fix/late-orders",
        "tool_use_id": edits[0]["tool_use_id"],
        "prompt_id": edits[0]["prompt_id"],
    }


def test_the_session_of_the_example_is_recorded_from_start_to_end(example, read) -> None:
    activities, _ = read(example, now_us=NOW_US)
    reported = [activity for activity in activities if activity.event_name == "session_event"]
    assert [activity.feature_json.get("duration_ms") for activity in reported] == [
        None,
        None,
        71900,
        None,
        None,
        11300,
        None,
        None,
    ]
    reported = [activity for activity in reported if activity.activity != "turn_duration"]
    start, asked, concluded, _, _, end = reported
    assert {(activity.project, activity.source, activity.session_id) for activity in reported} == {
        ("/home/maya/orders-api", "import", "6f0c1d52-8e4b-4c37-9a61-2d7b5e90c4aa")
    }
    assert (start.ts, start.feature_json["cli_version"]) == ("2026-11-19T09:12:04.118000Z", "2.1.240")
    assert asked.feature_json["excerpt"].startswith("The nightly report counts some late orders twice.")
    assert concluded.feature_json["excerpt"].startswith("Fixed. The report joined shipments")
    assert concluded.feature_json["prompt_id"] == asked.feature_json["prompt_id"]
    assert end.feature_json == {
        "session_id": start.session_id,
        "event_type": "end",
        "project_path": "/home/maya/orders-api",
        "cli_version": "2.1.240",
        "git_branch": "fix/late-orders",
        "session_duration_ms": 171260.0,
        "total_activities": 39,
        "total_tokens": 280270,
    }


def test_the_password_in_the_example_is_in_no_event(example, read) -> None:
    secret = "correct" + "-horse-7"
    assert secret in example.read_text(encoding="utf-8")
    activities, _ = read(example, now_us=NOW_US)
    lines = b"".join(activity.line() for activity in activities)
    assert secret.encode() not in lines
    assert lines.count(b"postgresql://report:[redacted:url_password]@localhost:5432/orders") == 2  # the command, and its SQL


def test_the_example_names_only_invented_places(example) -> None:
    assert {line["cwd"] for line in lines_of(example) if "cwd" in line} == {"/home/maya/orders-api"}
