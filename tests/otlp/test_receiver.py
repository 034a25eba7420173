"""What the exporter reports becomes one event each; what cannot be one is answered, counted, and never counted twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.activity import derived_id
from activity_mcp.errors import QueueFull
from activity_mcp.otlp.places import Place, SessionPlaces
from otlp.exporter import PLAIN, SESSION, TOKEN, Rig, body, record, request
from usage.genuine import PROJECT, TOKENS, TOTAL_USD, batches
from usage.genuine import SESSION as GENUINE

REQUEST = "req_" + "7" * 24


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_genuine_export_adds_up_to_the_clients_own_total_to_the_last_digit(rig: Rig) -> None:
    for each in batches():
        assert rig.receiver.take("/v1/logs", "application/json", json.dumps(each).encode()).status == 200
    events = rig.features()
    assert sum(event["cost_usd"] for event in events) == pytest.approx(TOTAL_USD, abs=1e-15)
    assert {name: sum(event[name] for event in events) for name in TOKENS} == TOKENS
    assert {(event["cost_source"], event["token_source"]) for event in events} == {("otel", "otel")}
    assert [event["request_kind"] for event in events] == ["main", "main", "subagent", "subagent", "main"]
    assert {event.get("agent_type") for event in events} == {None, "general-purpose"}
    first = events[0]
    assert (first["latency_ms"], first["total_latency_ms"], first["speed"], first["effort"]) == (63, 140, "normal", "medium")
    assert (first["cache_creation_5m_tokens"], first["cache_creation_1h_tokens"], first["cli_version"]) == (400, 600, "2.1.332")
    assert first["git_branch"] == "main"
    assert {activity.session_id for activity in rig.recorded} == {GENUINE}
    assert (
        rig.receiver.counts.left_out
        == len([r for b in batches() for r in b["resourceLogs"][0]["scopeLogs"][0]["logRecords"]]) - 9
    )


def test_a_request_is_named_by_its_id_as_its_transcript_names_it(rig: Rig) -> None:
    rig.send(record(model="m", input_tokens=1, request_id=REQUEST))
    assert [activity.activity_id for activity in rig.recorded] == [derived_id("llm_event", "request_id", REQUEST)]
    assert rig.recorded[0].source == "otel"
    assert (rig.recorded[0].project, rig.recorded[0].session_id) == ("/work/shop", SESSION)


def test_numbers_may_be_texts_and_names_may_be_long(rig: Rig) -> None:
    numbers: dict[str, Any] = {"input_tokens": "12", "output_tokens": 3.0, "cost_usd": "0.5", "duration_ms": "7"}
    rig.send(record(long=True, model="m", request_id=REQUEST, **numbers))
    rig.send({"eventName": "api_request", "attributes": record(model="m", input_tokens=5, request_id=REQUEST)["attributes"]})
    assert [event["prompt_tokens"] for event in rig.features()] == [12, 5]
    assert (rig.features()[0]["completion_tokens"], rig.features()[0]["cost_usd"]) == (3, 0.5)


@pytest.mark.parametrize("cost", [-1.0, 1e9, "much", True, None])
def test_an_absurd_cost_is_none_and_an_estimate_takes_its_place(rig: Rig, cost: Any) -> None:
    rig.send(request(1, cost_usd=cost, input_tokens=1_000_000, output_tokens=0))
    (event,) = rig.features()
    assert (event["cost_usd"], event["cost_source"]) == (4.0, "estimated")
    rig.send(request(2, cost_usd=cost, model="unheard of"))
    assert "cost_usd" not in rig.features()[1]


@pytest.mark.parametrize("tokens", [-5, 1 << 60, "many", 1.5, True])
def test_a_number_that_can_be_no_count_is_left_out(rig: Rig, tokens: Any) -> None:
    rig.send(request(1, input_tokens=tokens))
    assert [(event["prompt_tokens"], event["completion_tokens"]) for event in rig.features()] == [(0, 1)]


@pytest.mark.parametrize("request_id", [None, "", "call_1", "req_short"])
def test_a_request_without_a_unique_id_is_kept_beside_the_sums(rig: Rig, request_id: str | None) -> None:
    """Its transcript names it otherwise: as an llm_event it would be counted twice."""
    for _ in range(2):
        rig.send(request(1, request_id=request_id, time_us=5_000_000, event__sequence=3))
    assert rig.features() == []
    assert rig.features("session_event")[0] == {
        "session_id": SESSION, "event_type": "unnamed_request", "model": "claude-opus-5-5", "cost_usd": 0.25,
    }  # fmt: skip
    assert len({activity.activity_id for activity in rig.recorded}) == 1


def test_a_compaction_is_a_request_that_claude_code_made_for_itself(rig: Rig) -> None:
    for number, source in enumerate(("compact", "repl_main_thread", "repl_main_thread:outputStyle:x", "agent:custom", "sdk")):
        rig.send(request(number, query_source=source))
    assert [event["request_kind"] for event in rig.features()] == ["auxiliary", "main", "main", "subagent", "main"]


def test_an_attempt_that_failed_is_no_call_and_costs_nothing(rig: Rig) -> None:
    rig.send(
        record(
            "api_error", error="529 Overloaded, key sk-ant-api03-" + "x" * 80, status_code="529", request_id=REQUEST, model="m"
        )
    )
    assert rig.features() == []
    (event,) = rig.features("session_event")
    assert (event["event_type"], event["model"]) == ("api_error", "m")
    assert event["error"].startswith("529 Overloaded")
    assert "xxxx" not in event["error"]


def test_a_calls_sizes_and_error_class_come_as_a_part_of_the_same_call(rig: Rig) -> None:
    call_id = "toolu_" + "1" * 24
    rig.send(
        record(
            "tool_result",
            tool_name="Bash",
            tool_use_id=call_id,
            success="false",
            duration_ms="12",
            error_type="ShellError",
            tool_input_size_bytes="24",
        )
    )
    rig.send(record("tool_result", tool_name="mcp_tool", tool_use_id="toolu_" + "2" * 24, success="true"))
    rig.send(record("tool_result", tool_name="mcp__activity__query", tool_use_id="toolu_" + "3" * 24, success="true"))
    rig.send(record("tool_result", tool_name="Bash", tool_use_id="call_0", success="true"))
    (activity,) = rig.recorded
    assert activity.activity_id == derived_id("tool_event", "tool_use_id", call_id)
    assert activity.feature_json == {
        "tool_name": "Bash", "success": False, "tool_use_id": call_id, "_partial": True, "latency_ms": 12.0,
        "error_type": "ShellError", "input_size": 24,
    }  # fmt: skip


def test_what_is_not_known_is_counted_and_answered(rig: Rig) -> None:
    assert (
        rig.send(record("brand_new", anything="x"), record("user_prompt", prompt="<REDACTED>"), {"attributes": 5}, 7).status
        == 200
    )
    assert rig.recorded == []
    assert (rig.receiver.counts.stored, rig.receiver.counts.left_out) == (0, 2)
    for path in ("/v1/metrics", "/v1/traces"):
        assert rig.receiver.take(path, "application/json", b"{}").status == 200
    assert rig.receiver.counts.other_signals == 2


@pytest.mark.parametrize(
    "garbage", [b"", b"\x00\xff", b"[]", b"7", b'{"resourceLogs": 5}', b"[" * 100_000, b'{"resourceLogs": [{']
)
def test_only_what_cannot_be_read_is_refused_for_good(rig: Rig, garbage: bytes) -> None:
    assert rig.receiver.take("/v1/logs", "application/json", garbage).status == 400


@pytest.mark.parametrize(
    "odd", ["{}", '{"resourceLogs": [null, 5, {"scopeLogs": {}}, {"resource": [], "scopeLogs": [{"logRecords": [null]}]}]}']
)
def test_what_is_odd_but_can_be_read_is_taken(rig: Rig, odd: str) -> None:
    assert rig.receiver.take("/v1/logs", "application/json; charset=utf-8", odd.encode()).status == 200


def test_a_full_queue_is_said_so_that_the_exporter_keeps_the_batch(rig: Rig) -> None:
    rig.refusal = QueueFull("the queue is full")
    answer = rig.send(request(1))
    assert (answer.status, answer.headers["Retry-After"]) == (429, "5")
    assert rig.receiver.counts.stored == 0
    rig.refusal = None
    assert rig.send(request(1)).status == 200
    assert len(rig.recorded) == 1


def test_a_time_that_can_be_none_is_the_time_it_came(rig: Rig) -> None:
    now_us = rig.clock.time_us()
    for number, time_us in enumerate((now_us - 5_000_000, now_us + 3600_000_000 * 30, 0, None)):
        rig.send(request(number, time_us=time_us))
    assert [activity.ts == rig.recorded[1].ts for activity in rig.recorded] == [False, True, True, True]


def test_who_may_report_is_seen_by_the_head_of_a_request(rig: Rig) -> None:
    def status(method: str = "POST", path: str = "/v1/logs", **headers: str) -> int | None:
        refusal = rig.receiver.refusal(method, path, {"Authorization": f"Bearer {TOKEN}", **headers})
        return refusal.status if refusal else None

    assert status() is None
    assert status(Authorization="") == 401
    assert status(Authorization=f"Bearer {TOKEN[:-1]}") == 401
    assert status(Origin="https://example.com") == 403
    assert status(path="/") == 404
    assert status("GET") == 405
    assert rig.receiver.take("/v1/logs", "text/plain", b"{}").status == 415
    assert PLAIN["Authorization"] == f"Bearer {TOKEN}"


def test_protobuf_says_the_same_as_json(rig: Rig) -> None:
    pytest.importorskip("opentelemetry.proto", reason="needs the extra: pip install 'activity-mcp[otel]'")
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    other = Rig()
    for each in batches():
        rig.receiver.take("/v1/logs", "application/json", json.dumps(each).encode())
        packed = ParseDict(each, ExportLogsServiceRequest(), ignore_unknown_fields=True).SerializeToString()
        answer = other.receiver.take("/v1/logs", "application/x-protobuf", packed)
        assert (answer.status, answer.body) == (200, b"")
    assert [activity.feature_json for activity in other.recorded] == [activity.feature_json for activity in rig.recorded]
    assert [activity.ts for activity in other.recorded] == [activity.ts for activity in rig.recorded]
    assert rig.receiver.take("/v1/logs", "application/x-protobuf", b"\xff\xff garbage").status == 400


def test_a_sessions_place_is_what_its_transcript_says(tmp_path: Path) -> None:
    from usage.genuine import TRANSCRIPT

    places = SessionPlaces(lambda: [str(tmp_path)])
    assert places.of(GENUINE) == Place()  # not there yet
    folder = tmp_path / "-home-maya-measured"
    folder.mkdir()
    (folder / TRANSCRIPT.name).write_bytes(TRANSCRIPT.read_bytes())
    assert places.of(GENUINE) == Place(PROJECT, "main")
    with (folder / TRANSCRIPT.name).open("a") as file:
        file.write('{"type":"user","gitBranch":"fix/it","cwd":"/elsewhere"}\n')
    assert places.of(GENUINE) == Place(PROJECT, "fix/it")
    for name in (None, "", "../../etc/passwd", "*", "x" * 500):
        assert places.of(name) == Place()


def test_an_empty_body_in_each_encoding_is_no_request(rig: Rig) -> None:
    assert body() != b""
    assert rig.receiver.take("/v1/logs", "application/json", body()).status == 200


@pytest.mark.parametrize("member", ["model", "session.id", "request_id", "agent.name", "query_source", "unheard of \ud83d"])
def test_half_a_character_that_javascript_cut_loses_no_request_of_the_batch(rig: Rig, member: str) -> None:
    """As JSON.stringify writes a text that was cut within a character; one that is written in halves is whole."""
    odd = request(1)
    odd["attributes"] = [pair for pair in odd["attributes"] if pair["key"] != member]
    odd["attributes"].append({"key": member, "value": {"stringValue": "a \ud83d\ude00 b \ud83d"}})
    assert rig.send(odd, request(2), {"eventName": "\ud83d", "attributes": []}).status == 200
    assert [event["request_id"] for event in rig.features() if event["request_id"].endswith("2")] == [f"req_{2:024d}"]
    assert len(rig.recorded) == 2
    for activity in rig.recorded:
        assert json.loads(activity.line())["activity_id"] == activity.activity_id
    if member == "model":
        assert rig.features()[0]["model"] == "a \U0001f600 b \ufffd"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400", "9" * 400])
def test_a_number_that_is_none_is_left_out_and_its_batch_is_taken(rig: Rig, number: str) -> None:
    made = body(request(1, cost_usd=0.5), request(2)).replace(b'"doubleValue": 0.5', f'"doubleValue": {number}'.encode())
    made = made.replace(b'"intValue": 10', f'"intValue": {number}'.encode())
    assert rig.receiver.take("/v1/logs", "application/json", made).status == 200
    assert len(rig.features()) == 2
