"""What a statement may not do on the embedded warehouse, run against a real file by what the query's child runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from activity_mcp.errors import QueryRefused
from activity_mcp.warehouse.duckdb.query import DuckDBQueries, _without_answer
from activity_mcp.warehouse.duckdb.query_child import MAX_ROW_BYTES, answer_request
from activity_mcp.warehouse.duckdb.query_functions import SCALAR_FUNCTIONS, TABLE_FUNCTIONS
from activity_mcp.warehouse.duckdb.query_guard import refusal_of
from lengths import some
from patience import PATIENCE_S


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with one table and one view, and beside it files that nobody may read."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "secret.csv").write_text("word\nhunter2\n")
    (folder / "secret.json").write_text('{"word": "hunter2"}')
    with duckdb.connect(str(folder / "a.duckdb")) as connection:
        connection.execute("CREATE TABLE events (ts TIMESTAMP, n INTEGER, feature_json JSON)")
        connection.execute("""INSERT INTO events VALUES ('2026-01-01', 1, '{"a": [1, 2]}'), ('2026-01-02', 2, '{}')""")
        connection.execute("CREATE VIEW VW_EVENTS AS SELECT ts, n FROM events")
        connection.execute("CREATE SEQUENCE counter")
    with duckdb.connect(str(folder / "other.duckdb")) as connection:
        connection.execute("CREATE TABLE secrets AS SELECT 'hunter2' AS word")
    return folder / "a.duckdb"


def ask(db: Path, sql: str, **limits: Any) -> dict[str, Any]:
    opened: list[duckdb.DuckDBPyConnection] = []
    try:
        return answer_request({"db": str(db), "sql": sql, "max_rows": None, **limits}, opened)
    finally:
        for connection in opened:
            connection.close()


REFUSED = [
    # more or other than one SELECT
    "",
    "-- nothing",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE events",
    "INSERT INTO events (n) VALUES (3)",
    "INSERT INTO events (n) VALUES (3) RETURNING n",
    "UPDATE events SET n = 0",
    "DELETE FROM events",
    "WITH gone AS (DELETE FROM events RETURNING *) SELECT * FROM gone",
    "WITH made AS (INSERT INTO events (n) VALUES (3) RETURNING *) SELECT * FROM made",
    "DROP TABLE events",
    "CREATE TABLE more (a INTEGER)",
    "CREATE TEMP TABLE more AS SELECT 1",
    "CREATE MACRO more() AS 1",
    "ALTER TABLE events ADD COLUMN more INTEGER",
    "BEGIN TRANSACTION",
    "VACUUM",
    "CHECKPOINT",
    "EXPLAIN ANALYZE SELECT 1",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "CALL duckdb_settings()",
    "USE memory",
    "SELECT nextval('counter')",
    # files
    "SELECT * FROM read_csv('{folder}/secret.csv')",
    "SELECT * FROM read_csv_auto('{folder}/secret.csv')",
    "SELECT * FROM read_text('{folder}/secret.csv')",
    "SELECT * FROM read_blob('{folder}/secret.csv')",
    "SELECT * FROM read_json('{folder}/secret.json')",
    "SELECT * FROM read_ndjson_objects('{folder}/secret.json')",
    "SELECT * FROM parquet_scan('{folder}/secret.parquet')",
    "SELECT * FROM read_duckdb('{folder}/other.duckdb')",
    "SELECT * FROM sniff_csv('{folder}/secret.csv')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM '{folder}/secret.csv'",
    'SELECT * FROM "{folder}/secret.csv"',
    "SELECT * FROM (SELECT * FROM read_csv('{folder}/secret.csv'))",
    "SELECT (SELECT word FROM read_csv('{folder}/secret.csv'))",
    "SELECT n FROM events WHERE EXISTS (FROM read_text('{folder}/secret.csv'))",
    "WITH stolen AS (FROM read_csv('{folder}/secret.csv')) SELECT * FROM stolen",
    "SELECT * FROM events, LATERAL (FROM glob('{folder}/*'))",
    "SELECT 1 UNION ALL SELECT 2 FROM read_csv('{folder}/secret.csv')",
    "ATTACH '{folder}/other.duckdb' AS other",
    "COPY events TO '{folder}/stolen.csv'",
    "COPY (SELECT 1) TO '{folder}/stolen.csv'",
    "COPY events FROM '{folder}/secret.csv'",
    "EXPORT DATABASE '{folder}/stolen'",
    "IMPORT DATABASE '{folder}/stolen'",
    # the network, extensions
    "SELECT * FROM read_csv('http://127.0.0.1:9/secret.csv')",
    "SELECT * FROM 'https://127.0.0.1:9/secret.parquet'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{folder}/evil.duckdb_extension'",
    "CREATE SECRET s (TYPE s3)",
    "SELECT * FROM duckdb_extensions()",
    # settings, environment, secrets, the engine's own tables
    "SET threads = 8",
    "RESET threads",
    "SET VARIABLE a = 1",
    "PRAGMA database_list",
    "PRAGMA enable_logging",
    "SHOW threads",
    "SELECT getenv('HOME')",
    "SELECT current_setting('temp_directory')",
    "SELECT main.current_setting('threads')",
    "SELECT CURRENT_SETTING('threads')",
    "SELECT 'threads'.current_setting()",
    "SELECT list_transform(['threads'], lambda name: current_setting(name))",
    "SELECT getvariable('a')",
    "SELECT version()",
    "SELECT write_log('note')",
    "SELECT sleep_ms(1)",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_databases()",
    "SELECT * FROM duckdb_databases",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM pg_catalog.pg_settings",
    "SELECT * FROM pg_settings",
    "SELECT * FROM pragma_storage_info('events')",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM system.information_schema.tables",
    # text that is SQL again
    "FROM query('SELECT 1')",
    "FROM query_table('events')",
    "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "SELECT json_serialize_plan('SELECT version() AS a', optimize := true)",
    "SELECT json_serialize_sql('SELECT 1')",
    "SELECT list_transform(['SELECT version()'], lambda s: json_serialize_plan(s, optimize := true))",
    "SELECT ('SELECT version()').json_serialize_plan()",
    'SELECT main."JSON_Serialize_Plan"(\'SELECT version()\')',
    "SELECT n FROM events ORDER BY json_serialize_plan('SELECT 1')",
    "SELECT SUM(n) FILTER (json_serialize_plan('SELECT 1') IS NOT NULL) FROM events",
    "SELECT SUM(n) OVER (PARTITION BY json_serialize_plan('SELECT 1')) FROM events",
    "SELECT stats(n) FROM events",
    "SELECT current_query()",
]  # fmt: skip


@pytest.mark.parametrize("sql", REFUSED)
def test_what_does_more_than_read_the_warehouse_is_refused_and_changes_nothing(db: Path, sql: str) -> None:
    before = {path.name: path.read_bytes() for path in db.parent.iterdir()}
    answer = ask(db, sql.replace("{folder}", str(db.parent)))
    assert (answer.get("kind"), "rows" in answer) == ("refused", False)
    assert "hunter2" not in str(answer)
    assert {path.name: path.read_bytes() for path in db.parent.iterdir()} == before


ANSWERED = [
    ("SELECT COUNT(*), SUM(n) FROM VW_EVENTS", [[2, 3]]),
    ("FROM VW_EVENTS SELECT n ORDER BY n DESC;", [[2], [1]]),
    ("SELECT n FROM main.events QUALIFY ROW_NUMBER() OVER (ORDER BY n) = 1", [[1]]),
    ("WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM t WHERE a < 3) SELECT SUM(a) FROM t", [[6]]),
    ("SELECT n FROM events UNION SELECT 9 EXCEPT SELECT 1 ORDER BY 1", [[2], [9]]),
    ("SELECT item.value FROM events, json_each(feature_json, '$.a') AS item ORDER BY 1", [["1"], ["2"]]),
    ("SELECT UNNEST(range(2))", [[0], [1]]),
    ("SELECT table_name FROM information_schema.tables ORDER BY 1", [["VW_EVENTS"], ["events"]]),
    ("SELECT * FROM (DESCRIBE VW_EVENTS)", [["ts", "TIMESTAMP", "YES", None, None, None], ["n", "INTEGER", "YES", None, None, None]]),
    ("SELECT * FROM (PIVOT events ON n IN (1, 2) USING COUNT(*) GROUP BY ts) ORDER BY ts LIMIT 1", [["2026-01-01T00:00:00.000000Z", 1, 0]]),
    ("SELECT 'DROP TABLE events; read_csv' AS said", [["DROP TABLE events; read_csv"]]),
    ("VALUES (1), (2)", [[1], [2]]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "rows"), ANSWERED)
def test_what_only_reads_is_answered(db: Path, sql: str, rows: list[Any]) -> None:
    answer = ask(db, sql)
    assert (answer.get("error"), answer.get("rows")) == (None, rows)


@pytest.mark.long
def test_each_function_that_is_not_listed_is_refused_wherever_it_stands(db: Path) -> None:
    with duckdb.connect(str(db), read_only=True) as connection:
        connection.execute("SET lock_configuration = true")
        query = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_name SIMILAR TO '[A-Za-z]\\w*'"
        names = {name.lower() for (name,) in connection.execute(query).fetchall()}
        assert len(names) > 900
        assert names >= SCALAR_FUNCTIONS - {"unnest", "count_star"}
        for name in some(names - SCALAR_FUNCTIONS - TABLE_FUNCTIONS, 30):
            assert refusal_of(connection, f"SELECT {name}('SELECT 1')") is not None, name
        for name in some(names - TABLE_FUNCTIONS, 30):
            assert refusal_of(connection, f"SELECT * FROM {name}('SELECT 1')") is not None, name


def test_the_macros_of_the_warehouse_itself_may_be_called(tmp_path: Path) -> None:
    path = tmp_path / "own.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE MACRO own_double(x) AS 2 * x")
        connection.execute("CREATE MACRO own_rows(n) AS TABLE SELECT * FROM range(n)")
    assert ask(path, "SELECT own_double(21), COUNT(*) FROM own_rows(3)").get("rows") == [[42, 3]]


BOMBS = [
    "SELECT range(100000000)",
    "SELECT REPEAT('x', 5000000) FROM range(1000)",
    "SELECT REPEAT('x', 100000000) FROM range(1000)",
    "SELECT PRINTF('%1000000000d', 1)",
    "SELECT REPEAT('é', 300000000)",
    "SELECT STRING_AGG(REPEAT('x', 1000000), ',') FROM range(3000)",
    "SELECT LIST(REPEAT('x', 1000)) FROM range(10000000)",
]


@pytest.mark.long
@pytest.mark.parametrize("sql", some(BOMBS, 2))
def test_a_query_that_eats_memory_ends_alone_and_within_its_gigabyte(db: Path, sql: str) -> None:
    request = {"db": str(db), "sql": sql, "max_rows": 10, "max_bytes": 100_000, "timeout_s": 120}
    measured = (
        "import os, runpy, sys\n"
        "os._exit = sys.exit\n"
        "from activity_mcp.bench.queue_process import peak_mb\n"
        "try: runpy.run_module('activity_mcp.warehouse.duckdb.query_child', run_name='__main__')\n"
        "finally: print(round(peak_mb()), file=sys.stderr)"
    )
    command = [sys.executable, "-W", "ignore", "-c", measured]
    done = subprocess.run(command, input=json.dumps(request).encode(), capture_output=True, timeout=3 * PATIENCE_S, check=False)
    answer = json.loads(done.stdout) if done.stdout else _without_answer(done.returncode, done.stderr)
    assert (answer.get("kind"), answer.get("rows")) == ("refused", None)
    if done.returncode == 0:
        assert int(done.stderr.split()[-1]) < 1_220  # MB


def test_the_parent_reports_a_query_over_its_limits_once_and_at_once(db: Path) -> None:
    with pytest.raises(QueryRefused, match="memory"):
        DuckDBQueries(str(db)).query("SELECT range(100000000)", max_rows=10)


@pytest.mark.parametrize(("code", "err"), [(-6, b"terminate called"), (-9, b""), (-11, b""), (1, b"Traceback\nMemoryError\n")])
def test_a_process_that_died_of_memory_is_not_tried_again(code: int, err: bytes) -> None:
    assert _without_answer(code, err)["kind"] == "refused"
    assert _without_answer(1, b"ImportError: x")["kind"] == "unavailable"


def test_one_row_larger_than_any_event_is_refused(db: Path) -> None:
    assert "too large" in ask(db, f"SELECT REPEAT('x', {MAX_ROW_BYTES})").get("error", "")
    assert len(ask(db, f"SELECT REPEAT('x', {MAX_ROW_BYTES - 100})")["rows"][0][0]) == MAX_ROW_BYTES - 100


def test_a_result_is_cut_at_its_rows_and_at_its_bytes(db: Path) -> None:
    sql = "SELECT REPEAT('x', 98) FROM range(5000)"
    rows = ask(db, sql, max_rows=2500)
    cut = ask(db, sql, max_bytes=10_200)  # ["xx…"] is 102 bytes
    whole = ask(db, sql, max_rows=5000)
    counts = [(len(answer["rows"]), answer["truncated"]) for answer in (rows, cut, whole)]
    assert counts == [(2500, True), (100, True), (5000, False)]


def test_a_query_that_needs_too_much_memory_fails_and_fills_no_disk(db: Path) -> None:
    answer = ask(db, "SELECT LENGTH(STRING_AGG(REPEAT('x', 1000000), ',')) FROM range(3000)")
    assert answer.get("kind") == "refused"
    assert sorted(os.listdir(db.parent)) == ["a.duckdb", "other.duckdb", "secret.csv", "secret.json"]


def test_a_query_whose_parent_is_gone_ends_by_itself(db: Path) -> None:
    endless = "SELECT COUNT(*) FROM range(1000000) AS a (i), range(1000000) AS b (j) WHERE i * j % 7 = 3"
    request = {"db": str(db), "sql": endless, "max_rows": None, "timeout_s": 0.2}
    command = [sys.executable, "-m", "activity_mcp.warehouse.duckdb.query_child"]
    done = subprocess.run(command, input=json.dumps(request).encode(), capture_output=True, timeout=3 * PATIENCE_S, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGALRM, b"")


def test_a_statement_nested_past_what_can_be_read_is_refused(db: Path) -> None:
    assert ask(db, "SELECT " + "(" * 20_000 + "1" + ")" * 20_000).get("kind") == "refused"
    assert ask(db, "SELECT " + "+".join(["1"] * 320)).get("kind") == "refused"
    assert ask(db, "SELECT " + "+".join(["1"] * 250))["rows"] == [[250]]
    assert ask(db, "SELECT '\ud800'").get("kind") == "refused"
