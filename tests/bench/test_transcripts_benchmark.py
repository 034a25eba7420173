"""The benchmark of imports: it runs the command on files of the size it says, and tells the peak of that process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activity_mcp.bench import transcripts
from activity_mcp.errors import ActivityError

pytestmark = pytest.mark.slow


def test_both_kinds_of_lines_are_imported_and_their_peaks_compared(tmp_path: Path) -> None:
    environ = {**os.environ, "ACTIVITY_HOME": str(tmp_path), "ACTIVITY_CUSTOMER": "bench@example.com"}
    memory, childs, took = transcripts.import_memory(environ, "small lines", transcripts.SMALL, few_mb=1, many_mb=2)
    assert 1e6 <= (tmp_path / "small-lines-few.jsonl").stat().st_size < 1.01e6
    assert 2e6 <= (tmp_path / "small-lines-many.jsonl").stat().st_size < 2.01e6
    assert (tmp_path / "small-lines-many" / "activity.duckdb").stat().st_size > 1e6
    assert memory.floor is not None
    assert memory.floor > 20
    assert memory.value > 20
    assert (memory.unit, childs.unit, took.unit) == ("MB", "MB", "s")
    assert childs.value == 0 or childs.value > 20  # so little may be shipped without one


def test_an_import_that_fails_is_no_measurement(tmp_path: Path) -> None:
    environ = {**os.environ, "ACTIVITY_HOME": str(tmp_path), "MAX_QUEUE_SIZE": "nonsense"}
    with pytest.raises(ActivityError, match="MAX_QUEUE_SIZE"):
        transcripts.import_memory(environ, "large results", transcripts.LARGE, few_mb=1, many_mb=1)
