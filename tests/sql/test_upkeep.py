"""Clean-up, accepted drift and quarantine: what people and the daily task do to what is derived."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from activity_mcp.warehouse.duckdb.retention import clean_up
from sql.refresh_events import NOW, row
from sql.refreshed import Refreshed
from sql.support import Executed, fill, statements, table

DAY = timedelta(days=1)


def run(made: Refreshed, name: str, **parameters: Any) -> None:
    (text,) = statements(name)
    made.connection.execute(text, parameters)


def with_holds() -> Refreshed:
    made = Refreshed()
    assert table(made.connection, "LEGAL_HOLDS") == []
    return made


def test_what_has_expired_leaves_unless_it_is_pinned_or_held() -> None:
    made = with_holds()
    places = {"activity_id": "a", "channel_id": "c", "stream_offset": "o", "updated_at": NOW}
    artifacts: dict[str, dict[str, Any]] = {
        "gone": {"expires_at": NOW}, "soon": {"expires_at": NOW + DAY}, "for ever": {"expires_at": None},
        "pinned": {"expires_at": NOW - DAY, "pinned": True}, "held": {"expires_at": NOW - DAY, "customer": "ada"},
    }  # fmt: skip
    insights: dict[str, dict[str, Any]] = {
        "gone": {"valid_until": NOW - 30 * DAY}, "lately": {"valid_until": NOW - 29 * DAY}, "for ever": {"valid_until": None},
        "held": {"valid_until": NOW - 90 * DAY, "customer": "ada"},
    }  # fmt: skip
    common = {"customer": "bea", "pinned": False, "stored_at": NOW - 99 * DAY} | places
    fill(made.connection, "ARTIFACTS", [common | {"artifact_id": name} | given for name, given in artifacts.items()])
    common = {"customer": "bea", "is_quarantined": False, "recorded_at": NOW - 99 * DAY} | places
    fill(made.connection, "INSIGHT_ATOMS", [common | {"insight_id": name} | given for name, given in insights.items()])
    held = {"hold_id": "1", "customer": "ada", "reason": "a case", "placed_by": "legal", "placed_at": NOW}
    fill(made.connection, "LEGAL_HOLDS", [held])
    assert clean_up(Executed(made.connection)) == {"ARTIFACTS": 1, "INSIGHT_ATOMS": 1}
    assert {row["artifact_id"] for row in table(made.connection, "ARTIFACTS")} == artifacts.keys() - {"gone"}
    assert {row["insight_id"] for row in table(made.connection, "INSIGHT_ATOMS")} == insights.keys() - {"gone"}


def insight(number: int, **features: Any) -> dict[str, Any]:
    reported = {"method": "record_insight", "latency_ms": 1, "insight_id": f"i{number}", "value": number, "query_id": "q"}
    return row(number, "mcp_event", NOW, reported | features, source="mcp")


def shown(made: Refreshed) -> list[str]:
    return [reported["insight_id"] for reported in made.blob().get("insights", [])]


def test_an_accepted_drift_gives_back_the_insights_it_had_quarantined() -> None:
    made = Refreshed()
    made.take(insight(1, source_events=["tool_event"]), insight(2, source_events=["sql_event"]))
    made.take(row(3, "tool_event", NOW, {"tool_name": "Bash", "success": True, "latency_ms": "slow"}))
    assert shown(made) == ["i2"]
    (drift,) = [found for found in made.rows("SCHEMA_DRIFT") if found["drift_kind"] == "type_changed"]
    run(made, "run_accept_drift.sql", accepted_id="another")
    made.take(row(4, "session_event", NOW, {"session_id": "s", "event_type": "start"}))
    assert shown(made) == ["i2"]
    run(made, "run_accept_drift.sql", accepted_id=drift["drift_id"])
    made.take(row(5, "session_event", NOW, {"session_id": "s", "event_type": "end"}))
    assert sorted(shown(made)) == ["i1", "i2"]
    made.set_clock(NOW + DAY)
    run(made, "run_accept_drift.sql", accepted_id=drift["drift_id"])
    (again,) = [found for found in made.rows("SCHEMA_DRIFT") if found["drift_id"] == drift["drift_id"]]
    assert again["accepted_at"] == NOW, "accepted once, it stays so"


def test_an_insight_that_a_person_doubts_leaves_and_no_drift_brings_it_back() -> None:
    made = Refreshed()
    made.take(insight(1, source_events=["tool_event"]), insight(2))
    run(made, "run_quarantine.sql", doubtful_id="i1", why="measured on a Sunday")
    made.take(row(3, "tool_event", NOW, {"tool_name": "Bash", "success": True, "latency_ms": "slow"}))
    assert shown(made) == ["i2"]
    for drift in made.rows("SCHEMA_DRIFT"):
        run(made, "run_accept_drift.sql", accepted_id=drift["drift_id"])
    made.take(row(4, "tool_event", NOW, {"tool_name": "Bash", "success": True}))
    assert shown(made) == ["i2"]
    (doubted,) = [found for found in made.rows("INSIGHT_ATOMS") if found["insight_id"] == "i1"]
    assert (doubted["is_quarantined"], doubted["quarantine_reason"]) == (True, "measured on a Sunday")


def test_features_whose_names_suggest_secrets_are_found_unless_they_were_redacted() -> None:
    from sql.support import insert_stream, stream_row, warehouse

    connection = warehouse()
    connection.execute(f"CREATE OR REPLACE MACRO utc_now() AS TIMESTAMP '{NOW}'")
    features = {"User_Email": "ada@example.com", "api_key": "[redacted:secret]", "tool_name": "Bash", "home_address": None}
    insert_stream(connection, [stream_row(n, "tool_event", features, ts=NOW - n * 3 * DAY) for n in range(4)])
    assert table(connection, "V_SENSITIVE_FEATURES") == [
        {"event_name": "tool_event", "feature_name": "User_Email", "kind": "person", "activities": 3, "newest_ts": NOW}
    ]
