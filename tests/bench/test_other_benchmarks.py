"""The other benchmarks, made small: they run the real parts, and what they print can be compared."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.bench import growth, redaction, rows, search, start, usage
from activity_mcp.bench.redaction_texts import CHARACTERS, texts

pytestmark = pytest.mark.slow

SMALL: list[tuple[Any, dict[str, Any], int]] = [
    (start, {"starts": 1, "calls": 5, "idle_s": 0.5}, 9),
    (growth, {"sizes": (50, 100, 200, 400), "calls": 3, "rounds": 1}, 14),
    (usage, {"records": 20, "activities": 500, "rounds": 1}, 5),
    (rows, {"events": (50, 200), "rounds": 1, "waiting": 300, "ingest_s": 1.0}, 8),
]


@pytest.mark.parametrize(("module", "options", "count"), SMALL, ids=["start", "growth", "usage", "rows"])
def test_every_line_has_a_value_and_those_with_a_target_a_verdict(
    module: Any, options: dict[str, Any], count: int, tmp_path: Path
) -> None:
    environ = {**os.environ, "ACTIVITY_HOME": str(tmp_path), "ACTIVITY_CUSTOMER": "bench@example.com"}
    measured = [
        row for row in module.measure(environ, **options) if not row.what.startswith("the TypeScript memory server: not")
    ]
    measured = [row for row in measured if "TypeScript" not in row.what]  # with npm there are more
    assert len([row for row in measured if row.target]) == count
    for row in measured:
        assert math.isfinite(row.value)
        assert row.value >= 0
        assert (row.met in (True, False)) == bool(row.target)  # the others are parts, for comparison
        assert (row.floor is None) == (row.ratio is None)


def test_search_is_measured_warm_cold_and_for_its_cost(tmp_path: Path) -> None:
    environ = {**os.environ, "ACTIVITY_HOME": str(tmp_path), "ACTIVITY_CUSTOMER": "bench@example.com"}
    measured = search.measure(environ, activities=2_000, questions=5, commands=1, flushes=2)
    flush, with_fold, beside = ("%", True), ("%", True), ("ms", False)
    assert [(row.unit, bool(row.target)) for row in measured] == [
        ("ms", True), ("ms", True),
        *(flush, with_fold, beside) * 2,  # over many activities, and in an empty record
        ("bytes", False), ("s", False),
    ]  # fmt: skip
    assert all(row.value > 0 for row in measured if "adds to a flush" not in row.what), "of a flush alone it takes nothing"


def test_redaction_is_measured_by_kind_of_text_on_the_same_texts_each_time() -> None:
    found = texts()
    assert found == texts()
    assert len(found) >= 17
    assert {len(text) for slices in found.values() for text in slices} == {CHARACTERS}
    measured = redaction.measure({}, runs=1, hostile=2)
    assert [row.what.split(",")[0] for row in measured[: len(found)]] == [
        f"redaction of 10 KB of {kind.split(',')[0]}" for kind in found
    ]
    assert all(row.floor is not None and row.value > 0 for row in measured[: len(found)])
    assert [row.target for row in measured[len(found) :]] == ["< 2 ms", "≤ 1.5 × floor", "< 8 times"]
