"""Read-only SQL on Snowflake: what can only read is run, as the reader, and nothing else leaves this machine."""

from __future__ import annotations

import pytest

from activity_mcp.errors import QueryRefused, WarehouseUnavailable
from activity_mcp.warehouse.snowflake.query import SnowflakeQueries, checked
from snowflake_recording import Recording


@pytest.fixture
def queries(recording: Recording) -> SnowflakeQueries:
    return SnowflakeQueries(recording.service.connection(recording.database))


def test_rows_come_back_as_json_has_them(recording: Recording, queries: SnowflakeQueries) -> None:
    recording.write(3)
    recording.flush(recording.flusher(recording.warehouse()))
    sql = "SELECT activity_id, 1.50::DECIMAL(9, 2) AS cost, 2::DECIMAL(9, 0) AS n, TRUE AS ok, NULL AS none, ts FROM CLAUDE_STREAM_V2 ORDER BY 1;"
    result = queries.query(sql, max_rows=2)
    assert result.columns == ["ACTIVITY_ID", "COST", "N", "OK", "NONE", "TS"]
    assert [row[:5] for row in result.rows] == [["id-00000", 1.5, 2, True, None], ["id-00001", 1.5, 2, True, None]]
    assert result.rows[0][5].endswith("Z")
    assert result.truncated
    assert not queries.query(sql).truncated


def test_a_query_takes_the_readers_role_and_no_other(recording: Recording, queries: SnowflakeQueries) -> None:
    before = len(recording.service.statements())
    queries.query("SELECT 1")
    assert recording.service.statements()[before:] == ["USE ROLE ACTIVITY_READER", "USE SECONDARY ROLES NONE", "SELECT 1"]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM CLAUDE_STREAM_V2",
        "INSERT INTO t SELECT 1",
        "CALL BACKFILL_TO_V2()",
        "BEGIN SELECT 1; END",
        "SELECT 1; DROP TABLE CLAUDE_STREAM_V2",
        "SELECT 1 ->> DELETE FROM CLAUDE_STREAM_V2",
        "WITH p AS PROCEDURE () RETURNS INT LANGUAGE SQL AS $$ DELETE FROM t $$ CALL p()",
        "SELECT SYSTEM$CANCEL_ALL_QUERIES(1)",
        "SELECT system$abort_session(1)",
        "SELECT s.NEXTVAL",
        "EXECUTE IMMEDIATE 'DROP TABLE t'",
        "/* SELECT */ DROP TABLE t",
        "SHOW TABLES",
        "-- SELECT\nTRUNCATE t",
        "'SELECT' DROP TABLE t",
        "",
    ],
)
def test_what_could_write_is_refused_and_never_sent(recording: Recording, queries: SnowflakeQueries, sql: str) -> None:
    before = recording.service.requests()
    with pytest.raises(QueryRefused):
        queries.query(sql)
    assert recording.service.requests() == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "select 'a;b ->> CALL it''s' as x",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "(SELECT 1) UNION (SELECT 2)",
        '-- drop; nothing\nSELECT "SYSTEM$odd" FROM t',
        "SELECT $$ ; CALL x $$",
        "/* INSERT INTO */ SELECT 1 ;",
    ],
)
def test_words_inside_texts_and_comments_are_no_commands(sql: str) -> None:
    assert checked(sql) == sql.rstrip("; ")


def test_wrong_sql_is_the_callers_to_mend(queries: SnowflakeQueries) -> None:
    with pytest.raises(QueryRefused, match=r"(?i)nope"):
        queries.query("SELECT * FROM nope")


def test_a_deadline_is_kept(recording: Recording, queries: SnowflakeQueries) -> None:
    recording.service.arm("query", status=503, times=None)
    with pytest.raises(WarehouseUnavailable):
        queries.query("SELECT 1", timeout_s=1)
