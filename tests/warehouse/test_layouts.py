"""Files of older layouts are brought up to date whole: copied first, resumable, and equal to a file that was never older."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from activity_mcp.clock import iso
from activity_mcp.warehouse import Batch
from activity_mcp.warehouse.base import LAYOUT_VERSION
from activity_mcp.warehouse.duckdb import layout
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from deployed import put_file
from fakes import FakeClock
from lengths import some
from warehouse.test_contract import CHANNEL, offset, row

OLDER = range(1, LAYOUT_VERSION)
ROWS = 60
UNDONE = {  # from the newest to the oldest: what each layout brought, taken back
    4: ("ALTER TABLE CLAUDE_STREAM_V2 DROP COLUMN hour_start",),
    3: ("DROP TABLE REFRESH_RUNS", "ALTER TABLE INSIGHT_ATOMS RENAME COLUMN is_quarantined TO quarantined"),
    2: ("DROP TABLE CONTEXT_COUNTS", "ALTER TABLE CONTEXT_ITEMS DROP COLUMN activity_id"),
}
COMPARED = {
    "CLAUDE_STREAM_V2": "*",
    "CHANNEL_OFFSETS": "*",
    "SUPERSEDED": "* EXCLUDE (batch_key)",
    "CONTEXT_CACHE": "* EXCLUDE (row_version, refreshed_at, recorded_at)",
    "(SELECT * FROM CONTEXT_COUNTS WHERE calls <> 0)": "* EXCLUDE (batch_key)",
    "CONTEXT_HOURS": "* EXCLUDE (refreshed_at)",
    "CONTEXT_ITEMS": "* EXCLUDE (refreshed_at)",
    "VW_PRODUCT_METRICS": "*",
}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(time_us=time.time_ns() // 1000 - 60_000_000)


class Filled(NamedTuple):
    """A file of this layout, not to be changed, and what is in it."""

    file: Path
    contents: dict[str, Any]

    def put(self, path: str) -> dict[str, Any]:
        shutil.copyfile(self.file, path)
        return self.contents


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    path = tmp_path_factory.mktemp("filled") / "a.duckdb"
    fill(path, FakeClock(time_us=time.time_ns() // 1000 - 60_000_000))
    return Filled(path, contents(str(path)))


def fill(path: Path, clock: FakeClock) -> None:
    """Two days of rows in several batches, a few facts twice."""
    put_file(path)
    warehouse = DuckDBWarehouse(str(path), clock=clock)
    expected, began = None, clock.time_us() - 2 * 86_400_000_000
    for first in range(0, ROWS, 20):
        rows = [
            row(
                number + 1,
                clock,
                activity_id=f"id-{number - 3 if number % 10 == 7 else number}",
                ts=iso(began + number * 2_500_000_000),
                source="import" if number % 10 == 7 else "hook",
                features={"tool_name": f"Tool{number % 3}", "success": number % 7 != 0, "latency_ms": number},
            )
            for number in range(first, first + 20)
        ]
        warehouse.append(Batch(CHANNEL, expected, offset(first + 20), rows))
        warehouse.fold()
        expected = offset(first + 20)
    warehouse.close()


def as_layout(path: str, version: int) -> None:
    with duckdb.connect(path) as connection:
        for brought in range(LAYOUT_VERSION, version, -1):
            for statement in UNDONE[brought]:
                connection.execute(statement)
        connection.execute("DELETE FROM ACTIVITY_SCHEMA_VERSION WHERE version > ?", [version])
        connection.execute("DELETE FROM DEPLOYED_FILES")


def contents(path: str) -> dict[str, Any]:
    with duckdb.connect(path, read_only=True) as connection:
        return {
            name: sorted(map(str, connection.execute(f"SELECT {columns} FROM {name}").fetchall()))
            for name, columns in COMPARED.items()
        }


@pytest.mark.long
@pytest.mark.parametrize("version", some(OLDER, 2))
def test_a_file_of_an_older_layout_is_copied_and_then_as_if_it_had_never_been_older(
    tmp_path: Path, clock: FakeClock, filled: Filled, version: int
) -> None:
    path = str(tmp_path / "a.duckdb")
    wanted = filled.put(path)
    as_layout(path, version)
    before = Path(path).read_bytes()
    warehouse = DuckDBWarehouse(path, clock=clock)
    assert warehouse.committed(CHANNEL) == offset(ROWS)
    warehouse.close()
    assert Path(f"{path}.layout-{version}").read_bytes() == before
    assert contents(path) == wanted
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT MAX(version) FROM ACTIVITY_SCHEMA_VERSION").fetchall() == [(LAYOUT_VERSION,)]
        assert layout.is_current(connection)


@pytest.mark.long
@pytest.mark.parametrize("version", some(OLDER, 1))
def test_what_was_interrupted_is_done_again_at_the_next_opening(
    tmp_path: Path, clock: FakeClock, filled: Filled, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "a.duckdb")
    wanted = filled.put(path)
    as_layout(path, version)
    with monkeypatch.context() as patched:
        patched.setattr(layout, "checksums", _killed)
        with pytest.raises(KeyboardInterrupt):
            DuckDBWarehouse(path, clock=clock).committed(CHANNEL)
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT MAX(version) FROM ACTIVITY_SCHEMA_VERSION").fetchall() == [(version,)]
    DuckDBWarehouse(path, clock=clock).close()
    warehouse = DuckDBWarehouse(path, clock=clock)
    assert warehouse.committed(CHANNEL) == offset(ROWS)
    warehouse.close()
    assert contents(path) == wanted


@pytest.mark.long
@pytest.mark.parametrize("version", some([LAYOUT_VERSION, LAYOUT_VERSION - 1], 1))
@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE CONTEXT_COUNTS RENAME COLUMN prompt_tokens_reported TO prompt_tokens_reported",
        "ALTER TABLE CONTEXT_ITEMS ADD COLUMN more VARCHAR",
        "DROP TABLE CONTEXT_HOURS",
    ],
    ids=["another name", "a column more", "a table less"],
)
def test_contexts_of_a_build_between_two_layouts_are_rebuilt(
    tmp_path: Path, clock: FakeClock, filled: Filled, version: int, change: str
) -> None:
    path = str(tmp_path / "a.duckdb")
    wanted = filled.put(path)
    as_layout(path, version)
    with duckdb.connect(path) as connection:
        connection.execute(change)
    warehouse = DuckDBWarehouse(path, clock=clock)
    assert warehouse.committed(CHANNEL) == offset(ROWS)
    warehouse.close()
    assert contents(path) == wanted


def _killed() -> dict[str, str]:
    raise KeyboardInterrupt


def test_a_row_holds_its_hour_whichever_way_it_came(filled: Filled) -> None:
    with duckdb.connect(str(filled.file), read_only=True) as connection:
        found = connection.execute("SELECT COUNT(*), COUNT_IF(hour_start = DATE_TRUNC('hour', ts)) FROM CLAUDE_STREAM_V2")
        assert found.fetchall() == [(ROWS, ROWS)]
