"""Folding on the embedded engine: in whatever pieces, whichever process dies in between, the contexts are those of one fold."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from activity_mcp.clock import iso, parse_iso
from activity_mcp.errors import WarehouseUnavailable
from activity_mcp.warehouse import Batch, Row
from activity_mcp.warehouse.base import Folded
from activity_mcp.warehouse.duckdb import folding, layout, refresh
from activity_mcp.warehouse.duckdb.adapter import EmbeddedMaintenance
from activity_mcp.warehouse.duckdb.rewrite import rewrite
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from deployed import put_file
from derived import derived
from fakes import FakeClock
from sql.refresh_events import NOW, generate
from warehouse.test_contract import CHANNEL, EVERYWHERE, batch, offset, row


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(time_us=time.time_ns() // 1000 - 60_000_000)


def opened(path: Path, clock: FakeClock) -> DuckDBWarehouse:
    if not path.exists():
        put_file(path)
    return DuckDBWarehouse(str(path), clock=clock)


def hostile_rows(seed: int, count: int) -> list[Row]:
    """Rows of a few hours with features nobody expects; facts come twice, from better and from worse sources, far apart."""
    later = time.time_ns() // 1000 - parse_iso(iso_of(NOW)) - 3_600_000_000
    made = []
    for number, found in enumerate(generate(seed, count, poison=0.2, repeats=0.4, days=0.3)):
        columns = {name: value for name, value in found.items() if name in Row._fields}
        columns["ts"] = iso(parse_iso(iso_of(found["ts"])) + later)
        columns["feature_json"] = orjson.dumps(found["feature_json"]).decode()
        columns |= {"channel_id": CHANNEL, "stream_offset": offset(number + 1)}
        made.append(Row(**columns))
    return made


def iso_of(ts: Any) -> str:
    return f"{ts.isoformat(timespec='microseconds')}Z"


def appended(warehouse: DuckDBWarehouse, rows: list[Row], cuts: int, *, folds: bool) -> None:
    expected = None
    for start in range(0, len(rows), cuts):
        part = rows[start : start + cuts]
        warehouse.append(Batch(CHANNEL, expected, part[-1].stream_offset, part))
        expected = part[-1].stream_offset
        if folds:
            warehouse.fold()


@pytest.mark.parametrize("most", [pytest.param(1, marks=pytest.mark.slow), pytest.param(7, marks=pytest.mark.slow), 40])
def test_pieces_of_any_size_give_what_folding_each_batch_gives(
    tmp_path: Path, clock: FakeClock, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sequence looks at whole hours of the stream: it must not find there what is folded with a later piece."""
    rows = hostile_rows(7, 120 if most > 1 else 40)
    at_once, in_pieces = opened(tmp_path / "a.duckdb", clock), opened(tmp_path / "b.duckdb", clock)
    appended(at_once, rows, most, folds=True)
    at_once.close()
    appended(in_pieces, rows, 50, folds=False)
    monkeypatch.setattr(folding, "MAX_ROWS", most)
    in_pieces._folder._max_rows = most
    assert in_pieces.fold() == Folded(len(rows))
    in_pieces.close()
    assert derived(str(tmp_path / "b.duckdb")) == derived(str(tmp_path / "a.duckdb"))


def test_a_piece_without_the_memory_for_it_is_halved_and_all_is_folded(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = opened(tmp_path / "a.duckdb", clock)
    warehouse.append(batch(1, 50, clock, expected=None))
    tried: list[int] = []
    fail_above(6, monkeypatch, tried, duckdb.OutOfMemoryException("out of memory"))
    assert warehouse.fold() == Folded(50)
    assert tried[:4] == [50, 25, 12, 6]
    assert max(tried[4:]) <= 6, "what failed is not tried again"
    warehouse.append(batch(51, 60, clock, expected=offset(50)))
    assert warehouse.fold() == Folded(10)
    warehouse.close()
    assert derived(str(tmp_path / "a.duckdb"))["SUM(calls)"] == [(60,)]


def fail_above(rows: int, monkeypatch: pytest.MonkeyPatch, tried: list[int], error: Exception) -> None:
    """The refresh sequence raises ``error`` over more rows than that; how many there were is noted."""
    genuine = refresh.refresh

    def troubled(connection: duckdb.DuckDBPyConnection) -> None:
        count = connection.execute("SELECT COUNT(*) FROM CLAUDE_STREAM_V2_STREAM").fetchall()[0][0]
        tried.append(count)
        if count > rows:
            raise error
        genuine(connection)

    monkeypatch.setattr(folding, "refresh", troubled)


@pytest.mark.parametrize("error", [duckdb.ConversionException("no"), duckdb.OutOfMemoryException("out of memory")])
def test_a_row_the_sequence_cannot_take_stays_in_the_stream_and_stops_nobody(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, error: duckdb.Error
) -> None:
    warehouse = opened(tmp_path / "a.duckdb", clock)
    warehouse.append(batch(1, 30, clock, expected=None))
    genuine = refresh.refresh

    def troubled(connection: duckdb.DuckDBPyConnection) -> None:
        if connection.execute("SELECT 1 FROM CLAUDE_STREAM_V2_STREAM WHERE activity_id = 'id-17'").fetchall():
            raise error
        genuine(connection)

    monkeypatch.setattr(folding, "refresh", troubled)
    rows, left_out = warehouse.fold()
    assert rows == 29
    (reason,) = left_out
    assert reason.startswith("id-17: ")
    warehouse.close()
    found = derived(str(tmp_path / "a.duckdb"))
    assert (found["SUM(calls)"], found["not folded"], len(found["CLAUDE_STREAM_V2"])) == ([(29,)], [(0,)], 30)


def test_a_fold_that_is_not_done_in_time_is_tried_again_with_less(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = opened(tmp_path / "a.duckdb", clock)
    warehouse.append(batch(1, 8, clock, expected=None))
    tried: list[int] = []
    fail_above(2, monkeypatch, tried, duckdb.InterruptException("interrupted"))
    for _ in range(2):
        with pytest.raises(WarehouseUnavailable):
            warehouse.fold()
    assert warehouse.fold() == Folded(8)
    assert tried[:3] == [8, 4, 2]
    warehouse.close()


def test_rebuilt_contexts_leave_to_the_fold_what_it_will_take(tmp_path: Path, clock: FakeClock) -> None:
    """As a layout's upgrade does it, when the leader before it died between an append and its fold."""
    rows = hostile_rows(11, 60)
    plain, upgraded = opened(tmp_path / "a.duckdb", clock), opened(tmp_path / "b.duckdb", clock)
    appended(plain, rows, 20, folds=True)
    plain.close()
    appended(upgraded, rows[:40], 20, folds=True)
    upgraded.append(Batch(CHANNEL, offset(40), offset(60), rows[40:]))
    with upgraded.transaction() as statements:
        statements.rebuild_contexts()
    upgraded.close()
    again = opened(tmp_path / "b.duckdb", clock)
    assert again.fold() == Folded(20)
    again.close()
    found, wanted = derived(str(tmp_path / "b.duckdb")), derived(str(tmp_path / "a.duckdb"))
    assert found["CONTEXT_COUNTS"] == wanted["CONTEXT_COUNTS"]
    assert found["CONTEXT_HOURS"] == wanted["CONTEXT_HOURS"]
    assert found["SUPERSEDED"] == wanted["SUPERSEDED"]
    assert [blob for _, _, blob, _ in found["CONTEXT_CACHE"]] == [blob for _, _, blob, _ in wanted["CONTEXT_CACHE"]]


def test_forgetting_leaves_nothing_of_a_row_that_was_not_folded(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "a.duckdb"
    warehouse = opened(path, clock)
    warehouse.append(
        Batch(CHANNEL, None, offset(1), [row(1, clock, features={"tool_name": "Bash", "error": "hunter2-hunter2"})])
    )
    warehouse.append(batch(2, 5, clock, expected=offset(1)))
    warehouse.release()
    rewrite(str(path), lambda members: members["activity_id"] == "id-1", clock=clock)
    assert b"hunter2-hunter2" not in path.read_bytes()
    warehouse.close()
    found = derived(str(path))
    assert (found["SUM(calls)"], found["not folded"]) == ([(4,)], [(0,)])


def test_what_retention_removes_does_not_come_back_with_a_fold(tmp_path: Path, clock: FakeClock) -> None:
    warehouse = opened(tmp_path / "a.duckdb", clock)
    old = iso(clock.time_us() - 3 * 86_400_000_000)
    warehouse.append(Batch(CHANNEL, None, offset(1), [row(1, clock, ts=old)]))
    assert EmbeddedMaintenance(warehouse).run(1)["CLAUDE_STREAM_V2"] == 1
    assert warehouse.fold() == Folded()
    warehouse.close()
    assert derived(str(tmp_path / "a.duckdb"))["not folded"] == [(0,)]


def test_compacting_keeps_what_is_not_folded(tmp_path: Path, clock: FakeClock) -> None:
    warehouse = opened(tmp_path / "a.duckdb", clock)
    warehouse.append(batch(1, 5, clock, expected=None))
    EmbeddedMaintenance(warehouse).compact()
    assert warehouse.fold() == Folded(5)
    (context,) = warehouse.contexts([EVERYWHERE], CHANNEL)
    assert context.watermark == {CHANNEL: offset(5)}
    warehouse.close()


def test_a_file_from_before_there_were_folds_gets_its_table(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "a.duckdb"
    opened(path, clock).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("DROP VIEW V_STREAM_LAG")
        connection.execute("DROP TABLE CLAUDE_STREAM_V2_UNFOLDED")
        connection.execute("DELETE FROM DEPLOYED_FILES")
    warehouse = opened(path, clock)
    warehouse.append(batch(1, 2, clock, expected=None))
    assert warehouse.fold() == Folded(2)
    warehouse.close()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert layout.is_current(connection)


def test_what_waits_to_be_folded_counts_as_lag(tmp_path: Path, clock: FakeClock) -> None:
    warehouse = opened(tmp_path / "a.duckdb", clock)
    warehouse.append(batch(1, 3, clock, expected=None))
    with warehouse.transaction() as statements:
        assert statements.execute("SELECT has_data, waiting_rows FROM V_STREAM_LAG") == [(True, 3)]
    warehouse.fold()
    with warehouse.transaction() as statements:
        assert statements.execute("SELECT has_data, waiting_rows FROM V_STREAM_LAG") == [(False, 0)]
    warehouse.close()
