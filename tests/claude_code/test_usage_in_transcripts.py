"""What a transcript knows of a request's price, and of its session beside the conversation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.activity import Activity, derived_id
from activity_mcp.redaction import Redactor
from activity_mcp.usage.prices import PriceList
from claude_code.conftest import LATER_US, unique
from usage.genuine import SESSION, SUBAGENT, TOKENS, TOTAL_USD, TRANSCRIPT, requests_exported

M1, M2 = unique("msg", "m1"), unique("msg", "m2")
QUIET_US = 1_800_000_000_000_000


def of(activities: list[Activity], event_name: str) -> list[dict[str, Any]]:
    return [activity.feature_json for activity in activities if activity.event_name == event_name]


def facts(activities: list[Activity], event_type: str) -> list[dict[str, Any]]:
    return [event for event in of(activities, "session_event") if event["event_type"] == event_type]


def test_the_genuine_session_costs_what_its_client_says(read) -> None:
    main, _ = read(TRANSCRIPT, now_us=QUIET_US, estimate=PriceList().estimate)
    sub, _ = read(SUBAGENT, now_us=QUIET_US, estimate=PriceList().estimate)
    events = of(main, "llm_event") + of(sub, "llm_event")
    assert sum(event["cost_usd"] for event in events) == pytest.approx(TOTAL_USD, abs=1e-9)
    assert {event["cost_source"] for event in events} == {"estimated"}
    assert {name: sum(event[name] for event in events) for name in TOKENS} == TOKENS
    assert {event["request_id"] for event in events} == {request["request_id"] for request in requests_exported()}
    assert all(
        activity.revenue_impact == -activity.feature_json["cost_usd"] for activity in sub if activity.event_name == "llm_event"
    )


def test_a_subagents_request_names_its_kind_and_the_call_that_started_it(read) -> None:
    (first, _) = of(read(SUBAGENT, now_us=QUIET_US)[0], "llm_event")
    assert first["agent_type"] == "general-purpose"
    assert (first["agent_id"], first["request_kind"], first["effort"]) == ("a016f67592b300b40", "subagent", "medium")
    calls = [event for event in of(read(TRANSCRIPT, now_us=QUIET_US)[0], "tool_event") if event["tool_name"] == "Agent"]
    assert [first["tool_use_id"]] == [call["tool_use_id"] for call in calls]


def test_the_clients_own_sum_is_a_fact_of_the_session_with_each_models_part(read) -> None:
    (state,) = facts(read(TRANSCRIPT, now_us=QUIET_US)[0], "cost_state")
    assert (state["session_id"], state["cost_usd"]) == (SESSION, TOTAL_USD)
    assert state["cost_by_model"]["claude-haiku-5-5"] == {
        "prompt_tokens": 15, "completion_tokens": 7, "cache_read_tokens": 4000, "cache_creation_tokens": 200,
        "web_searches": 0, "cost_usd": 7.6e-05,
    }  # fmt: skip
    assert sum(model["cost_usd"] for model in state["cost_by_model"].values()) == pytest.approx(TOTAL_USD)


def test_a_response_names_what_its_price_depends_on(script, read) -> None:
    usage = {
        "input_tokens": 5, "output_tokens": 1, "cache_creation_input_tokens": 90, "speed": "fast", "service_tier": "standard",
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 60},
        "server_tool_use": {"web_search_requests": 2},
    }  # fmt: skip
    script.says("a", M1, usage, effort="high")
    script.says("b", M1, usage | {"cache_creation": {"ephemeral_5m_input_tokens": -1, "ephemeral_1h_input_tokens": "many"}})
    (event,) = of(read(script.path)[0], "llm_event")
    assert (event["cache_creation_5m_tokens"], event["cache_creation_1h_tokens"], event["web_searches"]) == (30, 60, 2)
    assert (event["speed"], event["service_tier"], event["effort"], event["cli_version"]) == (
        "fast",
        "standard",
        "high",
        "2.1.240",
    )


def test_a_response_is_named_by_its_request_and_without_one_by_its_message(script, read) -> None:
    request = unique("req", "r1")
    script.says("a", M1, requestId=request)
    script.says("b", "msg_bdrk_01" + "B" * 22, requestId=...)
    ids = [activity.activity_id for activity in read(script.path)[0] if activity.event_name == "llm_event"]
    assert ids == [
        derived_id("llm_event", "request_id", request),
        derived_id("llm_event", "message_id", "msg_bdrk_01" + "B" * 22),
    ]


def test_a_gateway_that_gives_every_request_one_id_loses_no_response(script, read) -> None:
    request = unique("req", "same")
    script.says("a", M1, requestId=request)
    script.says("b", M2, requestId=request)
    ids = {activity.activity_id for activity in read(script.path)[0] if activity.event_name == "llm_event"}
    assert len(ids) == 2


def test_a_subagent_that_begins_with_its_parents_responses_does_not_pay_for_them_again(script, read, tmp_path: Path) -> None:
    """Also where the parent was read by an earlier import, so that only its file knows."""
    script.says("parent's", M1, requestId=unique("req", "r1"))
    folder = tmp_path / "s1" / "subagents"
    folder.mkdir(parents=True)
    agent = type(script)(folder / "agent-7.jsonl")
    side = {"isSidechain": True, "agentId": "7"}
    agent.says("parent's", M1, requestId=unique("req", "another"), **side)
    agent.says("own", M2, requestId=unique("req", "r2"), **side)
    assert [event["request_id"] for event in of(read(agent.path)[0], "llm_event")] == [unique("req", "r2")]


def test_what_a_session_is_called_and_made_and_how_it_went_are_facts_of_it(script, read) -> None:
    script.prompt("go")
    script.line("ai-title", aiTitle="Mend the report; password=hunter2secret", timestamp=...)
    script.line("custom-title", customTitle="The report")
    script.line("pr-link", prNumber=7, prUrl="https://github.com/acme/shop/pull/7", prRepository="acme/shop")
    script.line("system", subtype="turn_duration", durationMs=5120)
    script.line("system", subtype="compact_boundary", compactMetadata={"trigger": "auto", "preTokens": 990_000})
    script.line("system", subtype="api_error", error={"status": 529, "message": "Overloaded"}, retryAttempt=1)
    script.line("system", subtype="informational", content="nothing of it")
    script.line("cost-state", totalCostUSD=1.5, modelUsage=None, timestamp=...)
    activities, reader = read(script.path, redactor=Redactor())
    titles = facts(activities, "title")
    assert [title["reason"] for title in titles] == ["ai-title", "custom-title"]
    assert titles[0]["title"].startswith("Mend the report")
    assert "hunter2secret" not in json.dumps(titles)
    assert [activity.link for activity in activities if activity.activity == "pull_request"] == [
        "https://github.com/acme/shop/pull/7"
    ]
    assert facts(activities, "turn_duration")[0]["duration_ms"] == 5120
    assert facts(activities, "compaction")[0]["reason"] == "auto"
    assert facts(activities, "api_error")[0]["error"] == "Overloaded"
    assert facts(activities, "cost_state")[0]["cost_usd"] == 1.5
    assert reader.report.skipped_types == {"system": 1}
    assert reader.report.problems == {}
    assert facts(read(script.path, prompts="hash")[0], "title") == []  # a title is made of the prompt


@pytest.mark.parametrize("total", [-1, "much", None, True, float("inf")])
def test_a_sum_that_can_be_none_is_no_fact(script, read, total: Any) -> None:
    script.prompt("go")
    script.line("cost-state", totalCostUSD=total, modelUsage={"m": 5})
    assert facts(read(script.path, now_us=LATER_US)[0], "cost_state") == []
