"""From a question to an insight, through the SDK's client in memory, the real service and a real warehouse on disk."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.__main__ import run
from server.house import House, call, client_of, drain, refused

pytestmark = pytest.mark.anyio

BY_TOOL = "SELECT tool_name, success, COUNT(*) AS calls FROM VW_TOOL_EVENTS GROUP BY tool_name, success"


async def test_a_question_becomes_an_insight_that_says_what_it_rests_on_before_and_after_the_flush(house: House) -> None:
    service = house.service()
    house.log_tools(service, True, True, False)
    drain(service)
    async with client_of(service) as client:
        found = await call(client, "query", sql=f"{BY_TOOL} ORDER BY success;")
        assert (found["columns"], found["rows"]) == (["tool_name", "success", "calls"], [["Bash", False, 1], ["Bash", True, 2]])
        assert (found["row_count"], found["truncated"]) == (2, False)
        insight = {"subject": "Bash", "metric": "failures", "value": {"calls": 1}, "grain": "all", "confidence": 0.75}
        said = await call(client, "record_insight", **insight, artifact_id=found["artifact_id"], valid_for_hours=2)
        assert (said["provenance"], said["visible"], said["query_id"]) == ("verified", True, found["query_id"])
        shown = (await call(client, "get_context", context_type="analyst"))["context"]["insights"]
        drain(service)
        kept = (await call(client, "get_context", context_type="analyst"))["context"]
    (entry,) = shown
    recorded_at, valid_until = entry.pop("recorded_at"), entry.pop("valid_until")
    assert entry == {
        **insight, "insight_id": said["insight_id"], "artifact_id": found["artifact_id"], "query_id": found["query_id"],
    }  # fmt: skip
    assert recorded_at < valid_until
    assert kept["insights"] == [{**entry, "recorded_at": recorded_at, "valid_until": valid_until}]
    assert [(asked["query_id"], asked["artifact_id"]) for asked in kept["recent_queries"]] == [
        (found["query_id"], found["artifact_id"])
    ]
    stored = house.rows(service, "SELECT artifact_id, row_count, query_id, sql_sha256, result_sha256, link FROM ARTIFACTS")
    assert stored == [[found["artifact_id"], 2, found["query_id"], found["sql_sha256"], found["result_sha256"], found["link"]]]
    assert house.rows(service, "SELECT insight_id, is_quarantined, source_events::VARCHAR FROM INSIGHT_ATOMS") == [
        [said["insight_id"], False, '["tool_event"]']
    ]


async def test_the_same_question_on_unchanged_data_is_the_same_provenance_after_a_restart_and_says_when_data_changed(
    house: House,
) -> None:
    first, answers = house.service(), []
    house.log_tools(first, True, False)
    drain(first)
    for service in (first, first, house.service()):
        async with client_of(service) as client:
            answers.append(await call(client, "query", sql=BY_TOOL))
    same = ("columns", "row_count", "artifact_id", "query_id", "sql_sha256", "result_sha256", "link", "expires_at")
    assert [{name: answer[name] for name in same} for answer in answers] == [{name: answers[0][name] for name in same}] * 3
    drain(first)
    assert house.rows(first, "SELECT COUNT(*) FROM VW_MCP_EVENTS WHERE method = 'store_artifact'") == [[1]]
    house.log_tools(first, False)
    drain(first)
    async with client_of(first) as client:
        changed = await call(client, "query", sql=BY_TOOL)
    assert changed["sql_sha256"] == answers[0]["sql_sha256"]
    assert all(changed[name] != answers[0][name] for name in ("result_sha256", "query_id", "artifact_id"))


async def test_anybody_can_compute_the_hashes_again_from_the_statement_and_the_stored_file(house: House) -> None:
    service = house.service()
    house.log_tools(service, *[True] * 3)
    drain(service)
    async with client_of(service) as client:
        found = await call(client, "query", sql="  SELECT 1.50 AS a, 'é' AS b UNION ALL SELECT 2, 'x' ORDER BY 1 DESC ; ")
    assert (
        found["sql_sha256"]
        == hashlib.sha256("SELECT 1.50 AS a, 'é' AS b UNION ALL SELECT 2, 'x' ORDER BY 1 DESC".encode()).hexdigest()
    )
    columns, *rows = Path(found["link"].removeprefix("file://")).read_text().splitlines()
    assert [columns, *rows] == ['["a","b"]', '[2,"x"]', '[1.5,"é"]']
    assert found["result_sha256"] == hashlib.sha256("\n".join([columns, *sorted(rows)]).encode()).hexdigest()


async def test_the_command_answers_as_the_tool_does_and_stores_only_when_it_is_asked_to(
    house: House, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    service = house.service()
    house.log_tools(service, True, False)
    drain(service)
    for name, value in house.environ.items():
        monkeypatch.setenv(name, value)
    assert run(["query", BY_TOOL, "--json"]) == 0
    bare = json.loads(capfd.readouterr().out)
    assert not (house.home / "artifacts").exists()
    assert run(["query", BY_TOOL, "--json", "--store", "--max-rows", "1"]) == 0
    stored = json.loads(capfd.readouterr().out)
    async with client_of(service) as client:
        tool = await call(client, "query", sql=BY_TOOL)
    same = ("columns", "row_count", "query_id", "sql_sha256", "result_sha256")
    assert [{name: answer[name] for name in same} for answer in (bare, stored)] == [{name: tool[name] for name in same}] * 2
    assert (bare["artifact_id"], len(stored["rows"]), stored["truncated"]) == (None, 1, True)
    assert (stored["artifact_id"], stored["link"]) == (tool["artifact_id"], tool["link"])


async def test_a_question_about_queries_does_not_change_its_own_answer(house: House) -> None:
    service = house.service()
    service.log("sql_event", {"sql": "SELECT 1", "success": True})
    drain(service)
    hashes = []
    for _ in range(2):
        async with client_of(service) as client:
            hashes.append((await call(client, "query", sql="SELECT COUNT(*) FROM VW_SQL_EVENTS"))["result_sha256"])
        drain(service)
    assert hashes[0] == hashes[1]


async def test_a_large_result_is_previewed_and_whole_in_its_file_and_its_resource(house: House) -> None:
    service = house.service()
    house.log_tools(service, True)
    drain(service)
    async with client_of(service) as client:
        wide = await call(client, "query", sql="SELECT i, REPEAT('x', 20000) AS wide FROM range(50) AS t(i)")
        long = await call(client, "query", sql="SELECT i FROM range(12000) AS t(i)", max_rows=3)
        resource = await client.read_resource(f"activity://artifact/{wide['artifact_id']}")
    assert (len(wide["rows"]), wide["row_count"], wide["truncated"]) == (6, 50, True)  # 6 rows fit in 128 KiB
    assert (long["rows"], long["row_count"], long["truncated"]) == ([[0], [1], [2]], 10_000, True)
    assert len(Path(wide["link"].removeprefix("file://")).read_bytes().splitlines()) == 51
    read = json.loads(resource.contents[0].text)  # type: ignore[union-attr]
    assert (read["columns"], len(read["rows"]), read["truncated"], read["row_count"]) == (["i", "wide"], 13, True, 50)
    assert read["expires_at"] == wide["expires_at"] > read["stored_at"]


async def test_an_artifact_ends_when_it_said_so_and_its_files_leave_with_it(house: House) -> None:
    service = house.service()
    async with client_of(service) as client:
        rows = [{"day": "2026-01-01", "orders": 3, "password": "hunter2"}, {"day": "2026-01-02", "orders": 4.5}]
        stored = await call(client, "store_artifact", artifact_type="table", rows=rows, expires_hours=1)
        again = await call(client, "store_artifact", artifact_type="table", rows=rows, expires_hours=1)
        text = await call(client, "store_artifact", artifact_type="report", content="All is well.", expires_hours=100)
        assert again["artifact_id"] == stored["artifact_id"] != text["artifact_id"]
        assert (stored["row_count"], stored["content_schema"]) == (
            2,
            [
                {"name": "day", "type": "string"},
                {"name": "orders", "type": "integer number"},
                {"name": "password", "type": "null string"},
            ],
        )
        assert stored["sample_rows"][0] == {"day": "2026-01-01", "orders": 3, "password": "[redacted:password]"}
        assert "hunter2" not in "".join(path.read_text() for path in Path(house.home, "artifacts").iterdir())
        house.clock.advance(2 * 3600)
        with pytest.raises(Exception, match=r"no artifact|no warehouse"):
            await client.read_resource(f"activity://artifact/{stored['artifact_id']}")
        read = await client.read_resource(f"activity://artifact/{text['artifact_id']}")
        assert json.loads(read.contents[0].text)["content"] == "All is well."  # type: ignore[union-attr]
        await call(client, "store_artifact", artifact_type="report", content="another")
    left = {name.split(".")[0] for name in os.listdir(house.home / "artifacts")}
    assert stored["artifact_id"] not in left
    assert text["artifact_id"] in left


async def test_an_insight_without_provenance_is_kept_and_not_shown_and_a_made_up_artifact_is_refused(house: House) -> None:
    service = house.service()
    house.log_tools(service, True)
    drain(service)
    async with client_of(service) as client:
        bare = await call(client, "record_insight", subject="s", metric="m", value=1)
        named = await call(client, "record_insight", subject="s", metric="of a query elsewhere", value=2, query_id="01b2-query")
        said = await refused(client, "record_insight", subject="s", metric="m", value=3, artifact_id="made-up' OR '1'='1")
        shown = (await call(client, "get_context", context_type="analyst"))["context"]["insights"]
    assert (bare["provenance"], bare["visible"], "artifact_id" in bare["reason"]) == ("none", False, True)
    assert (named["provenance"], named["visible"]) == ("unverified", True)
    assert "there is no artifact" in said
    assert [(entry["metric"], entry["query_id"]) for entry in shown] == [("of a query elsewhere", "01b2-query")]


async def test_a_newer_value_replaces_the_older_one_and_an_expired_one_is_gone(house: House) -> None:
    service = house.service()
    async with client_of(service) as client:
        for value in (1, 2):
            await call(client, "record_insight", subject="s", metric="m", value=value, query_id="q", valid_for_hours=1)
            house.clock.advance(1)
        await call(client, "record_insight", subject="s", metric="other grain", grain="day", value=3, query_id="q")
        before = (await call(client, "get_context", context_type="analyst"))["context"]["insights"]
        house.clock.advance(3600)
        after = (await call(client, "get_context", context_type="analyst"))["context"]["insights"]
    assert [entry["value"] for entry in before] == [3, 2]
    assert [entry["value"] for entry in after] == [3]


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("query", {"sql": "DROP TABLE ARTIFACTS"}, "only one SELECT is run here, this is: DROP; nothing was run"),
    ("query", {"sql": "SELECT 1", "max_rows": 101}, "max_rows must be at most 100, not 101"),
    ("query", {"sql": "SELECT 1", "limit": 3}, "unknown argument 'limit'"),
    ("query", {"sql": "SELECT '" + "x" * 70_000 + "'"}, "the statement has more than 65536 bytes"),
    ("record_insight", {"subject": "s", "metric": "m", "value": None}, "value is missing"),
    ("record_insight", {"subject": " ", "metric": "m", "value": 1}, "subject must not be empty"),
    ("record_insight", {"subject": "s" * 300, "metric": "m", "value": 1}, "subject has 300 characters, at most 255"),
    ("record_insight", {"subject": "s", "metric": "m", "value": 1, "confidence": 1.5}, "confidence must be at most 1, not 1.5"),
    ("record_insight", {"subject": "s", "metric": "m", "value": 1, "valid_for_hours": 0}, "valid_for_hours must be over 0"),
    ("record_insight", {"subject": "s", "metric": "m", "value": "x" * 140_000}, "bytes, at most 131072 are kept"),
    ("store_artifact", {"artifact_type": "table"}, "takes either rows or content; nothing was stored"),
    ("store_artifact", {"artifact_type": "table", "rows": [], "content": "x"}, "takes either rows or content"),
    ("store_artifact", {"artifact_type": "table", "rows": [1], "expires_hours": -1}, "expires_hours must be over 0"),
    ("store_artifact", {"artifact_type": "report", "content": "x" * (9 << 20)}, "more than 8 MiB; nothing was stored"),
]


async def test_what_is_refused_is_reported_and_leaves_nothing_behind(house: House) -> None:
    service = house.service()
    house.log_tools(service, True)
    drain(service)
    async with client_of(service) as client:
        for tool, arguments, says in REFUSED:
            assert says in await refused(client, tool, **arguments), (tool, says)
        noted = {activity.feature_json["method"] for activity in service.call_log.drain()}
        assert noted == {
            "query",
            "tools/call record_insight",
            "tools/call store_artifact",
        }  # else it would be read as an insight
        assert (await call(client, "get_context"))["pending_local"] == 0
    drain(service)
    assert house.rows(service, "SELECT COUNT(*) FROM VW_ACTIVITY_STREAM WHERE event_name <> 'mcp_event'") == [[1]]
    assert house.rows(service, "SELECT (SELECT COUNT(*) FROM ARTIFACTS) + (SELECT COUNT(*) FROM INSIGHT_ATOMS)") == [[0]]
    assert not (house.home / "artifacts").exists()


async def test_where_recording_is_off_a_question_is_answered_and_nothing_is_stored(house: House) -> None:
    recording = house.service()
    house.log_tools(recording, True)
    drain(recording)
    service = house.service(ACTIVITY_RECORD="off")
    async with client_of(service) as client:
        found = await call(client, "query", sql=BY_TOOL)
        insight = await call(client, "record_insight", subject="s", metric="m", value=1, query_id="q")
        artifact = await call(client, "store_artifact", artifact_type="report", content="x")
    assert (found["rows"], found["artifact_id"]) == ([["Bash", True, 1]], None)
    assert (insight["insight_id"], artifact["artifact_id"]) == (None, None)
    assert all("recording is off" in answer["reason"] for answer in (insight, artifact))
    assert not (house.home / "artifacts").exists()


@pytest.mark.usefixtures("cold_queries")
async def test_a_cancelled_query_ends_its_process_and_stores_nothing_while_others_are_answered(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = house.service()
    house.log_tools(service, True)
    drain(service)
    children: list[Any] = []
    started, gone = threading.Event(), threading.Event()

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            children.append(self)
            started.set()

        def __exit__(self, *given: Any) -> None:  # noqa: PYI036 - handed on as it came
            super().__exit__(*given)
            gone.set()

    monkeypatch.setattr(subprocess, "Popen", Watched)
    reported: list[tuple[float, Any, Any]] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        reported.append((progress, total, message))

    endless = "SELECT COUNT(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"
    async with client_of(service) as client:
        waiting = asyncio.ensure_future(client.call_tool("query", {"sql": endless}, progress_callback=progress))
        await asyncio.to_thread(started.wait, 30)
        while not reported:
            await asyncio.sleep(0.05)
        waiting.cancel()
        assert (await call(client, "get_context"))["freshness"] in ("fresh", "stale", "missing")
        assert await asyncio.to_thread(gone.wait, 30)
    assert [child.returncode for child in children] == [-9]
    assert reported[0][0] >= 0.9
    assert reported[0][1:] == (30.0, "the query is running")
    assert not (house.home / "artifacts").exists()
    noted = [activity.feature_json for activity in service.call_log.drain()]
    assert ("query", "Cancelled") in [(features["method"], features.get("error_type")) for features in noted]
