"""``deploy`` and ``migrate`` as a person runs them, on the embedded warehouse, and what they say of Snowflake without one."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from activity_mcp.warehouse.base import LAYOUT_VERSION
from activity_mcp.warehouse.duckdb import file_turns, warehouse
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from cli.outcome import Call
from patience import PATIENCE_S, until


def insert(home: Path, rows: int, first: int = 0) -> None:
    made = DuckDBWarehouse(str(home / "activity.duckdb"))
    with made.transaction() as statements:
        statements.execute(
            "INSERT INTO ACTIVITY_STREAM (activity_id, ts, customer, activity, feature_1) SELECT 'a-' || n, "
            f"TIMESTAMP '2026-11-01' + to_days(CAST(n % 3 AS INTEGER)), 'ada', 'ran_sql', 'x' FROM range({first}, {first + rows}) AS r (n)"
        )
    made.release()


def test_a_migration_from_the_first_look_to_the_way_back(home: Path, call: Call) -> None:
    insert(home, 30)
    assert call("migrate", "status", "--json").json == {
        "dual_write": False, "reads_v2": False, "v1_rows": 30, "followed_rows": 0, "to_backfill": 30, "only_in_v2": 0,
    }  # fmt: skip
    early = call("migrate", "cutover")
    assert (early.code, early.out) == (5, "")
    assert "missing failed; VW_ACTIVITIES still reads version 1" in early.err
    assert call("migrate", "validate").code == 5
    on = call("migrate", "dual-write", "on")
    assert (on.code, on.out) == (0, "copied 30 activities to version 2\ndual write is on\n")
    assert "no tasks" in on.err
    insert(home, 6, first=30)
    late = call("migrate", "validate", "--json")
    assert late.code == 5
    assert [check for check in late.json if check["name"] == "missing"] == [
        {"name": "missing", "old_value": "6", "new_value": "0", "status": "FAIL",
         "sample_ids": '["a-30","a-31","a-32","a-33","a-34"]'},
    ]  # fmt: skip
    assert call("migrate", "backfill").out == "copied 6 activities to version 2\n"
    assert {check["status"] for check in call("migrate", "validate", "--json").json} == {"PASS"}
    assert call("migrate", "cutover").out == "consumers of VW_ACTIVITIES read version 2\n"
    assert "consumers read version 2" in call("migrate", "status").out
    assert "consumers of VW_ACTIVITIES read version 1" in call("migrate", "rollback").out
    assert call("migrate", "dual-write", "off").out == "dual write is off\n"
    assert call("migrate", "status", "--json").json["reads_v2"] is False


def test_a_migration_waits_for_the_file_while_another_process_writes(
    home: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's leader opens the file for each flush: between two of them there is time enough."""
    insert(home, 1)
    attach = file_turns.attach
    monkeypatch.setattr(warehouse, "attach", lambda connection, path, _: attach(connection, path, PATIENCE_S))
    path = home / "activity.duckdb"
    script = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input(); c.close()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"

        def let_go() -> None:
            until(Path(f"{path}.writer-waits").exists)
            holder.communicate(b"\n")

        with ThreadPoolExecutor(1) as other:
            lets_go = other.submit(let_go)
            assert call("migrate", "backfill").out == "copied 1 activities to version 2\n"
            lets_go.result()


def test_deploy_on_the_embedded_warehouse_says_what_does_not_apply(home: Path, call: Call) -> None:
    path = home / "activity.duckdb"
    assert call("deploy", "--dry-run").out == f"{path}: to be deployed\n"
    assert not path.exists()
    done = call("deploy")
    assert (done.code, done.out) == (0, f"{path}: layout {LAYOUT_VERSION}, up to date\n")
    assert "streams and tasks" in done.err
    assert call("deploy", "--dry-run").out == f"{path}: up to date\n"
    printed = call("deploy", "--print").out
    duckdb.connect(":memory:").execute(printed)


def test_the_sql_is_printed_with_the_names_given(call: Call, tmp_path: Path) -> None:
    printed = call("deploy", "--print", "--only", "05_governance.sql", "--database", "LOGS", "--role-prefix", "TEAM")
    assert printed.code == 0
    assert "SET activity_database = 'LOGS';" in printed.out
    assert "CREATE ROLE IF NOT EXISTS TEAM_ENGINE" in printed.out
    assert "CLAUDE_STREAM_V2 (\n" not in printed.out
    wrong = call("deploy", "--print", "--only", "06.sql", "--database", "LOGS")
    assert (wrong.code, wrong.out) == (2, "")
    assert "01_migration_setup.sql" in wrong.err
    assert call("deploy", "--print", "--database", "a b").code == 2


@pytest.mark.parametrize("command", [["deploy"], ["migrate", "status"]])
def test_a_connection_that_is_not_there_is_named(
    call: Call,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("SNOWFLAKE_HOME", str(tmp_path))
    monkeypatch.setenv("SNOW_CONNECTION", "nobody")
    done = call(*command)
    assert (done.code, done.out) == (4, "")
    assert "nobody" in done.err
    assert os.environ["SNOW_CONNECTION"] == "nobody"
