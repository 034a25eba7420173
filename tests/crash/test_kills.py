"""kill -9 at every step of an append and of a flush: nothing acknowledged is lost, nothing is shipped twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb

from activity_mcp.queue import open_queue
from activity_mcp.warehouse import Batch
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from crash.points import SINK, KeptWarehouse
from derived import derived, stored_rows
from rigs import Rig

TESTS = str(Path(__file__).parents[1])


def killed_everywhere(scenario: str, place: Path) -> int:
    """Run the scenario, killed at each of its steps; how many there are."""
    command = [sys.executable, "-m", "crash.points", scenario, str(place)]
    paths = os.pathsep.join([TESTS, *(entry for entry in sys.path if entry)])
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def acknowledged(place: Path) -> list[str]:
    return (place / "acknowledged").read_text().split()


def test_a_writer_killed_at_any_step_loses_nothing_it_acknowledged_and_tears_nobody_elses_line(tmp_path: Path) -> None:
    kills = killed_everywhere("append", tmp_path)
    rig = Rig(tmp_path / "queue")
    after = rig.write(1)
    rig.drain()
    reported, found = acknowledged(tmp_path), rig.ids()
    assert set(reported) <= set(found)
    assert len(found) - 1 <= len(reported) + kills  # one line a kill may be written and not reported
    assert found == sorted(set(found[:-1])) + after
    assert kills > 20


def test_a_flusher_killed_at_any_step_ships_each_line_once_and_in_order(tmp_path: Path) -> None:
    assert killed_everywhere("flush", tmp_path) > 20
    rig = Rig(tmp_path / "queue")
    rig.warehouse = KeptWarehouse(tmp_path / "warehouse")
    rig.drain()
    assert rig.ids() == acknowledged(tmp_path)
    assert open_queue(rig.directory, sink=SINK).queue_id == rig.queue.queue_id
    offsets = [row.stream_offset for row in rig.warehouse.rows]
    assert offsets == sorted(set(offsets))


def test_a_flush_into_duckdb_killed_at_any_statement_commits_rows_and_offset_together(tmp_path: Path) -> None:
    assert killed_everywhere("duckdb", tmp_path) > 5
    with duckdb.connect(str(tmp_path / "activity.duckdb")) as connection:
        stored = connection.execute("SELECT activity_id FROM CLAUDE_STREAM_V2 ORDER BY stream_offset").fetchall()
        places = connection.execute("SELECT MAX(stream_offset), COUNT(DISTINCT stream_offset) FROM CLAUDE_STREAM_V2").fetchone()
        tokens = connection.execute("SELECT channel_id, committed_offset FROM CHANNEL_OFFSETS").fetchall()
    assert [name for (name,) in stored] == acknowledged(tmp_path)
    assert places is not None
    assert tokens == [(open_queue(str(tmp_path / "queue"), sink=SINK).queue_id, places[0])]
    assert places[1] == len(stored)


def test_a_fold_killed_at_any_statement_takes_each_row_into_the_contexts_once(tmp_path: Path) -> None:
    assert killed_everywhere("fold", tmp_path) > 15
    disturbed = DuckDBWarehouse(str(tmp_path / "activity.duckdb"))
    disturbed.fold()
    disturbed.close()
    undisturbed = DuckDBWarehouse(str(tmp_path / "other.duckdb"))
    rows = stored_rows(str(tmp_path / "activity.duckdb"))
    undisturbed.append(Batch(rows[0].channel_id, None, rows[-1].stream_offset, rows))
    undisturbed.fold()
    undisturbed.close()
    assert derived(str(tmp_path / "activity.duckdb")) == derived(str(tmp_path / "other.duckdb"))
    assert derived(str(tmp_path / "activity.duckdb"))["SUM(calls)"] == [(len(acknowledged(tmp_path)),)]
