"""An event shows the same before and after its flush: the overlay against the refresh sequence of the embedded warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from activity_mcp.context import render_context
from activity_mcp.recall.overlay import Overlay
from activity_mcp.warehouse import Batch, Row, Scope
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from context.samples import CHANNEL, HERE, ME, MINUTE
from fakes import FakeClock
from lengths import some
from recall.lives import NOW, Life, Line


def row(place: str, line: dict[str, Any]) -> Row:
    columns: dict[str, Any] = {name: line.get(name) for name in Row._fields}
    features = orjson.dumps(line["feature_json"]).decode()
    return Row(**{**columns, "feature_json": features, "channel_id": CHANNEL, "stream_offset": place})


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(str(tmp_path / "a.duckdb"), clock=FakeClock(NOW))


def shown(blob: dict[str, Any], lines: list[Line], scope: Scope, context_type: str) -> dict[str, Any]:
    overlay = Overlay()
    overlay.extend(lines)
    context = render_context(
        blob,
        overlay.above(None, *scope),
        now_us=NOW + MINUTE,
        context_type=context_type,
        max_bytes=10**6,
        project=scope.project,
    ).context
    for use in context.get("tool_usage", {}).values():
        use.pop("p50_ms", None), use.pop("p95_ms", None)  # a percentile is the warehouse's alone
    return context


@pytest.mark.long
@pytest.mark.parametrize("seed", some(range(6), 3))
def test_what_is_shown_does_not_depend_on_how_much_of_it_was_flushed(warehouse: DuckDBWarehouse, seed: int) -> None:
    life = Life(seed)
    lines = life.lines(60)
    cut = life.randrange(10, 50)
    scopes = [Scope(ME, project) for project in (HERE, "/home/dev/other", "*")]
    expected = [
        (scope, kind, shown({}, lines, scope, kind))
        for scope in scopes
        for kind in ("default", "engineer", "analyst", "executive")
    ]
    before = None
    for flushed, rest in ((lines[:cut], lines[cut:]), (lines[cut:], [])):
        warehouse.append(Batch(CHANNEL, before, flushed[-1][0], [row(place, line) for place, line in flushed]))
        warehouse.fold()
        before = flushed[-1][0]
        blobs = {found.scope: found.blob for found in warehouse.contexts(scopes, CHANNEL)}
        known = {line["activity_id"] for _, line in flushed}
        unknown = [(place, line) for place, line in rest if line["activity_id"] not in known]
        for scope, kind, context in expected:
            assert shown(blobs[scope], unknown, scope, kind) == context, (scope, kind, len(rest))
    warehouse.release()
