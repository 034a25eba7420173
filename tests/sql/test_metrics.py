"""VW_PRODUCT_METRICS and VW_SQL_EVENTS_HISTORY, cell by cell against plain Python, on malformed events as well."""

from __future__ import annotations

import json
import math
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sql import oracle
from sql.malformed import features_of
from sql.refreshed import scans_of
from sql.support import EPOCH, EVENT_NAMES, insert_stream, stream_row, table, warehouse

Row = dict[str, Any]
HOURS = 4
METHODS = ("get_context", "refresh_context", "query", "record_insight")


def generated(seed: int, count: int, *, malformed: float) -> list[Row]:
    rng = random.Random(seed)
    return [_row(rng, number, malformed) for number in range(count)]


def _row(rng: random.Random, number: int, malformed: float) -> Row:
    event_name = rng.choice(EVENT_NAMES)
    ts = EPOCH + timedelta(microseconds=rng.randrange(HOURS * 3_600_000_000))
    return stream_row(
        number,
        event_name,
        features_of(rng, event_name) if rng.random() < malformed else _orderly(rng, event_name),
        ts=ts,
        customer=rng.choice(("ada", "bea", "cid")),
        session_id=rng.choice((None, "s1", "s2", "s3")),
        source=rng.choice(("hook", "mcp", "import", "v1", "otel")),
        link=rng.choice((None, None, None, "https://example.com")),
        loaded_at=rng.choice((None, ts + timedelta(milliseconds=rng.randrange(20_000)))),
    )


def _orderly(rng: random.Random, event_name: str) -> Row:
    latency = round(rng.lognormvariate(3, 1.5), 3)
    made: dict[str, Row] = {
        "sql_event": {"sql": "SELECT 1", "query_id": rng.choice((None, "q")), "success": rng.random() < 0.8},
        "llm_event": {"model": "m", "prompt_tokens": rng.randrange(5000), "completion_tokens": rng.randrange(900),
                      "latency_ms": latency * 9, "cost_usd": rng.choice((None, 0.012345, 1.5)), "cost_source": rng.choice(("otel", "estimated"))},
        "tool_event": {"tool_name": "Bash", "success": rng.random() < 0.9, "latency_ms": latency,
                       "denied": rng.choice((None, None, None, "user")), "interrupted": rng.choice((None, False, True))},
        "file_event": {"operation": "read", "file_path": "/f", "success": True},
        "session_event": {"event_type": "heartbeat"},
        "mcp_event": {"method": rng.choice(METHODS), "latency_ms": latency, "success": rng.random() < 0.95,
                      "stale": rng.choice((None, True, False)), "cache_age_ms": rng.choice((None, latency * 100)),
                      "count": rng.choice((None, 1, 12))},
        "system_event": {"event_type": rng.choice(("queue_refused", "error_recovery", "rows_left_out", "backpressure")),
                         "metrics": rng.choice((None, {"refused": 3, "rows": 2}, {"refused": "many"}))},
    }  # fmt: skip
    return {name: value for name, value in made[event_name].items() if value is not None}


# --- the oracle


class Event:
    """One row, read as the comment on the view says."""

    def __init__(self, row: Row) -> None:
        self.row, self.name = row, row["event_name"]
        mcp = self.name == "mcp_event"
        self.calls = max(int(self.number("count", 0) or 1), 1) if mcp else 1
        self.method = self.text("method") if mcp else None
        is_judged = self.name in ("sql_event", "tool_event", "file_event", "mcp_event") and self.text("denied") is None
        self.success = self.boolean("success") if is_judged and not self.boolean("interrupted") else None
        self.latency = self.number("latency_ms", 3)

    def text(self, name: str) -> str | None:
        return oracle.text(oracle.member(self.row["feature_json"], name))

    def number(self, name: str, scale: int) -> Decimal | None:
        return oracle.number(oracle.member(self.row["feature_json"], name), 18, scale)

    def boolean(self, name: str) -> bool | None:
        return oracle.boolean(oracle.member(self.row["feature_json"], name))

    def metric(self, name: str) -> Decimal | None:
        return oracle.number(oracle.member(oracle.member(self.row["feature_json"], "metrics"), name), 18, 0)

    def has_provenance(self) -> bool:
        names = ("tool_use_id", "prompt_id", "query_id", "artifact_id", "request_id")
        return self.row["link"] is not None or any(self.text(name) is not None for name in names)

    def ingestion_lag(self) -> int | None:
        if self.row["source"] in ("import", "v1") or self.row["loaded_at"] is None:
            return None
        return _millis(self.row["loaded_at"]) - _millis(self.row["ts"])


def _millis(ts: datetime) -> int:
    return (ts - EPOCH) // timedelta(milliseconds=1)


def percentile(values: list[Any], share: float) -> float | None:
    known = sorted(float(value) for value in values if value is not None)
    if not known:
        return None
    place = share * (len(known) - 1)
    low, high = known[math.floor(place)], known[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def expected(events: list[Event]) -> Row:
    def named(name: str) -> list[Event]:
        return [event for event in events if event.name == name]

    def latencies(method: str) -> list[float | None]:
        return [None if e.latency is None else float(e.latency) / e.calls for e in events if e.method == method]

    contexts = [event for event in events if event.method == "get_context"]
    stated = [event for event in events if event.success is not None]
    stale = [(event.boolean("stale"), event.calls) for event in contexts]
    system = [(event, event.text("event_type")) for event in named("system_event")]
    costs = [oracle.number(oracle.member(e.row["feature_json"], "cost_usd"), 18, 9) for e in named("llm_event")]
    estimates = [cost for e, cost in zip(named("llm_event"), costs, strict=True) if e.text("cost_source") == "estimated"]
    made: Row = {
        f"{kind}_events": len(named(f"{kind}_event")) for kind in ("sql", "llm", "tool", "file", "session", "mcp", "system")
    }
    for share in (50, 95, 99):
        made[f"tool_p{share}_ms"] = percentile([event.latency for event in named("tool_event")], share / 100)
        made[f"get_context_p{share}_ms"] = percentile(latencies("get_context"), share / 100)
    made |= {
        "activities": len(events),
        "event_names": len({event.name for event in events}),
        "sessions": len({event.row["session_id"] for event in events} - {None}),
        "get_context_calls": sum(event.calls for event in contexts),
        "refresh_p95_ms": percentile(latencies("refresh_context"), 0.95),
        "first_token_p95_ms": percentile([event.latency for event in named("llm_event")], 0.95),
        "ingestion_lag_p95_ms": percentile([event.ingestion_lag() for event in events], 0.95),
        "context_lag_p95_ms": percentile([event.number("cache_age_ms", 3) for event in contexts], 0.95),
        "success_rate": ratio(sum(e.calls for e in stated if e.success), sum(e.calls for e in stated)),
        "stale_share": ratio(
            sum(calls for is_stale, calls in stale if is_stale), sum(calls for is_stale, calls in stale if is_stale is not None)
        ),
        "tokens": sum(e.number(n, 0) or 0 for e in named("llm_event") for n in ("prompt_tokens", "completion_tokens")),
        "cost_usd": sum(cost or 0 for cost in costs),
        "cost_estimated_usd": sum(cost or 0 for cost in estimates),
        "refused": sum(_or_one(event.metric("refused")) for event, kind in system if kind == "queue_refused"),
        "quarantined": sum(kind == "error_recovery" for _, kind in system),
        "rejected": sum(_or_one(event.metric("rows")) for event, kind in system if kind == "rows_left_out"),
        "provenance_share": sum(event.has_provenance() for event in events) / len(events),
    }
    return made | judged(made)


def _or_one(value: Decimal | None) -> Decimal:
    return Decimal(1) if value is None else value


def judged(made: Row) -> Row:
    def below(name: str, limit: float) -> bool | None:
        return None if made[name] is None else made[name] < limit

    levels = {
        "meets_get_context": below("get_context_p95_ms", 25),
        "meets_refresh": below("refresh_p95_ms", 5000),
        "meets_first_token": below("first_token_p95_ms", 300),
        "meets_end_to_end": below("ingestion_lag_p95_ms", 8000),
    }
    known = [level for level in levels.values() if level is not None]
    parts = [
        (0.4, made["success_rate"]),
        (0.3, sum(known) / len(known) if known else None),
        (0.2, None if made["stale_share"] is None else 1 - made["stale_share"]),
        (0.1, float(made["refused"] + made["quarantined"] + made["rejected"] == 0)),
    ]
    weights = sum(weight for weight, part in parts if part is not None)
    return levels | {"health_score": 100 * sum(weight * part for weight, part in parts if part is not None) / weights}


def assert_alike(found: Row, wanted: Row, where: object) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        if value is None or isinstance(value, bool):
            assert found[name] is value, (where, name)
        else:
            assert float(found[name]) == pytest.approx(float(value), rel=1e-9, abs=1e-9), (where, name)


@pytest.mark.parametrize(("seed", "malformed"), [(1, 0.0), (2, 0.7)])
def test_every_cell_of_the_metrics_is_what_the_comment_says(seed: int, malformed: float) -> None:
    rows = generated(seed, 1200, malformed=malformed)
    connection = warehouse()
    insert_stream(connection, rows)
    hidden = rows[::20]
    connection.executemany(
        "INSERT INTO SUPERSEDED (channel_id, stream_offset, activity_id, customer, ts, superseded_at) VALUES (?, ?, ?, ?, ?, ?)",
        [[row[n] for n in ("channel_id", "stream_offset", "activity_id", "customer", "ts")] + [EPOCH] for row in hidden],
    )
    groups: dict[tuple[str, datetime], list[Event]] = defaultdict(list)
    for number, row in enumerate(rows):
        if number % 20:
            groups[row["customer"], row["ts"].replace(minute=0, second=0, microsecond=0)].append(Event(row))
    found = {(row.pop("customer"), row.pop("hour")): row for row in table(connection, "VW_PRODUCT_METRICS")}
    assert found.keys() == groups.keys()
    for key, events in groups.items():
        assert_alike(found[key], expected(events), key)


def test_an_hour_without_data_has_no_rates_and_no_verdict() -> None:
    connection = warehouse()
    insert_stream(connection, [stream_row(1, "session_event", {"event_type": "start"}, loaded_at=None)])
    (row,) = table(connection, "VW_PRODUCT_METRICS")
    unknown = {name for name, value in row.items() if value is None}
    assert unknown == {
        *(f"{what}_p{share}_ms" for what in ("tool", "get_context") for share in (50, 95, 99)),
        "refresh_p95_ms", "first_token_p95_ms", "ingestion_lag_p95_ms", "context_lag_p95_ms", "success_rate", "stale_share",
        "meets_get_context", "meets_refresh", "meets_first_token", "meets_end_to_end",
    }  # fmt: skip
    assert row["health_score"] == 100


def test_sql_events_stand_beside_what_snowflake_recorded_of_them() -> None:
    """The embedded engine has no such record: here a table stands for it, once with the query in it and once without."""
    connection = warehouse()
    queries = [{"sql": "SELECT 1", "success": True, "query_id": "q1", "duration_ms": 12.5, "rows": 3},
               {"sql": "SELECT 2", "success": False, "query_id": "q2"}, {"sql": "SELECT 3", "success": True}]  # fmt: skip
    insert_stream(connection, [stream_row(number, "sql_event", features) for number, features in enumerate(queries)])
    assert [row["is_in_history"] for row in table(connection, "VW_SQL_EVENTS_HISTORY")] == [False] * 3
    connection.execute("CREATE OR REPLACE VIEW V_QUERY_HISTORY AS SELECT 'q1' AS query_id, TIMESTAMP '2026-11-01' AS started_at, "
                       "'SUCCESS' AS execution_status, 15.0 AS elapsed_ms, 1024 AS bytes_scanned, 3 AS rows_produced, "
                       "'WH' AS warehouse_name, 0.1 AS credits_cloud_services, NULL::VARCHAR AS error_message")  # fmt: skip
    found = {row["sql"]: row for row in table(connection, "VW_SQL_EVENTS_HISTORY")}
    assert {sql: row["is_in_history"] for sql, row in found.items()} == {"SELECT 1": True, "SELECT 2": False, "SELECT 3": False}
    first = found["SELECT 1"]
    assert (first["reported_duration_ms"], first["elapsed_ms"], first["warehouse_name"]) == (
        Decimal("12.500"),
        Decimal("15.0"),
        "WH",
    )
    assert found["SELECT 2"]["elapsed_ms"] is None


def test_a_filter_on_the_hour_comes_before_the_features_are_read() -> None:
    """So that a day's metrics do not read the JSON of a year."""
    query = f"SELECT * FROM VW_PRODUCT_METRICS WHERE hour >= TIMESTAMP '{EPOCH}'"
    connection = warehouse()
    insert_stream(connection, [stream_row(number, "tool_event", {}, ts=EPOCH + timedelta(hours=number)) for number in (-1, 1)])
    plan = json.loads(connection.execute(f"EXPLAIN (FORMAT JSON) {query}").fetchall()[0][1])
    (above,) = [trail for trail in trails(plan) if "CLAUDE_STREAM_V2" in trail[-1]]
    filtered = max(depth for depth, node in enumerate(above) if "hour_start" in node and str(EPOCH) in node)
    read = max(depth for depth, node in enumerate(above) if "latency_ms" in node)
    assert filtered > read


def test_the_last_days_metrics_read_the_last_day_of_a_long_history(tmp_path: Path) -> None:
    """The asker's own words: a filter on the hour passes over row groups that hold other hours."""
    connection = warehouse()
    connection.execute(
        "INSERT INTO CLAUDE_STREAM_V2 (activity_id, ts, hour_start, customer, activity, event_name, source, channel_id, "
        "stream_offset, feature_json) SELECT 'id-' || i, ts, DATE_TRUNC('hour', ts), 'ada', 'did', 'tool_event', 'hook', 'c', i, "
        f"'{{}}' FROM (SELECT i, TIMESTAMP '{EPOCH}' - to_minutes(500000 - i) AS ts FROM range(500000) AS old (i))"
    )
    profile, since = tmp_path / "profile.json", EPOCH - timedelta(hours=24)
    connection.execute("SET enable_profiling = 'json'; SET profiling_mode = 'detailed'")
    connection.execute(f"SET profiling_output = '{profile}'")
    found = connection.execute(f"SELECT * FROM VW_PRODUCT_METRICS WHERE hour >= TIMESTAMP '{since}'").fetchall()
    connection.execute("PRAGMA disable_profiling")
    assert len(found) == 24
    assert set(scans_of(json.loads(profile.read_text())["operator"], "CLAUDE_STREAM_V2")) == {(1, 5)}


def trails(nodes: list[Row], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """From the root of a plan to each of its nodes: what each node says of itself."""
    for node in nodes:
        trail = (*above, json.dumps(node["extra_info"]))
        yield trail
        yield from trails(node["children"], trail)
