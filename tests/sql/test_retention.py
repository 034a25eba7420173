"""What is too old leaves, and what is held stays: against a plain reading of the rules, on rows of every age and scope."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from activity_mcp.warehouse.duckdb.retention import apply_retention
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from sql.support import Executed, fill, insert_stream, stream_row, table, warehouse

Row = dict[str, Any]
NOW = datetime(2026, 11, 22, 22, 40)
DAY = timedelta(days=1)
TIME_OF = {"CLAUDE_STREAM_V2": "ts", "ACTIVITY_STREAM": "ts", "INSIGHT_ATOMS": "recorded_at", "ARTIFACTS": "stored_at"}
SCOPES = ("customer", "org_id", "project", "session_id")


@cache
def deployed() -> duckdb.DuckDBPyConnection:
    connection = warehouse()
    connection.execute(f"CREATE OR REPLACE MACRO utc_now() AS TIMESTAMP '{NOW}'")
    connection.execute("BEGIN TRANSACTION")
    return connection


def at() -> duckdb.DuckDBPyConnection:
    """The deployed tables, empty: what the test before put there is rolled back."""
    connection = deployed()
    connection.execute("ROLLBACK")
    connection.execute("BEGIN TRANSACTION")
    return connection


def hold(number: int, **columns: Any) -> Row:
    return {"hold_id": f"case {number}", "reason": "a case", "placed_by": "legal", "placed_at": NOW} | columns


def random_scope(rng: random.Random) -> Row:
    return {
        "customer": rng.choice(("ada", "bea", "cid")),
        "org_id": rng.choice((None, "acme", "other")),
        "project": rng.choice((None, "/a", "/b")),
        "session_id": rng.choice((None, "s1", "s2")),
    }


def random_holds(rng: random.Random) -> list[Row]:
    made = []
    for number in range(rng.randrange(5)):
        scope = {name: value for name, value in random_scope(rng).items() if rng.random() < 0.6}
        start = NOW - rng.randrange(600) * DAY
        times = {"from_ts": start, "until_ts": start + rng.randrange(1, 300) * DAY, "released_at": NOW - DAY}
        scope |= {name: value for name, value in times.items() if rng.random() < (0.2 if name == "released_at" else 0.5)}
        if scope:
            made.append(hold(number, **scope))
    return made


def held(row: Row, ts: datetime, holds: list[Row], scopes: tuple[str, ...] = SCOPES) -> bool:
    """The rule as LEGAL_HOLDS tells it: what is not set means any."""
    return any(
        one.get("released_at") is None
        and all(one.get(scope) in (None, row[scope]) for scope in scopes)
        and (one.get("from_ts") is None or one["from_ts"] <= ts)
        and (one.get("until_ts") is None or ts < one["until_ts"])
        for one in holds
    )


def random_rows(rng: random.Random) -> dict[str, list[Row]]:
    def age() -> datetime:
        return NOW - rng.choice((rng.random() * 400, 180, 180.0000001, 90, 90.0000001, 179, 0)) * DAY

    stream = [stream_row(n, "tool_event", {}, ts=age(), **random_scope(rng)) for n in range(150)]
    places = {"activity_id": "a", "channel_id": "c", "stream_offset": "o", "updated_at": NOW}
    insights = [
        {"insight_id": f"i{n}", "recorded_at": age(), "is_quarantined": False, "valid_until": rng.choice((None, age(), NOW + DAY))}
        | random_scope(rng) | places
        for n in range(80)
    ]  # fmt: skip
    artifacts = [
        {"artifact_id": f"f{n}", "stored_at": age(), "pinned": rng.random() < 0.2} | random_scope(rng) | places
        for n in range(80)
    ]
    first = [
        {"activity_id": f"v{n}", "ts": age(), "customer": rng.choice(("ada", "bea")), "activity": "did"} for n in range(80)
    ]
    return {"CLAUDE_STREAM_V2": stream, "INSIGHT_ATOMS": insights, "ARTIFACTS": artifacts, "ACTIVITY_STREAM": first}


def stays(name: str, row: Row, holds: list[Row], keep_days: int) -> bool:
    ts = row[TIME_OF[name]]
    if name == "ARTIFACTS":
        return bool(row["pinned"]) or ts >= NOW - 90 * DAY or held(row, ts, holds)
    last = max(ts, row.get("valid_until") or ts)
    return last >= NOW - keep_days * DAY or held(row, ts, holds, SCOPES[:1] if name == "ACTIVITY_STREAM" else SCOPES)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_too_old_leaves_unless_a_hold_in_force_names_it(seed: int) -> None:
    rng = random.Random(seed)
    keep_days = rng.choice((180, 30, 400))
    connection, rows, holds = at(), random_rows(rng), random_holds(rng)
    insert_stream(connection, rows["CLAUDE_STREAM_V2"])
    for name in ("INSIGHT_ATOMS", "ARTIFACTS", "ACTIVITY_STREAM"):
        fill(connection, name, rows[name])
    if holds:
        fill(connection, "LEGAL_HOLDS", holds)
    removed = apply_retention(Executed(connection), keep_days=keep_days)
    for name, key in (("CLAUDE_STREAM_V2", "activity_id"), ("INSIGHT_ATOMS", "insight_id"), ("ARTIFACTS", "artifact_id"),
                      ("ACTIVITY_STREAM", "activity_id")):  # fmt: skip
        expected = {row[key] for row in rows[name] if stays(name, row, holds, keep_days)}
        assert {row[key] for row in table(connection, name)} == expected, name
        assert removed[name] == len(rows[name]) - len(expected)
    assert len(table(connection, "LEGAL_HOLDS")) == len(holds)


def test_a_hold_on_nothing_in_particular_keeps_everything_and_a_released_one_nothing() -> None:
    for released, left in ((None, 1), (NOW - DAY, 0)):
        connection, old = at(), NOW - 300 * DAY
        places = {"activity_id": "a", "channel_id": "c", "stream_offset": "o", "updated_at": NOW, "customer": "ada"}
        insert_stream(connection, [stream_row(1, "tool_event", {}, ts=old)])
        fill(connection, "INSIGHT_ATOMS", [places | {"insight_id": "i", "recorded_at": old, "is_quarantined": False}])
        fill(connection, "ARTIFACTS", [places | {"artifact_id": "f", "stored_at": old, "pinned": False}])
        fill(connection, "ACTIVITY_STREAM", [{"activity_id": "v", "ts": old, "customer": "ada", "activity": "did"}])
        fill(connection, "LEGAL_HOLDS", [hold(1, released_at=released)])
        apply_retention(Executed(connection), keep_days=180)
        assert {name: len(table(connection, name)) for name in TIME_OF} == dict.fromkeys(TIME_OF, left)


def test_a_fact_recorded_twice_and_held_does_not_show_twice() -> None:
    connection = at()
    rows = [stream_row(n, "tool_event", {}, ts=NOW - 300 * DAY, activity_id="a", customer="ada") for n in (1, 2)]
    gone = stream_row(3, "tool_event", {}, ts=NOW - 300 * DAY, customer="bea")
    insert_stream(connection, [*rows, gone])
    columns = ("channel_id", "stream_offset", "activity_id", "customer", "ts")
    fill(connection, "SUPERSEDED", [{name: row[name] for name in columns} | {"superseded_at": NOW} for row in (rows[1], gone)])
    fill(connection, "LEGAL_HOLDS", [hold(1, customer="ada")])
    assert apply_retention(Executed(connection), keep_days=180)["SUPERSEDED"] == 1
    assert [row["stream_offset"] for row in table(connection, "V_CURRENT_STREAM")] == [rows[0]["stream_offset"]]


def test_what_is_only_derived_leaves_with_its_age() -> None:
    connection = at()
    for age in (181, 179):
        ts = NOW - age * DAY
        scope = {"customer": "ada", "project": f"/{age}", "refreshed_at": NOW}
        fill(connection, "CONTEXT_CACHE", [scope | {"recorded_at": ts, "row_version": 1}])
        entry = {"section": "recent_files", "session_id": "", "item_key": "k", "hour_start": ts, "ts": ts}
        fill(connection, "CONTEXT_ITEMS", [scope | entry])
        seen = {"first_seen_at": ts - 400 * DAY, "last_seen_at": ts, "updated_at": NOW, "occurrences": 1}
        named = {"drift_id": f"/{age}", "customer": "ada", "event_name": "tool_event", "field": "x", "drift_kind": "new_key"}
        fill(connection, "SCHEMA_DRIFT", [named | seen | {"observed_type": "string"}])
    apply_retention(Executed(connection), keep_days=180)
    for name, key in (("CONTEXT_CACHE", "project"), ("CONTEXT_ITEMS", "project"), ("SCHEMA_DRIFT", "drift_id")):
        assert [row[key] for row in table(connection, name)] == ["/179"], name


def test_hours_that_no_context_looks_back_to_leave_whatever_the_rules_say() -> None:
    connection = at()
    scopes = [{"customer": "ada", "project": f"/{age}", "hour_start": NOW - age * DAY} for age in (10, 8)]
    fill(connection, "CONTEXT_HOURS", [scope | {"refreshed_at": NOW} for scope in scopes])
    insert_counts = (
        "INSERT INTO CONTEXT_COUNTS SELECT customer, project, hour_start, 'tool_event', 'Bash', '', 1, 0" + ", 0" * 10
    )
    connection.execute(f"{insert_counts}, NULL FROM CONTEXT_HOURS")
    apply_retention(Executed(connection), keep_days=180)
    for name in ("CONTEXT_HOURS", "CONTEXT_COUNTS"):
        assert [row["project"] for row in table(connection, name)] == ["/8"], name


def test_without_its_rule_nothing_of_a_kind_is_removed_and_deploying_again_leaves_a_changed_rule() -> None:
    connection = at()
    connection.execute("UPDATE RETENTION_RULES SET keep_days = 7 WHERE subject = 'artifacts'")
    connection.execute("DELETE FROM RETENTION_RULES WHERE subject = 'activities'")
    insert_stream(connection, [stream_row(1, "tool_event", {}, ts=NOW - 9000 * DAY)])
    apply_retention(Executed(connection), keep_days=1)
    assert len(table(connection, "CLAUDE_STREAM_V2")) == 1
    warehouse(connection)
    assert {row["subject"]: row["keep_days"] for row in table(connection, "RETENTION_RULES")} == {
        "activities": 180,
        "artifacts": 7,
    }


def test_a_failure_halfway_removes_nothing(tmp_path: Path) -> None:
    made = DuckDBWarehouse(str(tmp_path / "a.duckdb"))
    with made.transaction() as statements:
        statements.execute(
            "INSERT INTO CLAUDE_STREAM_V2 (activity_id, ts, customer, activity, event_name, source, channel_id, stream_offset) "
            "VALUES ('a', TIMESTAMP '2020-01-01', 'ada', 'did', 'tool_event', 'hook', 'c', 'o')"
        )
    with pytest.raises(KeyboardInterrupt):
        _interrupted(made)
    with made.transaction() as statements:
        assert statements.execute("SELECT COUNT(*) FROM CLAUDE_STREAM_V2") == [(1,)]
    made.release()


def _interrupted(made: DuckDBWarehouse) -> None:
    with made.transaction() as statements:
        assert apply_retention(statements, keep_days=180)["CLAUDE_STREAM_V2"] == 1
        raise KeyboardInterrupt
