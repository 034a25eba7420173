"""What a batch may hold: events of any kind, size and shape, in any mix, drain within the engine's memory."""

from __future__ import annotations

import string
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activity_mcp.activity import MAX_EVENT_BYTES, Origin, build
from activity_mcp.queue import dead_letters
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from rigs import Rig

LARGEST = MAX_EVENT_BYTES - 4096 - 1024
"""Of one event's features, with room for the other members."""
BACKLOG = 8 << 20
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
        """Nothing waits; everything is stored, or is set aside because not even 1 GB is enough for that one event."""
        self.drain()
        assert self.stored() == self.count  # what is set aside has its system_event
        assert all("out of memory" in letter.reason.lower() for letter in dead_letters(self.rig.directory))


def group() -> st.SearchStrategy[tuple[str, str, int, int]]:
    """Events of one kind, shape and size; as many as may be, up to what a backlog may hold."""
    sizes = st.sampled_from([100, 1_000, 4_000, 30_000, LARGEST])
    return st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(VALUES)), sizes, st.integers(1, 1200)).map(
        lambda found: (*found[:3], min(found[3], max(1, BACKLOG // 4 // found[2])))
    )


MIXES = st.lists(group(), min_size=1, max_size=4)


def drains(tmp_path_factory: pytest.TempPathFactory, mix: list[tuple[str, str, int, int]]) -> None:
    backlog = Backlog(tmp_path_factory.mktemp("memory"))
    for part in mix:
        backlog.add(*part)
    backlog.assert_drains()
    backlog.warehouse.close()


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(mix=MIXES)
def test_any_mix_of_maximal_events_drains(
    tmp_path_factory: pytest.TempPathFactory, mix: list[tuple[str, str, int, int]]
) -> None:
    drains(tmp_path_factory, mix)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(mix=MIXES)
def test_sixty_mixes_of_maximal_events_drain(
    tmp_path_factory: pytest.TempPathFactory, mix: list[tuple[str, str, int, int]]
) -> None:
    drains(tmp_path_factory, mix)


@pytest.mark.parametrize("kind", KINDS)
def test_a_backlog_of_one_kind_drains(tmp_path: Path, kind: str) -> None:
    backlog = Backlog(tmp_path)
    backlog.add(kind, "text", 4_000, 1_100)
    backlog.assert_drains()
    backlog.warehouse.close()


@pytest.mark.parametrize("shape", VALUES)
def test_the_largest_events_of_any_shape_drain(tmp_path: Path, shape: str) -> None:
    backlog = Backlog(tmp_path)
    for kind in KINDS:
        backlog.add(kind, shape, LARGEST, 2)
    backlog.assert_drains()
    backlog.warehouse.close()
