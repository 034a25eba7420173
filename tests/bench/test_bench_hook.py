"""``bench hook`` measures real processes: what it tells is there, and every hook it starts is recorded."""

from __future__ import annotations

import os
from pathlib import Path

from activity_mcp.activity import dump_json
from activity_mcp.bench.hook import EDIT, START, measure
from activity_mcp.bench.registry import BENCHMARKS, own_environment
from activity_mcp.claude_code.hooks import hook
from activity_mcp.config import read_config


def test_every_row_is_measured_and_the_context_is_described(tmp_path: Path) -> None:
    environ = own_environment(str(tmp_path), os.environ)
    rows = {row.what: row for row in measure(environ, rounds=1)}
    assert "hook" in BENCHMARKS
    assert {what.partition(",")[0] for what in rows if row_has_floor(rows[what])} == {"PostToolUse", "SessionStart"}
    (recorded,) = (row for what, row in rows.items() if what.endswith("recorded"))
    assert (recorded.value, recorded.met) == (20, True)
    assert len(dump_json(EDIT)) > 1500
    reported = hook.run(dump_json(START), {**environ, "ACTIVITY_CUSTOMER": "bench@example.com"})
    assert 1000 < len(reported) < 4000
    sizes = [path.stat().st_size for path in Path(read_config(environ).queue_dir).glob("context/*.json")]
    assert 5000 < max(sizes) < 9000, "beside it those that the server makes"


def row_has_floor(row: object) -> bool:
    return getattr(row, "floor", None) is not None
