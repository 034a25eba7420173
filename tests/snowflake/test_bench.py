"""``bench snowpipe`` measures the real thing, here a small one: what it drains is stored, and what waited out an outage too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activity_mcp.bench import registry
from activity_mcp.bench.snowpipe import measure

pytest.importorskip("snowflake.ingest", reason="needs the extra: pip install 'activity-mcp[snowflake]'")


@pytest.mark.slow
def test_a_small_run_drains_a_backlog_and_outlives_an_outage(tmp_path: Path) -> None:
    environ = registry.own_environment(str(tmp_path), os.environ)
    lines = {line.what: line for line in measure(environ, events=300, outage_s=4.0, outage_events=5)}
    assert len(lines) == 8
    assert lines["through the sink, 300 waiting"].value > 0
    assert lines["attempts in that time"].value >= 1
    assert (lines["stored after its return"].value, lines["stored after its return"].met) == (5, True)


def test_it_runs_only_when_it_is_named() -> None:
    assert "snowpipe" not in registry.chosen([])
    assert registry.chosen(["snowpipe"]) == ["snowpipe"]
