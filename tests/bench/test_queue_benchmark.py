"""The queue's benchmark in small: it measures what it says. Its times are the machine's and are not asserted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activity_mcp.bench import queue
from activity_mcp.bench.registry import own_environment


@pytest.mark.slow
def test_it_measures_appends_processes_and_a_recovery_that_loses_nothing(tmp_path: Path) -> None:
    rows = queue.measure(
        own_environment(str(tmp_path), os.environ), appends=20, per_process=100, rounds=1, queued=3000, takeovers=0
    )
    assert [(row.what.split(";")[0], row.unit, row.target) for row in rows] == [
        ("durable append of 469 bytes", "events/s", "≥ 0.8 × floor"),
        ("appends of 4 processes, interval:100", "events/s", "≥ 0.5 × floor"),
        ("crash with 3,000 events queued → first append of a new process", "ms", "< 1000 ms"),
        ("   of that, without the start of the interpreter and the imports", "ms", ""),
        ("peak memory shipping 3,002 rows", "MB", "≤ 1.25 × floor"),  # the torn line's stand-in and the first new one
    ]
    assert all(row.value > 0 for row in rows)
    assert (rows[4].ratio or 9) <= 1.25  # memory is no matter of the clock: five batches take what one takes
