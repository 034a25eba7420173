"""The double: a warehouse in memory, for tests of everything in front of one.

It keeps the promises of ``base`` (compare-and-set, rows and offset together, one fact once, versions that count up) and
passes the same contract suite. Its contexts hold the hourly counts and the recent errors and files, worked out in plain Python
from all rows; sessions, queries and insights are the SQL's business.
"""

from __future__ import annotations

import json
import math
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar

from ..activity.ranks import is_own_event, source_rank
from ..clock import SYSTEM_CLOCK, iso, parse_iso
from ..errors import BatchRejected, OffsetConflict, WarehouseRefused
from .adapter import Adapter
from .base import ALL_PROJECTS, REJECTED, UNBOUNDED, Batch, Capabilities, ContextRow, Folded, LeftOut, Row, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..clock import Clock
    from .base import QueryEngine, WarehousePlace

_KEPT_DAYS_US = 8 * 86_400_000_000
_MAX_ERRORS, _MAX_FILES = 10, 20


class MemoryWarehouse:
    """``Sink`` and ``ContextSource`` in memory; ``rows`` is the stream as it was sent. Thread-safe."""

    batch_weight = UNBOUNDED

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.rows: list[Row] = []
        self._offsets: dict[str, str] = {}
        self._contexts: dict[Scope, ContextRow] = {}
        self._unfolded: list[Batch] = []
        self._clock = clock
        self._lock = threading.Lock()

    def committed(self, channel_id: str) -> str | None:
        with self._lock:
            return self._offsets.get(channel_id)

    def highest_offset(self, channel_id: str) -> str | None:
        with self._lock:
            return max((row.stream_offset for row in self.rows if row.channel_id == channel_id), default=None)

    def append(self, batch: Batch) -> None:
        with self._lock:
            found = self._offsets.get(batch.channel_id)
            if found != batch.expected:
                raise OffsetConflict(f"channel {batch.channel_id} is at {found}, not at {batch.expected}", found=found)
            for row in batch.rows:
                _check(row)
            self.rows.extend(batch.rows)
            self._offsets[batch.channel_id] = batch.offset
            self._unfolded.append(batch)

    def fold(self) -> Folded:
        with self._lock:
            batches, self._unfolded = self._unfolded, []
            for batch in batches:
                self._refresh(batch)
            return Folded(sum(len(batch.rows) for batch in batches))

    def left_out(self, channel_id: str) -> LeftOut:
        return LeftOut(0, "")

    def release(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""

    def changed_contexts(self, known: Mapping[Scope, int]) -> list[ContextRow]:
        with self._lock:
            return [row for scope, row in self._contexts.items() if known.get(scope) != row.row_version]

    def contexts(self, scopes: Sequence[Scope], channel_id: str) -> list[ContextRow]:
        with self._lock:
            found = [self._contexts[scope] for scope in scopes if scope in self._contexts]
            committed = self._offsets.get(channel_id)
            is_folded = all(batch.channel_id != channel_id for batch in self._unfolded)
            known = {channel_id: committed} if committed and is_folded else {}
            return [ContextRow(row.scope, row.blob, row.watermark | known, row.row_version) for row in found]

    def _refresh(self, batch: Batch) -> None:
        for scope in {scope for row in batch.rows if _counts(row) for scope in _scopes(row)}:
            before = self._contexts.get(scope)
            version = before.row_version + 1 if before else 1
            offsets = [row.stream_offset for row in batch.rows if _counts(row) and scope in _scopes(row)]
            watermark = (before.watermark if before else {}) | {batch.channel_id: max(offsets)}
            self._contexts[scope] = ContextRow(scope, self._blob(scope), watermark, version)

    def _blob(self, scope: Scope) -> dict[str, Any]:
        rows = [row for row in _winners(self.rows) if _counts(row) and scope in _scopes(row)]
        rows.sort(key=lambda row: row.ts, reverse=True)
        oldest = self._clock.time_us() - _KEPT_DAYS_US
        return {
            "version": 1,
            "recent_errors": [_error(row) for row in rows if _failed(row)][:_MAX_ERRORS],
            "recent_files": list({file["file_path"]: file for file in reversed(_files(rows))}.values())[::-1][:_MAX_FILES],
            "hours": _hours(row for row in rows if parse_iso(row.ts) >= oldest),
            "recorded_at": rows[0].ts if rows else None,
        }


class MemoryAdapter(Adapter):
    """The double as an engine: a process is handed one in the place of what its configuration asks for."""

    capabilities: ClassVar = Capabilities(batch_rows=1000, folds_on_request=True, reads_are_free=True, has_one_writer=True)

    def __init__(self, store: MemoryWarehouse) -> None:
        self.store = store

    @property
    def queries(self) -> QueryEngine:
        raise WarehouseRefused("a warehouse in memory knows no SQL; nothing was run")

    def describe(self) -> WarehousePlace:
        return {"kind": "memory"}

    def exists(self) -> bool:
        return True


def _check(row: Row) -> None:
    """What a real engine refuses."""
    try:
        parse_iso(row.ts)
        json.loads(row.feature_json)
    except ValueError as error:
        raise BatchRejected(f"{REJECTED}: {error}") from None


def _counts(row: Row) -> bool:
    return not is_own_event(row.event_name, _features(row))


def _features(row: Row) -> dict[str, Any]:
    features = json.loads(row.feature_json)
    return features if isinstance(features, dict) else {}


def _scopes(row: Row) -> set[Scope]:
    return {Scope(row.customer, ALL_PROJECTS), Scope(row.customer, row.project or ALL_PROJECTS)}


def _winners(rows: Iterable[Row]) -> list[Row]:
    """One row for each activity_id: the best source's, then the earliest."""
    best: dict[str, Row] = {}
    for row in rows:
        known = best.get(row.activity_id)
        if known is None or _rank(row) < _rank(known):
            best[row.activity_id] = row
    return list(best.values())


def _rank(row: Row) -> tuple[int, str, str]:
    return source_rank(row.source, _features(row)), row.channel_id, row.stream_offset


def _failed(row: Row) -> bool:
    features = _features(row)
    return features.get("success") is False or features.get("severity") in ("error", "critical")


def _error(row: Row) -> dict[str, Any]:
    features = _features(row)
    name = features.get("tool_name") or features.get("event_type") or row.event_name.removesuffix("_event")
    event = {"ts": row.ts, "event_name": row.event_name, "name": name, "error": features.get("error")}
    return event | {"activity_id": row.activity_id}


def _files(rows: Iterable[Row]) -> list[dict[str, Any]]:
    return [
        {"file_path": features["file_path"], "operation": features.get("operation"), "ts": row.ts}
        for row in rows
        if row.event_name == "file_event" and "file_path" in (features := _features(row))
    ]


def _hours(rows: Iterable[Row]) -> list[dict[str, Any]]:
    hours: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        hours[iso(parse_iso(row.ts) // 3_600_000_000 * 3_600_000_000)].append(row)
    return [{"hour": hour, **_bucket(hours[hour])} for hour in sorted(hours)]


def _bucket(rows: list[Row]) -> dict[str, Any]:
    events: dict[str, int] = defaultdict(int)
    tools: dict[str, dict[str, Any]] = {}
    for row in rows:
        events[row.event_name] += 1
        if row.event_name != "tool_event":
            continue
        features = _features(row)
        tool = tools.setdefault(str(features.get("tool_name")), {"calls": 0, "failures": 0, "latency": defaultdict(int)})
        tool["calls"] += 1
        tool["failures"] += features.get("success") is False
        latency = features.get("latency_ms")
        if isinstance(latency, (int, float)):
            tool["latency"][str(math.floor(math.log(max(latency, 0.01)) / math.log(1.1)))] += 1
    return {"events": dict(events), "tools": {name: tool | {"latency": dict(tool["latency"])} for name, tool in tools.items()}}
