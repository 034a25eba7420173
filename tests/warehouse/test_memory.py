"""What a batch may hold: events of any kind, size and shape, in any mix, drain within the engine's memory."""

from __future__ import annotations

import shutil
import string
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.activity import MAX_EVENT_BYTES, Origin, build
from activity_mcp.bench.growth import fill
from activity_mcp.queue import dead_letters
from activity_mcp.warehouse.duckdb.rewrite import rewrite
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from lengths import LONG, examples, some
from rigs import Rig

LARGEST = MAX_EVENT_BYTES - 4096 - 1024
"""Of one event's features, with room for the other members."""
BACKLOG = 6 << 20
"""As much as a command takes at once."""
LETTERS = string.ascii_letters + string.digits + " "

Features = dict[str, Any]


def text(size: int) -> str:
    return (LETTERS * (size // len(LETTERS) + 1))[:size]


def wide(size: int) -> str:
    """Characters of two and three bytes, and two that JSON escapes."""
    return ('é漢\n"' * (size // 9 + 1))[: size // 3]


def numbers(size: int) -> list[int]:
    return [number % 10 for number in range(size // 2)]


def objects(size: int) -> list[Features]:
    return [{}] * (size // 3)


def nested(size: int) -> list[Any]:
    deep: list[Any] = [0]
    for _ in range(20):
        deep = [deep]
    return [deep] * (size // 44)


def members(size: int) -> Features:
    return {f"k{number:06d}": number % 10 for number in range(size // 13)}


VALUES: dict[str, Callable[[int], Any]] = {
    "text": text, "wide": wide, "numbers": numbers, "objects": objects, "nested": nested, "members": members,
}  # fmt: skip

KINDS: dict[str, tuple[str, Features, tuple[str, ...]]] = {
    "command": ("tool_event", {"tool_name": "Bash", "success": True}, ("parameters.command",)),
    "failed command": ("tool_event", {"tool_name": "Bash", "success": False}, ("parameters.command", "error")),
    "tool": ("tool_event", {"tool_name": "Write", "success": False}, ("tool_name", "parameters", "message")),
    "statement": ("sql_event", {"query_id": "q", "success": True}, ("sql", "query_id")),
    "failed statement": ("sql_event", {"query_id": "q", "success": False}, ("sql", "error")),
    "file": ("file_event", {"success": False}, ("file_path", "operation", "error")),
    "prompt": ("session_event", {"event_type": "user_prompt"}, ("excerpt", "git_branch")),
    "answer": ("session_event", {"event_type": "turn_end"}, ("excerpt", "event_type")),
    "model": ("llm_event", {"prompt_tokens": 1, "completion_tokens": 1}, ("model", "error")),
    "system": ("system_event", {"event_type": "x", "severity": "error"}, ("message", "event_type")),
    "insight": ("mcp_event", {"method": "record_insight", "insight_id": "i"}, ("subject", "metric", "value", "grain", "source_events")),
    "artifact": ("mcp_event", {"method": "store_artifact"}, ("artifact_id", "sample_rows", "content_schema")),
    "call": ("mcp_event", {"method": "query", "success": False}, ("arguments", "error")),
    "unknown members": ("tool_event", {"tool_name": "x", "success": False}, ("",)),
}  # fmt: skip
"""By name: the event, the features it must have, and the places whose text the refresh reads."""


def features_of(kind: str, shape: str, size: int, number: int) -> tuple[str, Features]:
    event_name, fixed, places = KINDS[kind]
    features = dict(fixed)
    for place in places:
        value = VALUES[shape](size // len(places))
        name, _, below = place.partition(".")
        if name:
            features[name] = {below: value} if below else value
        else:
            features |= value if isinstance(value, dict) else {"extra": value}
    features.setdefault("n", number)
    return event_name, features


ITEMS = "SELECT customer, project, section, COUNT(*) > 0, MAX(ts) FROM CONTEXT_ITEMS GROUP BY ALL ORDER BY ALL"


class Backlog:
    """A queue over an embedded warehouse, to be filled and drained."""

    def __init__(self, home: Path, warehouse: DuckDBWarehouse | None = None) -> None:
        self.rig = Rig(home / "queue", max_bytes=1 << 30)
        self.rig.clock.jump_wall(time.time() - self.rig.clock.time_us() / 1e6)
        self.warehouse = warehouse or DuckDBWarehouse(str(home / "a.duckdb"))
        self.count = 0

    def add(self, kind: str, shape: str, size: int, count: int) -> None:
        for _ in range(count):
            self.count += 1
            event_name, features = features_of(kind, shape, size, self.count)
            origin = Origin("ada@example.com", "hook", session_id=f"s{self.count % 7}", project=f"p{self.count % 3}")
            now_us = self.rig.clock.time_us() + self.count
            activity = build(event_name, features, origin, now_us=now_us, activity_id=f"id-{self.count}", strict=False)
            activity.validated = True
            self.rig.writer.append([activity.line()])

    def drain(self) -> None:
        flusher = self.rig.flusher(self.warehouse)
        while flusher.step(max_rows=10_000, max_bytes=6 << 20).more:
            pass

    def stored(self) -> int:
        with self.warehouse.transaction() as statements:
            found: int = statements.execute(
                "SELECT COUNT(*) FROM CLAUDE_STREAM_V2 WHERE channel_id = ?", [self.rig.queue.queue_id]
            )[0][0]
        return found

    def assert_drains(self) -> None:
        """Nothing waits and all is stored; set aside is at most what has more than ten thousand members of its own."""
        self.drain()
        assert self.stored() == self.count  # what is set aside has its system_event
        for letter in dead_letters(self.rig.directory):
            assert "out of memory" in letter.reason.lower()
            assert b'"k010000":' in letter.data()
        self.warehouse.close()


def group() -> st.SearchStrategy[tuple[str, str, int, int]]:
    """Events of one kind, shape and size; as many as may be, up to what a backlog may hold."""
    sizes = st.sampled_from([100, 1_000, 4_000, 30_000, LARGEST])
    counts = st.integers(1, 1200)
    return st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(VALUES)), sizes, counts).map(
        lambda found: (*found[:3], min(found[3], max(1, BACKLOG // 4 // found[2])))
    )


Mix = list[tuple[str, str, int, int]]
MIXES = st.lists(group(), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of ten thousand activities (long: a hundred thousand) of twenty customers."""
    home = tmp_path_factory.mktemp("large")
    fill({"ACTIVITY_HOME": str(home), "HOME": str(home)}, 100_000 if LONG else 10_000)
    return home / "activity.duckdb"


def drain(home: Path, mix: Mix, warehouse: Path | None = None) -> None:
    if warehouse is not None:
        shutil.copy(warehouse, home / "a.duckdb")
    backlog = Backlog(home)
    for part in mix:
        backlog.add(*part)
    backlog.assert_drains()


@pytest.mark.long
@examples(2, 25)
@given(mix=MIXES)
def test_any_mix_of_maximal_events_drains(tmp_path_factory: pytest.TempPathFactory, mix: Mix) -> None:
    drain(tmp_path_factory.mktemp("mix"), mix)


@pytest.mark.long
@examples(1, 25)
@given(mix=MIXES)
def test_any_mix_drains_into_a_large_warehouse(tmp_path_factory: pytest.TempPathFactory, large: Path, mix: Mix) -> None:
    drain(tmp_path_factory.mktemp("mix"), mix, large)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS if LONG else some(["failed command", "insight", "unknown members"], 1))
def test_a_backlog_of_one_kind_drains(tmp_path: Path, kind: str) -> None:
    drain(tmp_path, [(kind, "text", 4_000, 1_100 if LONG else 600)])


@pytest.mark.long
@pytest.mark.parametrize("shape", some(VALUES, 2))
def test_the_largest_events_of_any_shape_drain(tmp_path: Path, shape: str) -> None:
    drain(tmp_path, [(kind, shape, LARGEST, 1) for kind in list(KINDS)[list(VALUES).index(shape) :: 3]])


@pytest.mark.long
def test_the_process_that_drains_stays_small(tmp_path: Path) -> None:
    backlog = Backlog(tmp_path)
    for kind in some(KINDS, 5):
        backlog.add(kind, "numbers", 30_000, 8)
    backlog.rig.writer.close()
    script = f"""
import sys
from pathlib import Path
sys.path[:0] = {[entry for entry in sys.path if entry]!r}
from activity_mcp.bench.queue_process import peak_mb
from warehouse.test_memory import Backlog
backlog = Backlog(Path({str(tmp_path)!r}))
before = peak_mb()
backlog.drain()
print(round(before), round(peak_mb()), backlog.stored(), flush=True)
"""
    reported = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    before, after, stored = map(int, reported)
    assert stored == backlog.count
    assert after - before < 300, f"{after - before} MB more than before"


def test_a_small_batch_gets_more_memory_for_a_while_where_the_warehouse_itself_needs_it(tmp_path: Path, large: Path) -> None:
    shutil.copy(large, tmp_path / "a.duckdb")
    narrow = DuckDBWarehouse(str(tmp_path / "a.duckdb"), memory="3MB")
    backlog = Backlog(tmp_path, narrow)
    backlog.add("command", "text", 1_000, 300)
    backlog.assert_drains()


@pytest.mark.long
def test_forgetting_rewrites_maximal_events(tmp_path: Path) -> None:
    kinds = some(KINDS, 3)
    drain(tmp_path, [(kind, "text", LARGEST, 2) for kind in kinds])
    rewritten = rewrite(str(tmp_path / "a.duckdb"), lambda members: members["activity_id"] in ("id-1", "id-2"))
    assert (rewritten.kept, rewritten.removed) == (2 * len(kinds) - 2, 2)


@pytest.mark.long
def test_an_older_layout_of_maximal_events_is_brought_up_to_date(tmp_path: Path) -> None:
    drain(tmp_path, [(kind, "text", 100_000, 2) for kind in some(KINDS, 4)])
    path = str(tmp_path / "a.duckdb")
    with duckdb.connect(path) as connection:
        before = connection.execute(ITEMS).fetchall()
        connection.execute("DELETE FROM ACTIVITY_SCHEMA_VERSION WHERE version > 1")
        connection.execute("DELETE FROM DEPLOYED_FILES")
    warehouse = DuckDBWarehouse(path)
    assert warehouse.committed("no such channel") is None
    warehouse.close()
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute(ITEMS).fetchall() == before
