"""Every cell of every view, over thousands of malformed events, is what Snowflake's documentation says it is."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sql import oracle
from sql.malformed import STRUCTURES, features_of, kind_of
from sql.support import EPOCH, EVENT_NAMES, JSON_NULL, SCHEMAS, insert_stream, stream_row, warehouse

EVENTS = 4_900
VIEWS = {name: f"VW_{name.removesuffix('_event').upper()}_EVENTS" for name in EVENT_NAMES}
# The columns that do not bear their feature's name, as the head of sql/04_typed_views.sql tells.
RENAMED = {
    "rows": "row_count", "database": "database_name", "schema": "schema_name", "user": "user_name", "from": "from_byte",
    "to": "to_byte", "count": "call_count", "length": "length_chars", "result_size": "result_size_bytes",
    "context_size": "context_size_bytes", "input_size": "input_size_bytes", "_truncated": "truncated", "_original_size": "original_size_bytes", "_more": "more_features",
    "_schema_errors": "schema_errors", "_redacted": "redacted_count",
}  # fmt: skip
PASSED_ON = (
    "activity_id", "ts", "customer", "activity", "session_id", "project", "org_id", "anonymous_customer_id", "revenue_impact",
    "link", "source", "schema_version", "channel_id", "stream_offset", "loaded_at",
)  # fmt: skip
SCALES = {"cost_usd": (38, 9), "credits_used": (38, 9), "temperature": (9, 6), "confidence": (9, 6)}


def generated_rows() -> list[dict[str, Any]]:
    rng = random.Random(20261122)
    return [_row(rng, number) for number in range(EVENTS)]


def _row(rng: random.Random, number: int) -> dict[str, Any]:
    event_name = EVENT_NAMES[number % len(EVENT_NAMES)]
    features: Any = features_of(rng, event_name)
    if rng.random() < 0.02:
        features = rng.choice((None, JSON_NULL, "text", 5, [features], *STRUCTURES))
    return stream_row(
        number,
        event_name,
        features,
        ts=EPOCH + timedelta(microseconds=rng.randrange(3_000_000) * 1000),  # crowded, so that times tie
        customer=rng.choice(("ada@example.com", "grace@example.com", "Ünal@example.com")),
        activity=rng.choice(("used_tool", "ran_sql", "edited_file", "asked")),
        session_id=rng.choice((None, "s1", "s2")),
        project=rng.choice((None, "/work", "/ö")),
        org_id=rng.choice((None, "acme")),
        revenue_impact=rng.choice((None, Decimal("-0.012345678"), Decimal("0E-9"))),
        link=rng.choice((None, "https://example.com/?a=1&b=2")),
        source=rng.choice(("hook", "mcp", "import")),
        channel_id=rng.choice(("ch-a", "ch-b")),
        loaded_at=rng.choice((None, EPOCH + timedelta(days=1))),
    )


def superseded_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A twentieth of the rows, and the same offsets in a channel where they mean nothing."""
    return random.Random(7).sample(rows, len(rows) // 20)


class Loaded:
    """The warehouse with the generated rows in it, and the rows that the views must show."""

    def __init__(self) -> None:
        rows = generated_rows()
        outranked = superseded_of(rows)
        self.connection = warehouse()
        insert_stream(self.connection, rows)
        for row in outranked:
            self._supersede(row, row["channel_id"])
            self._supersede(row, "another channel")
        hidden = {row["activity_id"] for row in outranked}
        self.rows = [row for row in rows if row["activity_id"] not in hidden]

    def _supersede(self, row: dict[str, Any], channel_id: str) -> None:
        values = [channel_id, row["stream_offset"], row["activity_id"], row["customer"], row["ts"], EPOCH]
        self.connection.execute(
            "INSERT INTO SUPERSEDED (channel_id, stream_offset, activity_id, customer, ts, superseded_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            values,
        )

    def read(self, view: str) -> dict[str, dict[str, Any]]:
        """A view's rows by activity_id."""
        result = self.connection.execute(f"SELECT * FROM {view}")
        names = [column[0] for column in result.description]
        rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        assert len({row["activity_id"] for row in rows}) == len(rows)
        return {row["activity_id"]: row for row in rows}


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return Loaded()


def expected_of(row: dict[str, Any], event_name: str) -> dict[str, Any]:
    """The typed view's row for a row of the stream."""
    made = {name: row[name] for name in PASSED_ON}
    features = row["feature_json"]
    for name, schema in SCHEMAS["$defs"][event_name]["properties"].items():
        value = oracle.member(features, name)
        if name != "session_id":
            made[RENAMED.get(name, name)] = _typed(name, schema, value)
        elif made["session_id"] is None:
            made["session_id"] = oracle.text(value)
    made["feature_json"] = (False, None) if features is None else oracle.variant(None if features is JSON_NULL else features)
    return made


def _typed(name: str, schema: dict[str, Any], value: Any) -> Any:
    kind = kind_of(name, schema)
    if kind == "number":
        default = (38, 0) if "integer" in schema["type"] else (38, 3)
        return oracle.number(value, *SCALES.get(name, default))
    readings = {"boolean": oracle.boolean, "time": oracle.timestamp, "text": oracle.text, "variant": oracle.variant}
    return readings[kind](value)


def same(shown: Any, expected: Any) -> bool:
    """Equal as values: a VARIANT comes back as JSON text, and the keys of an object have no order in Snowflake."""
    if isinstance(expected, tuple):
        return expected == ((False, None) if shown is None else (True, json.loads(shown, parse_float=Decimal)))
    if type(shown) is not type(expected):
        return False
    return bool(shown == expected) or (isinstance(shown, str) and _structure(shown) == _structure(expected) is not None)


def _structure(text: str) -> Any:
    if text[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return None


@pytest.mark.parametrize("event_name", EVENT_NAMES)
def test_every_cell_of_a_typed_view_is_as_snowflake_documents_it(loaded: Loaded, event_name: str) -> None:
    shown = loaded.read(VIEWS[event_name])
    rows = [row for row in loaded.rows if row["event_name"] == event_name]
    assert shown.keys() == {row["activity_id"] for row in rows}
    assert len(rows) > 600
    wrong = []
    for row in rows:
        found, expected = shown[row["activity_id"]], expected_of(row, event_name)
        assert found.keys() == expected.keys()
        wrong += [
            (name, row["feature_json"], found[name], value) for name, value in expected.items() if not same(found[name], value)
        ]
    assert wrong == []


def test_the_oracle_meets_what_it_is_for(loaded: Loaded) -> None:
    """The data would prove little if most cells were empty or nothing was ever refused."""
    counts = {"read": 0, "refused": 0}
    for row in loaded.rows:
        for name, schema in SCHEMAS["$defs"][row["event_name"]]["properties"].items():
            value = oracle.member(row["feature_json"], name)
            if value is oracle.MISSING or value is None or kind_of(name, schema) == "variant":
                continue
            counts["refused" if _typed(name, schema, value) is None else "read"] += 1
    assert counts["read"] > 30_000
    assert counts["refused"] > 8_000


def test_superseded_rows_show_in_no_view(loaded: Loaded) -> None:
    hidden = {row["activity_id"] for row in superseded_of(generated_rows())}
    assert len(hidden) == EVENTS // 20
    for view in (*VIEWS.values(), "VW_ACTIVITY_STREAM", "V_CURRENT_STREAM"):
        assert not hidden & loaded.read(view).keys()


def test_the_activity_stream_counts_occurrences_per_customer_and_activity(loaded: Loaded) -> None:
    shown = loaded.read("VW_ACTIVITY_STREAM")
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(loaded.rows, key=lambda row: (row["ts"], row["activity_id"])):
        groups.setdefault((row["customer"], row["activity"]), []).append(row)
    assert len(shown) == len(loaded.rows)
    for rows in groups.values():
        following = [*(row["ts"] for row in rows[1:]), None]
        for nth, (row, repeated_at) in enumerate(zip(rows, following, strict=True), start=1):
            found = shown[row["activity_id"]]
            assert (found["activity_occurrence"], found["activity_repeated_at"]) == (nth, repeated_at)
            assert {name: found[name] for name in PASSED_ON} == {name: row[name] for name in PASSED_ON}


def test_drift_shows_as_system_events_beside_the_recorded_ones() -> None:
    connection = warehouse()
    insert_stream(connection, [stream_row(1, "system_event", {"event_type": "backpressure"})])
    connection.executemany(
        "INSERT INTO SCHEMA_DRIFT (drift_id, customer, org_id, event_name, field, drift_kind, expected_types, observed_type, "
        "sample_reason, occurrences, first_seen_at, last_seen_at, first_activity_id, schema_version, accepted_at, updated_at) "
        "VALUES (?, 'ada', 'acme', 'tool_event', ?, ?, ?, 'string', ?, ?, ?, ?, 'id-9', '1', ?, ?)",
        [
            (
                "d1",
                "latency_ms",
                "type_changed",
                "integer null number",
                None,
                3,
                EPOCH,
                EPOCH + timedelta(hours=1),
                None,
                EPOCH,
            ),
            ("d2", "mood", "new_key", None, None, 1, EPOCH, EPOCH, None, EPOCH),
            ("d3", "success", "failure", None, "no", 2, EPOCH, EPOCH, EPOCH, EPOCH),
            ("d4", "gone", "new_key", None, None, 0, EPOCH, EPOCH, None, EPOCH),  # all its rows were outranked later
        ],
    )
    columns = "activity_id, event_type, severity, message, action_taken, reason, source, ts, loaded_at, customer, org_id"
    at = (EPOCH, EPOCH, "ada", "acme")
    shown = connection.execute(
        f"SELECT {columns} FROM VW_SYSTEM_EVENTS WHERE event_type = 'schema_drift_detected' ORDER BY activity_id"
    )
    assert shown.fetchall() == [
        ("d1", "schema_drift_detected", "warning", "tool_event.latency_ms: type_changed, string seen",
         "insights derived from tool_event are quarantined", None, "warehouse", *at),
        ("d2", "schema_drift_detected", "info", "tool_event.mood: new_key, string seen", "none", None, "warehouse", *at),
        ("d3", "schema_drift_detected", "warning", "tool_event.success: failure, string seen", "accepted", "no",
         "warehouse", *at),
    ]  # fmt: skip
    details = connection.execute("SELECT metrics, feature_json FROM VW_SYSTEM_EVENTS WHERE activity_id = 'd1'").fetchone()
    assert details is not None
    assert json.loads(details[0]) == json.loads(details[1])
    assert json.loads(details[0]) == {
        "event_type": "schema_drift_detected", "event_name": "tool_event", "field": "latency_ms", "drift_kind": "type_changed",
        "expected_types": "integer null number", "observed_type": "string", "occurrences": 3, "first_activity_id": "id-9",
        "first_seen_at": "2026-11-01T00:00:00.000000Z", "last_seen_at": "2026-11-01T01:00:00.000000Z",
    }  # fmt: skip
    assert connection.execute("SELECT COUNT(*) FROM VW_SYSTEM_EVENTS").fetchone() == (4,)


def test_a_filter_passes_through_a_typed_view_to_the_stream() -> None:
    """A window below a view would hold filters up, and cost a scan of the whole stream for every question."""
    connection = warehouse()
    insert_stream(
        connection,
        [stream_row(n, name, {}, customer=who) for name in EVENT_NAMES for n, who in enumerate(("ada", "grace", "ada"))],
    )
    for view in VIEWS.values():
        plan = connection.execute(
            f"EXPLAIN (FORMAT json) SELECT COUNT(*) FROM {view} WHERE ts > TIMESTAMP '2026-11-01 00:00:01' AND customer = 'ada'"
        )
        (tree,) = json.loads(plan.fetchall()[0][1])
        scan = next(node for node in _nodes(tree) if node["extra_info"].get("Table", "").endswith("CLAUDE_STREAM_V2"))
        filters = str(scan["extra_info"].get("Filters", ""))
        assert "ts >" in filters, view
        assert "customer" in filters, view
        assert not [node for node in _nodes(tree) if "WINDOW" in node["name"]], view


def _nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(below for child in node["children"] for below in _nodes(child))]
