"""`activity-mcp usage`: the sums of what was recorded, as JSON, as CSV, and as a person sees them."""

from __future__ import annotations

import csv
import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from activity_mcp.activity import build
from activity_mcp.cli.usage_view import show_usage
from activity_mcp.clock import iso, parse_iso
from activity_mcp.service import ActivityService
from activity_mcp.usage.sums import KEYS, Sum, Usage, read_usage
from cli.conftest import call, home
from cli.outcome import Call
from deployed import put_warehouse
from usage.genuine import FOLDER, TOKENS, TOTAL_USD

__all__ = ["call", "home"]
AT = "2026-11-27T10:00:00Z"


def request(number: int, **features: Any) -> dict[str, Any]:
    """An llm_event; ``beside``: what is not of its features."""
    given = {"model": "claude-opus-5-5", "prompt_tokens": 10, "completion_tokens": 1, "cost_usd": 0.5, "cost_source": "otel"}
    made = {"ts": AT, "activity_id": f"r{number}", **features.pop("beside", {})}
    return {**made, "feature_json": {**given, **features}}


def recorded(*requests: dict[str, Any]) -> None:
    state = Path(os.environ["ACTIVITY_HOME"])
    if not state.exists():
        put_warehouse(state)
    service = ActivityService.from_environ(source="cli")
    for each in requests:
        service.log(
            "llm_event", each["feature_json"], **{name: value for name, value in each.items() if name != "feature_json"}
        )
    service.close()


def usage(call: Call, *arguments: str) -> dict[str, Any]:
    outcome = call("usage", *arguments, "--json")
    assert outcome.code == 0, outcome.err
    document: dict[str, Any] = outcome.json
    return document


@pytest.fixture
def genuine(call: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The genuine session, imported long after it ended."""
    at_s = time.time() + 3600
    monkeypatch.setattr("activity_mcp.clock.SystemClock.time_us", lambda self: round(at_s * 1e6))
    assert call("import", str(FOLDER)).code == 0
    return call


def test_the_sums_of_a_genuine_session_are_those_of_its_client(genuine: Call) -> None:
    for by in ("daily", "weekly", "monthly", "session", "project", "branch"):
        (row,) = usage(genuine, by)["rows"]
        assert row["cost_usd"] == pytest.approx(TOTAL_USD, abs=1e-9), by
        assert {name: row[name] for name in TOKENS} == TOKENS, by
    total = usage(genuine, "agent")["total"]
    assert (total["requests"], total["cost_estimated_usd"]) == (5, total["cost_usd"])
    assert {row["key"]: row["requests"] for row in usage(genuine, "agent")["rows"]} == {
        "main conversation": 3,
        "general-purpose": 2,
    }
    assert {row["key"]: row["requests"] for row in usage(genuine, "model")["rows"]} == {
        "claude-opus-5-5": 3,
        "claude-haiku-5-5": 2,
    }


def test_every_table_can_be_asked_for_and_says_nothing_where_nothing_is(call: Call) -> None:
    for by in KEYS:
        found = usage(call, by)
        assert (found["by"], found["rows"], found["total"]["requests"]) == (by, [], 0)
    assert "No request to a model is recorded here yet" in call("usage").out


def test_an_estimate_stays_one_in_every_sum_and_an_unknown_price_is_in_none(call: Call) -> None:
    recorded(
        request(1), request(2, cost_source="estimated", cost_usd=0.25),
        request(3, model="new", cost_usd=None), request(4, request_kind="auxiliary", query_source="compact", cost_usd=0.1),
    )  # fmt: skip
    found = usage(call)
    total = found["total"]
    assert (total["requests"], total["requests_without_cost"], total["requests_auxiliary"]) == (4, 1, 1)
    assert (total["cost_usd"], total["cost_estimated_usd"], total["cost_auxiliary_usd"]) == (0.85, 0.25, 0.1)
    assert found["unpriced_models"] == {"new": 1}
    assert [row["cost_usd"] for row in usage(call, "model")["rows"]] == [0.85, None]
    shown = " ".join(call("usage").out.split())
    assert "$0.85, of which $0.25 estimated" in shown
    assert "Requests without a price, in no sum of dollars: new (1)" in shown
    assert "$0.10 of the sum" in shown


def test_days_are_those_of_utc_and_weeks_begin_on_monday(call: Call) -> None:
    days = ("2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z", "2026-11-29T23:00:00Z", "2026-12-01T00:00:00Z")
    recorded(*(request(number, beside={"ts": day}) for number, day in enumerate(days)))
    assert [row["key"] for row in usage(call)["rows"]] == [day[:10] for day in days]
    assert [(row["key"], row["requests"]) for row in usage(call, "weekly")["rows"]] == [
        ("2026-11-16", 1), ("2026-11-23", 2), ("2026-11-30", 1),
    ]  # fmt: skip
    assert [row["key"] for row in usage(call, "monthly")["rows"]] == ["2026-11", "2026-12"]
    assert [row["key"] for row in usage(call, "daily", "--since", "2026-11-29")["rows"]] == ["2026-11-29", "2026-12-01"]


def test_another_customers_requests_are_in_ones_own_sums_only_when_asked_for(call: Call) -> None:
    recorded(request(1), request(2, beside={"customer": "o'neil\\@example.com"}))
    assert usage(call)["total"]["requests"] == 1
    assert usage(call, "--customer", "o'neil\\@example.com")["total"]["requests"] == 1
    assert usage(call, "--customer", "*")["total"]["requests"] == 2


def test_csv_has_a_row_for_each_key_and_no_total(call: Call) -> None:
    recorded(request(1, model='a"b,c'), request(2))
    rows = list(csv.DictReader(io.StringIO(call("usage", "model", "--csv").out)))
    assert sorted(row["key"] for row in rows) == ['a"b,c', "claude-opus-5-5"]
    assert {row["cost_usd"] for row in rows} == {"0.5"}


def test_what_waits_in_the_queue_is_in_the_sums(call: Call) -> None:
    recorded(request(1))
    assert usage(call)["total"]["requests"] == 1
    recorded(request(2))
    assert usage(call)["total"]["requests"] == 2


@pytest.mark.parametrize("arguments", [("yearly",), ("--since", "soon"), ("--json", "--csv")])
def test_what_cannot_be_meant_is_a_usage_error(call: Call, arguments: tuple[str, ...]) -> None:
    assert call("usage", *arguments).code == 2


@pytest.mark.usefixtures("whole_folds")
def test_the_context_shows_the_same_sums_with_the_part_that_is_an_estimate(call: Call) -> None:
    now = {"ts": iso(round(time.time() * 1e6))}
    recorded(
        request(1, beside=now), request(2, beside=now, cost_source="estimated", cost_usd=0.25),
        request(3, beside=now, cost_usd=None),
    )  # fmt: skip
    assert call("flush").code == 0
    shown = call("context", "--type", "executive", "--json").json["context"]["llm_usage"]["claude-opus-5-5"]["last_7_days"]
    assert (shown["cost_usd"], shown["cost_estimated_usd"], shown["calls_without_cost"]) == (0.75, 0.25, 1)
    row = call("query", "SELECT SUM(cost_usd) AS c, SUM(cost_estimated_usd) AS e FROM VW_PRODUCT_METRICS", "--json").json[
        "rows"
    ][0]
    assert [float(value) for value in row] == [0.75, 0.25]


# --- reconcile


def reconciled(call: Call) -> dict[str, Any]:
    (session,) = call("usage", "--reconcile", "--json").json["sessions"]
    document: dict[str, Any] = session
    return document


def test_a_session_whose_every_request_is_known_agrees_with_its_client(genuine: Call) -> None:
    session = reconciled(genuine)
    assert (session["transcript_requests"], session["exported_requests"], session["exported_usd"]) == (5, 0, None)
    assert session["cost_state_usd"] == session["client_usd"] == pytest.approx(TOTAL_USD, abs=1e-9)
    assert abs(session["difference_usd"]) < 1e-9
    assert session["reason"] == "agrees"
    assert "1 of 1 sessions" in genuine("usage", "--reconcile").out


def session_with(client_usd: float | None, *requests: dict[str, Any], **start: Any) -> None:
    service = ActivityService.from_environ({**os.environ, "CLAUDE_CODE_SESSION_ID": "s1"}, source="cli")
    for number, features in enumerate(requests):
        service.log("llm_event", request(number, **features)["feature_json"], activity_id=f"r{number}")
    if client_usd is not None:
        service.log("session_event", {"session_id": "s1", "event_type": "cost_state", "cost_usd": client_usd})
    if start:
        service.log("session_event", {"session_id": "s1", "event_type": "start", **start})
    service.close()


@pytest.mark.parametrize(
    ("client_usd", "requests", "start", "reason"),
    [
        (None, [{}], {}, "left no sum"),
        (0.501, [{}], {}, "agrees"),
        (0.9, [{}], {}, "stands in no transcript"),
        (0.9, [{}, {"cost_usd": None}], {}, "1 requests have no price"),
        (0.9, [{}], {"start_source": "fork"}, "a fork"),
        (0.2, [{}], {}, "more is counted"),
    ],
)
def test_a_difference_has_its_reason(call: Call, client_usd: float, requests: Any, start: Any, reason: str) -> None:
    session_with(client_usd, *requests, **start)
    assert reason in reconciled(call)["reason"]


def test_the_embedded_engines_own_statement_gives_the_sums_of_the_view(call: Call) -> None:
    odd: list[dict[str, Any]] = [
        {"prompt_tokens": "12", "cost_usd": None}, {"completion_tokens": 2.0, "cost_usd": "0.25"}, {"cost_usd": 1e-9},
        {"model": None, "cost_source": "estimated"}, {"cost_usd": True}, {"prompt_tokens": "1_000", "cost_usd": "0x10"},
        {"request_kind": "subagent", "agent_type": "a", "cost_usd": " 0.5 "}, {"request_kind": "auxiliary", "query_source": "compact"},
        {"skill": "s", "mcp_server": "m", "git_branch": "b", "cache_read_tokens": 5, "cache_creation_tokens": -3},
    ]  # fmt: skip
    put_warehouse(Path(os.environ["ACTIVITY_HOME"]))
    service = ActivityService.from_environ(source="cli")
    origin = service.recorder.origin("import", project="/work/shop", session_id="s1")
    made = []
    for number, features in enumerate(odd * 2):
        given = {"model": "m", "prompt_tokens": 10, "completion_tokens": 1, "cost_usd": 0.1, "cost_source": "otel", **features}
        at = parse_iso(f"2026-11-{1 + number:02d}T10:00:00Z")
        made.append(build("llm_event", given, origin, now_us=at, ts=at, activity_id=f"r{number % 12}", strict=False))
    service.recorder.append_read(made)
    call("flush")
    for by, since_us in [*((by, None) for by in KEYS), ("daily", parse_iso("2026-11-05T00:00:00Z"))]:
        found = [
            read_usage(service.query, by, customer=service.identity.customer, since_us=since_us, is_embedded=is_embedded)
            for is_embedded in (False, True)
        ]
        assert found[0].rows
        assert (by, found[0]) == (by, found[1])
    service.close()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("by", ["monthly", "session", "branch", "agent"])
def test_no_number_is_cut_however_narrow_the_terminal(by: str, width: int) -> None:
    one = Sum(
        "main conversation" if by == "agent" else "2026-11", ["claude-opus-4-6", "claude-haiku-4-5-20251001"], "/work/shop"
    )
    one.last_ts, one.requests, one.prompt_tokens, one.cache_read_tokens = (
        "2026-11-27T15:05:00Z",
        300_000,
        6_900_000,
        15_000_000_000,
    )
    one.cost_usd, one.cost_estimated_usd = 14_928.53, 7_464.27
    total = Sum("total")
    total.add(one)
    out = Console(file=io.StringIO(), width=width, color_system=None)
    show_usage(Usage(by, [one], total, {}), out, "nowhere")
    text = out.file.getvalue()  # type: ignore[attr-defined]
    assert "$14,928.53" in text
    assert "300,000" in text
    assert "15.0B" in text
    assert width > 80 or "Cache read" not in text
    assert width < 200 or "Cache read" in text


@pytest.mark.parametrize("question", [("usage",), ("usage", "--reconcile")])
def test_the_exporter_is_recommended_only_where_claude_code_reports_nowhere(
    call: Call, home: Path, monkeypatch: pytest.MonkeyPatch, question: tuple[str, ...]
) -> None:
    session_with(0.9, {"cost_source": "estimated"})
    settings = home.parent / ".claude" / "settings.json"
    assert "install --otel" in " ".join(call(*question).out.split())
    assert call("install", "--otel").code == 0
    said = " ".join(call(*question).out.split())
    assert "install --otel" not in said
    assert "reports every request here now" in said
    assert call("uninstall").code == 0
    assert "install --otel" in " ".join(call(*question).out.split())
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('{"env": {"OTEL_LOGS_EXPORTER": "otlp"}}')
    assert "reports elsewhere" in " ".join(call(*question).out.split())
    settings.unlink()
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    assert "reports elsewhere" in " ".join(call(*question).out.split())
