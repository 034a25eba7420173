"""A database file that was cut, overwritten or emptied anywhere never stops the queue, and no other trouble costs a file."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from activity_mcp.errors import WarehouseCorrupt, WarehouseError, WarehouseUnavailable
from activity_mcp.warehouse.duckdb.error_mapping import mapped, may_be_damage, says_damaged
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from fakes import FakeClock
from lengths import examples, some
from warehouse.test_contract import CHANNEL, batch, offset

ROWS = 600
HEADERS = 3 * 4096
BLOCK = 262_144


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of three flushes, closed."""
    path = tmp_path_factory.mktemp("whole") / "whole.duckdb"
    clock = FakeClock(time_us=time.time_ns() // 1000)
    warehouse = DuckDBWarehouse(str(path), clock=clock)
    for first in range(1, ROWS, 200):
        warehouse.append(batch(first, first + 199, clock, expected=offset(first - 1) if first > 1 else None))
        warehouse.release()
    warehouse.close()
    return path


@pytest.fixture(scope="module")
def with_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose second flush is still in its log, as a process that was killed leaves it."""
    path = tmp_path_factory.mktemp("log") / "logged.duckdb"
    script = f"""
import os, sys, time
sys.path[:0] = {[entry for entry in sys.path if entry]!r}
from warehouse.test_damage import *
clock = FakeClock(time_us=time.time_ns() // 1000)
warehouse = DuckDBWarehouse({str(path)!r}, clock=clock)
warehouse.append(batch(1, 200, clock, expected=None))
warehouse.release()
warehouse.append(batch(201, 220, clock, expected=offset(200)))
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert path.with_suffix(".duckdb.wal").stat().st_size > 1000
    return path


def ships_again(path: Path) -> int:
    """Flush until a flush succeeds, as a leader does; how often the file was set aside on the way."""
    clock, aside = FakeClock(time_us=time.time_ns() // 1000), 0
    warehouse = DuckDBWarehouse(str(path), clock=clock)
    for _ in range(3):
        clock.advance(2)
        try:
            found = warehouse.committed(CHANNEL)
            warehouse.append(batch(1001, 1010, clock, expected=found))
            assert warehouse.committed(CHANNEL) == offset(1010)
            warehouse.close()
            assert len(list(path.parent.glob(f"{path.name}.corrupt-*"))) >= aside
            return aside
        except WarehouseCorrupt:
            aside += 1
    raise AssertionError("three flushes failed")


def rows_of(path: Path) -> int:
    """A cut through a block that is free takes nothing away, and the file need not be set aside for it."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM CLAUDE_STREAM_V2").fetchall()[0][0])


def sizes(path: Path) -> list[int]:
    """Where structures begin and end, and around it."""
    size = path.stat().st_size
    edges = [0, 4096, HEADERS, HEADERS + BLOCK, size - BLOCK, size]
    return sorted({edge + step for edge in edges for step in (-1, 0, 1) if 0 <= edge + step < size})


@pytest.mark.long
def test_a_file_cut_where_a_structure_begins_or_ends_is_set_aside(tmp_path: Path, whole: Path) -> None:
    for length in some(sizes(whole), 5):
        path = tmp_path / f"{length}" / "a.duckdb"
        path.parent.mkdir()
        path.write_bytes(whole.read_bytes()[:length])
        assert ships_again(path) == 1 or rows_of(path) == rows_of(whole) + 10, f"cut to {length} bytes"


@pytest.mark.long
@examples(3, 40)
@given(part=st.floats(0, 1, exclude_max=True))
@example(part=0.5)
def test_a_file_cut_anywhere_is_set_aside(tmp_path_factory: pytest.TempPathFactory, whole: Path, part: float) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.duckdb"
    content = whole.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    assert ships_again(path) == 1 or rows_of(path) == rows_of(whole) + 10


@pytest.mark.long
@examples(3, 40)
@given(
    part=st.floats(0, 1, exclude_max=True), length=st.sampled_from([1, 8, 64, 4096]), fill=st.sampled_from(["random", "zero"])
)
@example(part=0.0, length=64, fill="random")
@example(part=0.0, length=4096, fill="zero")
def test_a_file_overwritten_anywhere_never_stops_the_queue(
    tmp_path_factory: pytest.TempPathFactory, whole: Path, part: float, length: int, fill: str
) -> None:
    path = tmp_path_factory.mktemp("overwritten") / "a.duckdb"
    content = bytearray(whole.read_bytes())
    at = int(len(content) * part)
    made = bytes(length) if fill == "zero" else random.Random(at).randbytes(length)
    content[at : at + length] = made[: len(content) - at]
    path.write_bytes(bytes(content))
    assert ships_again(path) <= 1


@pytest.mark.long
def test_no_byte_of_the_first_header_stops_the_queue(tmp_path: Path, whole: Path) -> None:
    """Among them the version, by which the engine would take the file for one of a later release."""
    for at in {12, *some((0, 3, 7, 8, 9, 11, 13, 16, 19, 20, 24, 40), 3)}:
        path = tmp_path / f"{at}" / "a.duckdb"
        path.parent.mkdir()
        content = bytearray(whole.read_bytes())
        content[at] ^= 0x5A
        path.write_bytes(bytes(content))
        assert ships_again(path) == 1, f"byte {at}"


@pytest.mark.long
@examples(3, 40)
@given(part=st.floats(0, 1, exclude_max=True), cut=st.booleans())
@example(part=0.5, cut=False)
@example(part=0.0, cut=False)
def test_a_damaged_log_costs_the_log_alone(
    tmp_path_factory: pytest.TempPathFactory, with_log: Path, part: float, cut: bool
) -> None:
    path = tmp_path_factory.mktemp("log") / "a.duckdb"
    shutil.copy(with_log, path)
    content = bytearray(Path(f"{with_log}.wal").read_bytes())
    at = int(len(content) * part)
    if cut:
        del content[at:]
    else:
        content[at] ^= 0x5A
    Path(f"{path}.wal").write_bytes(bytes(content))
    assert ships_again(path) <= 1
    with duckdb.connect(str(path), read_only=True) as found:
        (count,) = found.execute("SELECT COUNT(*) FROM CLAUDE_STREAM_V2").fetchone() or (0,)
    assert count >= 210
    assert [kept for kept in path.parent.glob("*.corrupt-*") if not kept.name.endswith(".wal")] == []


def test_a_file_that_cannot_be_moved_away_is_said_and_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    path.write_bytes(b"not a database at all" * 999)
    clock = FakeClock(time_us=time.time_ns() // 1000)
    warehouse = DuckDBWarehouse(str(path), clock=clock)
    from activity_mcp.clock import iso

    blocked = Path(f"{path}.corrupt-{iso(clock.time_us())[:19].replace(':', '')}")
    (blocked / "in the way").mkdir(parents=True)
    with pytest.raises(WarehouseUnavailable, match="cannot be set aside"):
        warehouse.committed(CHANNEL)
    assert path.exists()
    clock.advance(1)
    with pytest.raises(WarehouseCorrupt):
        warehouse.committed(CHANNEL)
    warehouse.append(batch(1, 1, clock, expected=None))
    warehouse.close()


# --- what is not the file's fault

NO_ROOM = """
import resource, signal, sys, time
sys.path[:0] = {paths!r}
from warehouse.test_damage import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
clock = FakeClock(time_us=time.time_ns() // 1000)
warehouse = DuckDBWarehouse({path!r}, clock=clock)
resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))
try:
    warehouse.append(batch(ROWS + 1, ROWS + 200, clock, expected=offset(ROWS)))
    warehouse.release()
    print("stored")
except WarehouseError as error:
    print(type(error).__name__, error.message)
"""


@pytest.mark.parametrize("memory", ["1MB", "4MB"])
def test_too_little_memory_costs_no_file(tmp_path: Path, whole: Path, memory: str) -> None:
    path = tmp_path / "a.duckdb"
    shutil.copy(whole, path)
    clock = FakeClock(time_us=time.time_ns() // 1000)
    warehouse = DuckDBWarehouse(str(path), clock=clock, memory=memory)
    assert warehouse.committed(CHANNEL) == offset(ROWS)
    warehouse.append(batch(ROWS + 1, ROWS + 200, clock, expected=offset(ROWS)))
    warehouse.close()
    assert list(tmp_path.glob("*.corrupt-*")) == []


@pytest.mark.parametrize("room", [0, 4096, HEADERS + BLOCK])
def test_a_disk_that_takes_no_more_costs_no_file(tmp_path: Path, whole: Path, room: int) -> None:
    path = tmp_path / "a.duckdb"
    shutil.copy(whole, path)
    script = NO_ROOM.format(paths=[entry for entry in sys.path if entry], path=str(path), room=room)
    reported = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False).stdout
    assert "WarehouseUnavailable" in reported or "stored" in reported
    assert list(tmp_path.glob("*.corrupt-*")) == []
    assert ships_again(path) == 0


@pytest.mark.parametrize(
    "message",
    [
        'IO Error: Could not write file "/h/a.duckdb": No space left on device',
        'IO Error: Could not read from file "/h/a.duckdb": Input/output error',
        'IO Error: Cannot open file "/h/a.duckdb": Permission denied',
        'IO Error: Cannot open file "/h/a.duckdb": Read-only file system',
        'IO Error: Could not set lock on file "/h/a.duckdb": Conflicting lock is held in PID 12',
        'IO Error: Could not read enough bytes from file "/h/a.duckdb.tmp/duckdb_temp_storage-0.tmp": attempted to read 9',
        "FATAL Error: Failed to create checkpoint because of error: No space left on device",
        "Out of Memory Error: could not allocate block of size 256.0 KiB (122.0 MiB/122.0 MiB used)",
    ],
)
def test_the_machines_trouble_is_no_damage(message: str, tmp_path: Path, whole: Path) -> None:
    path = tmp_path / "a.duckdb"
    shutil.copy(whole, path)
    error = duckdb.IOException(message)
    assert not says_damaged(error)
    assert isinstance(mapped(error, str(path)), WarehouseError)
    assert not isinstance(mapped(error, str(path)), WarehouseCorrupt)
    if ".tmp/" not in message:
        assert not may_be_damage(error)
