"""The embedded warehouse: what only a file can suffer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from activity_mcp.errors import BatchRejected, WarehouseCorrupt, WarehouseNewer, WarehouseUnavailable
from activity_mcp.warehouse import Batch, Row
from activity_mcp.warehouse.base import LAYOUT_VERSION
from activity_mcp.warehouse.duckdb import appending
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from deployed import put_file
from fakes import FakeClock
from lengths import LONG
from warehouse.test_contract import CHANNEL, batch, offset, row


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(time_us=time.time_ns() // 1000)


def filled(path: str, clock: FakeClock) -> None:
    """A warehouse of one row at ``path``, closed again."""
    put_file(Path(path))
    warehouse = DuckDBWarehouse(path, clock=clock)
    warehouse.append(batch(1, 1, clock, expected=None))
    warehouse.release()


def test_a_row_the_engine_refuses_rolls_back_rows_and_offset_alike(tmp_path: Path, clock: FakeClock) -> None:
    warehouse = DuckDBWarehouse(str(tmp_path / "a.duckdb"), clock=clock)
    warehouse.append(batch(1, 2, clock, expected=None))
    with pytest.raises(BatchRejected):
        warehouse.append(Batch(CHANNEL, offset(2), offset(4), [row(3, clock), row(4, clock, ts="half past nine")]))
    assert warehouse.committed(CHANNEL) == offset(2)
    assert warehouse.highest_offset(CHANNEL) == offset(2)
    warehouse.release()


@pytest.mark.parametrize("content", [b"", b"\0" * 8192, b"not a database at all" * 999], ids=["empty", "nul", "text"])
def test_a_corrupt_file_is_set_aside_said_loudly_and_replaced(tmp_path: Path, clock: FakeClock, content: bytes) -> None:
    path = tmp_path / "a.duckdb"
    path.write_bytes(content)
    warehouse = DuckDBWarehouse(str(path), clock=clock)
    with pytest.raises(WarehouseCorrupt, match="set aside"):
        warehouse.committed(CHANNEL)
    (aside,) = tmp_path.glob("a.duckdb.corrupt-*")
    assert aside.read_bytes() == content
    warehouse.append(batch(1, 1, clock, expected=None))
    assert warehouse.committed(CHANNEL) == offset(1)
    warehouse.release()


def test_a_file_deleted_under_a_running_leader_is_made_again(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "a.duckdb"
    warehouse = DuckDBWarehouse(str(path), clock=clock)
    warehouse.append(batch(1, 1, clock, expected=None))
    warehouse.release()
    path.unlink()
    assert warehouse.committed(CHANNEL) is None
    warehouse.append(batch(2, 2, clock, expected=None))
    assert warehouse.committed(CHANNEL) == offset(2)
    warehouse.release()


def test_a_block_that_is_damaged_inside_sets_the_file_aside_as_well(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "a.duckdb"
    filled(str(path), clock)
    content = bytearray(path.read_bytes())
    for start in range(12288, len(content), 4096):
        content[start + 100 : start + 164] = bytes(255 - byte for byte in content[start + 100 : start + 164])
    path.write_bytes(bytes(content))
    warehouse = DuckDBWarehouse(str(path), clock=clock)
    with pytest.raises(WarehouseCorrupt):
        warehouse.append(batch(2, 2, clock, expected=offset(1)))
    assert len(list(tmp_path.glob("a.duckdb.corrupt-*"))) == 1
    warehouse.append(batch(2, 2, clock, expected=None))
    warehouse.release()


def test_a_directory_that_cannot_be_made_is_unavailable(clock: FakeClock) -> None:
    with pytest.raises(WarehouseUnavailable, match="cannot be used"):
        DuckDBWarehouse("/proc/no/such/place.duckdb", clock=clock).committed(CHANNEL)


def test_a_newer_layout_is_refused_and_left_alone(tmp_path: Path, clock: FakeClock) -> None:
    path = str(tmp_path / "a.duckdb")
    filled(path, clock)
    with duckdb.connect(path) as connection:
        connection.execute("INSERT INTO ACTIVITY_SCHEMA_VERSION (version, description, applied_at) VALUES (99, 'x', now())")
    with pytest.raises(WarehouseNewer, match="layout 99"):
        DuckDBWarehouse(path, clock=clock).append(batch(2, 2, clock, expected=offset(1)))
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT COUNT(*) FROM CLAUDE_STREAM_V2").fetchone() == (1,)


def test_an_older_layout_is_migrated_only_after_its_file_was_copied(tmp_path: Path, clock: FakeClock) -> None:
    path = str(tmp_path / "a.duckdb")
    filled(path, clock)
    with duckdb.connect(path) as connection:  # as the first layout was
        connection.execute("DELETE FROM ACTIVITY_SCHEMA_VERSION WHERE version > 1")
        connection.execute("DROP TABLE CONTEXT_COUNTS")
        connection.execute("ALTER TABLE CONTEXT_ITEMS DROP COLUMN activity_id")
        connection.execute("ALTER TABLE INSIGHT_ATOMS RENAME COLUMN is_quarantined TO quarantined")
        connection.execute("DELETE FROM DEPLOYED_FILES")
    before = Path(path).read_bytes()
    newer = DuckDBWarehouse(path, clock=clock)
    newer.append(batch(2, 2, clock, expected=offset(1)))
    newer.fold()
    newer.release()
    assert Path(f"{path}.layout-1").read_bytes() == before
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT COUNT(*) FROM CLAUDE_STREAM_V2").fetchall() == [(2,)]
        assert connection.execute("SELECT MAX(version) FROM ACTIVITY_SCHEMA_VERSION").fetchall() == [(LAYOUT_VERSION,)]
        assert connection.execute("SELECT COUNT(*) > 3 FROM DEPLOYED_FILES").fetchall() == [(True,)]
        assert connection.execute("SELECT SUM(calls) FROM CONTEXT_COUNTS WHERE project = '*'").fetchall() == [(2,)]


def test_a_file_another_process_writes_is_unavailable_for_now(tmp_path: Path, clock: FakeClock) -> None:
    path = str(tmp_path / "a.duckdb")
    filled(path, clock)
    script = f"import duckdb, time; c = duckdb.connect({path!r}); print('open', flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(WarehouseUnavailable, match="another process") as locked:
            DuckDBWarehouse(path, clock=clock).append(batch(2, 2, clock, expected=offset(1)))
        assert locked.value.retryable
    finally:
        other.kill()
        other.communicate()
    freed = DuckDBWarehouse(path, clock=clock)
    freed.append(batch(2, 2, clock, expected=offset(1)))
    freed.release()


def test_a_call_that_does_not_end_is_interrupted_and_rolled_back(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "a.duckdb")
    filled(path, clock)
    fill = appending._fill_batch

    def fill_without_end(connection: duckdb.DuckDBPyConnection, rows: Sequence[Row]) -> None:
        fill(connection, rows)
        connection.execute("SELECT sum(hash(range)) FROM range(1_000_000_000_000)").fetchall()

    more = batch(2, 20, clock, expected=offset(1))
    with monkeypatch.context() as patched:
        patched.setattr(appending, "_fill_batch", fill_without_end)
        with pytest.raises(WarehouseUnavailable, match="in time"):
            DuckDBWarehouse(path, clock=clock, timeout_s=0.001).append(more)
    patient = DuckDBWarehouse(path, clock=clock)
    assert patient.highest_offset(CHANNEL) == offset(1)
    patient.append(more)
    assert patient.highest_offset(CHANNEL) == offset(20)
    patient.release()


KILLED_WRITER = """
import sys, time
sys.path[:0] = {paths!r}
from warehouse.test_contract import batch, offset, CHANNEL
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from fakes import FakeClock
clock = FakeClock(time_us=time.time_ns() // 1000)
warehouse = DuckDBWarehouse({path!r}, clock=clock)
committed = warehouse.committed(CHANNEL)
number = int(committed.split(":")[2], 16) if committed else 0
while True:
    warehouse.append(batch(number + 1, number + 20, clock, expected=offset(number) if number else None))
    number += 20
    warehouse.release()
    print("wrote", flush=True)
"""


@pytest.mark.long
def test_a_writer_killed_at_any_moment_leaves_rows_and_offset_in_step(tmp_path: Path, clock: FakeClock) -> None:
    path = str(tmp_path / "a.duckdb")
    paths = [entry for entry in sys.path if entry]
    for round_number in range(6 if LONG else 3):
        script = KILLED_WRITER.format(path=path, paths=paths)
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=dict(os.environ))
        assert child.stdout is not None
        assert child.stdout.readline() == b"wrote\n"
        time.sleep(0.05 + 0.09 * round_number)  # the moment of the kill, not a wait for a result
        child.send_signal(signal.SIGKILL)
        child.communicate()
    with duckdb.connect(path) as connection:
        stored = connection.execute("SELECT COUNT(*), COUNT(DISTINCT stream_offset), MAX(stream_offset) FROM CLAUDE_STREAM_V2")
        count, distinct, highest = stored.fetchone() or (0, 0, "")
        (committed,) = connection.execute("SELECT committed_offset FROM CHANNEL_OFFSETS").fetchone() or ("",)
    assert count == distinct > 0
    assert committed == highest == offset(count)
