"""The statements that the documentation hands to a user, word for word, on the embedded warehouse; and Snowflake's dialect there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from activity_mcp.errors import QueryRefused
from activity_mcp.warehouse import Batch, Row
from activity_mcp.warehouse.duckdb.dialect.marks import looks_like_snowflake
from activity_mcp.warehouse.duckdb.query import DuckDBQueries
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from sql import snowflake_checks as checks
from sql.support import SQL
from warehouse.test_contract import CHANNEL, offset

PROMISED = {
    "SELECT * FROM VW_PRODUCT_METRICS WHERE hour > DATEADD('hour', -24, CURRENT_TIMESTAMP()) ORDER BY health_score DESC": "snowflake",
    "SELECT * FROM V_STREAM_LAG": "duckdb",
    "SELECT * FROM V_TASK_MONITORING WHERE task_name = 'REFRESH_CONTEXT_TASK'": "duckdb",
    "SELECT * FROM VW_SYSTEM_EVENTS WHERE event_type = 'backpressure' ORDER BY ts DESC LIMIT 10": "duckdb",
    "SELECT * FROM VW_SYSTEM_EVENTS WHERE event_type = 'schema_drift_detected' ORDER BY ts DESC LIMIT 10": "duckdb",
    "SELECT COUNT(*) AS quarantined_count FROM INSIGHT_ATOMS WHERE is_quarantined = TRUE": "duckdb",
    "SELECT event.sql, history.total_elapsed_time FROM VW_SQL_EVENTS AS event "
    "LEFT JOIN SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY AS history ON event.query_id = history.query_id": "snowflake",
}


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> DuckDBQueries:
    import time

    path = str(tmp_path_factory.mktemp("promised") / "a.duckdb")
    now = time.time()

    def event(number: int, event_name: str, features: dict[str, Any]) -> Row:
        ts = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now - number)) + ".000000Z"
        return Row(
            activity_id=f"a{number:03d}", ts=ts, customer="ada@example.com", activity="did", anonymous_customer_id="h",
            feature_json=json.dumps(features), revenue_impact=None, link=None, event_name=event_name, session_id="s1",
            project="/work", org_id=None, source="hook", schema_version="1", channel_id=CHANNEL, stream_offset=offset(number),
        )  # fmt: skip

    rows = [event(n, "tool_event", {"tool_name": "Bash", "success": n % 2 == 0, "latency_ms": 10 * n}) for n in range(1, 5)]
    rows.append(event(5, "sql_event", {"query_id": "q1", "sql": "SELECT 1", "success": True}))
    rows.append(event(6, "system_event", {"event_type": "backpressure", "severity": "warning", "message": "full"}))
    rows.append(event(7, "tool_event", {"tool_name": "Edit", "success": True, "latency_ms": 5, "brand_new": [1, 2]}))
    warehouse = DuckDBWarehouse(path)
    warehouse.append(Batch(CHANNEL, None, offset(7), rows))
    warehouse.fold()
    warehouse.close()
    return DuckDBQueries(path, lambda: (3, 1500))


@pytest.mark.parametrize(("sql", "dialect"), PROMISED.items())
def test_a_promised_statement_runs_word_for_word_and_says_how_it_was_read(
    queries: DuckDBQueries, sql: str, dialect: str
) -> None:
    found = queries.query(sql)
    assert found.dialect == dialect
    assert found.rows


def test_what_the_promised_statements_find_is_right(queries: DuckDBQueries) -> None:
    def only(sql: str) -> dict[str, Any]:
        found = queries.query(sql)
        return dict(zip(found.columns, found.rows[0], strict=True))

    metrics, lag, task, pressure, drift, count, joined = map(only, PROMISED)
    assert (lag["has_data"], lag["waiting_rows"], lag["lag_ms"]) == (True, 3, 1500)
    assert (task["state"], task["runs_24h"], task["health"]) == ("SUCCEEDED", 1, "ok")
    assert (metrics["customer"], metrics["tool_events"]) == ("ada@example.com", 5)
    assert (pressure["event_type"], pressure["message"]) == ("backpressure", "full")
    assert drift["message"] == "tool_event.brand_new: new_key, array seen"
    assert count == {"quarantined_count": 0}
    assert joined == {"sql": "SELECT 1", "total_elapsed_time": None}


SNOWFLAKES = {
    "SELECT feature_json:tool_name::VARCHAR AS tool, COUNT(*) AS calls, AVG(feature_json:latency_ms::FLOAT) AS ms "
    "FROM CLAUDE_STREAM_V2 WHERE feature_json:tool_name IS NOT NULL GROUP BY 1 ORDER BY tool": [["Bash", 4, 25.0], ["Edit", 1, 5.0]],
    "SELECT DISTINCT f.key FROM CLAUDE_STREAM_V2 AS s, LATERAL FLATTEN(INPUT => s.feature_json) AS f "
    "WHERE s.event_name = 'sql_event' ORDER BY 1": [["query_id"], ["sql"], ["success"]],
    "SELECT f.value::NUMBER AS n FROM CLAUDE_STREAM_V2 s, TABLE(FLATTEN(INPUT => s.feature_json:brand_new)) f ORDER BY n": [[1], [2]],
    "SELECT tool_name, latency_ms FROM VW_TOOL_EVENTS "
    "QUALIFY ROW_NUMBER() OVER (PARTITION BY tool_name ORDER BY latency_ms DESC) = 1 ORDER BY 1": [["Bash", 40], ["Edit", 5]],
    "SELECT IFF(success, 'yes', 'no') AS went, COUNT_IF(latency_ms > 15) AS slow FROM VW_TOOL_EVENTS GROUP BY 1 ORDER BY 1":
        [["no", 1], ["yes", 2]],
    "SELECT DATEDIFF('second', MIN(ts), MAX(ts)) AS s FROM CLAUDE_STREAM_V2": [[6]],
    "SELECT COUNT(*) FROM CLAUDE_STREAM_V2 WHERE ts >= DATEADD(day, -1, CURRENT_DATE()) AND feature_json:success::BOOLEAN": [[4]],
    "SELECT NVL(error, '-') AS e, TO_CHAR(1) AS one, TRY_TO_NUMBER('x') AS n FROM VW_TOOL_EVENTS LIMIT 1": [["-", "1", None]],
    "SELECT LISTAGG(DISTINCT tool_name, ',') WITHIN GROUP (ORDER BY tool_name) AS tools FROM VW_TOOL_EVENTS": [["Bash,Edit"]],
    "SELECT TOP 1 tool_name FROM CLAUDE_LOGS.ACTIVITIES.VW_TOOL_EVENTS ORDER BY latency_ms::NUMBER DESC": [["Bash"]],
}  # fmt: skip


@pytest.mark.parametrize(("sql", "rows"), SNOWFLAKES.items())
def test_a_question_in_snowflakes_dialect_is_answered(queries: DuckDBQueries, sql: str, rows: list[list[Any]]) -> None:
    found = queries.query(sql)
    assert found.rows == rows
    assert found.dialect == ("duckdb" if "QUALIFY" in sql else "snowflake")


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT n: count(*) FROM VW_TOOL_EVENTS", [[5]]),
        ("SELECT [1, 2, 3][1:2] AS part", [[[1, 2]]]),
        ("SELECT {'a': 1}.a AS one", [[1]]),
        (
            "SELECT json_extract_string(feature_json, '$.sql') AS t FROM CLAUDE_STREAM_V2 WHERE event_name = 'sql_event'",
            [["SELECT 1"]],
        ),
        ("SELECT 'x:y' AS t, len([i for i in [1, 2]]) AS n", [["x:y", 2]]),
    ],
)
def test_duckdbs_own_dialect_goes_on_working(queries: DuckDBQueries, sql: str, rows: list[list[Any]]) -> None:
    found = queries.query(sql)
    assert (found.rows, found.dialect) == (rows, "duckdb")


def test_a_path_that_duckdb_would_read_as_an_alias_is_read_as_a_path(queries: DuckDBQueries) -> None:
    """``feature_json:query_id`` is the column query_id under another name to DuckDB, wherever there is such a column."""
    found = queries.query("SELECT feature_json:query_id FROM VW_SQL_EVENTS")
    assert (found.rows, found.dialect) == ([['"q1"']], "snowflake"), "a VARIANT is shown as JSON"


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("CALL SET_MIGRATION_FLAG('dual_write_enabled', TRUE)", "activity-mcp migrate dual-write on"),
        ("CALL BACKFILL_TO_V2()", "activity-mcp migrate backfill"),
        ("CALL VALIDATE_MIGRATION()", "activity-mcp migrate validate"),
        ("CALL ANYTHING()", "the embedded warehouse has none"),
        ("DELETE FROM VW_TOOL_EVENTS", "only one SELECT is run here"),
        ("SELECT feature_json:x::GEOGRAPHY FROM CLAUDE_STREAM_V2", "GEOGRAPHY"),
        ("SELECT * FROM SNOWFLAKE.ACCOUNT_USAGE.LOGIN_HISTORY WHERE t > CURRENT_TIMESTAMP()", "Snowflake's own"),
        ("SELECT feature_json:x::VARCHAR FROM read_csv('/etc/passwd')", "READ_CSV"),
        ("SELECT no_such_column FROM VW_TOOL_EVENTS", "no_such_column"),
    ],
)
def test_what_is_refused_says_what_to_do_instead(queries: DuckDBQueries, sql: str, hint: str) -> None:
    with pytest.raises(QueryRefused, match=hint):
        queries.query(sql)


def test_the_promised_names_are_on_snowflake_too() -> None:
    """By name and type; what only an account shows is not shown here."""
    scripts = [path.read_text(encoding="utf-8") for path in sorted(SQL.glob("*.sql"))]
    views, tables = checks.resolve(scripts), checks.tables(scripts)
    assert {"HOUR", "HEALTH_SCORE"} <= set(views["VW_PRODUCT_METRICS"])
    assert {"TASK_NAME", "STATE", "HEALTH"} <= set(views["V_TASK_MONITORING"])
    assert {"LAG_MS", "HAS_DATA", "WAITING_ROWS"} <= set(views["V_STREAM_LAG"])
    assert {"EVENT_TYPE", "TS"} <= set(views["VW_SYSTEM_EVENTS"])
    assert tables["INSIGHT_ATOMS"]["IS_QUARANTINED"] == "BOOLEAN"
    for name in ("SET_MIGRATION_FLAG(flag_name VARCHAR, is_on BOOLEAN)", "BACKFILL_TO_V2(from_ts", "VALIDATE_MIGRATION()"):
        assert any(f"CREATE OR REPLACE PROCEDURE {name}" in text for text in scripts)


@pytest.mark.parametrize("sql", ["SELECT 'a:b' FROM t", "SELECT a::VARCHAR FROM t", "SELECT x FROM t -- a:b", "SELECT 1"])
def test_what_has_no_mark_of_snowflakes_is_not_parsed_twice(sql: str) -> None:
    assert not looks_like_snowflake(sql)
