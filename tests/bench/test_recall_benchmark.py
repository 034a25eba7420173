"""The benchmark of recall: its histories are the same for a seed, its rule and its scores say what they claim."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activity_mcp.bench import recall
from activity_mcp.bench.recall.histories import Need, history
from activity_mcp.bench.recall.scoring import score

NOW = 1_800_000_000_000_000


def test_the_same_seed_makes_the_same_history() -> None:
    assert history(7, NOW) == history(7, NOW)
    assert history(7, NOW).needs != history(8, NOW).needs


@pytest.mark.parametrize("seed", range(1, 13))
def test_every_needed_fact_happened_and_none_of_the_namesake_is_needed(seed: int) -> None:
    made = history(seed, NOW)
    mine = "\n".join(str(event.features) for event in made.events if event.project == made.project)
    for need in made.needs:
        for mark in need.marks:
            assert mark in mine or any(event.features.get("git_branch") == mark for event in made.events)
    assert {event.project.rpartition("/")[2] for event in made.events} == {made.project.rpartition("/")[2]}


@pytest.mark.parametrize("seed", range(1, 13))
def test_a_command_that_worked_later_is_not_among_the_failing(seed: int) -> None:
    made = history(seed, NOW)
    failing = {need.marks[0] for need in made.needs if need.kind == "failing"}
    newest = {}
    for event in made.events:
        if event.event_name == "tool_event" and event.project == made.project and "denied" not in event.features:
            newest[event.features["parameters"].get("command")] = event.features["success"]
    assert not {command for command, worked in newest.items() if worked} & failing


def test_a_line_counts_once_for_each_fact_and_what_is_beyond_the_room_is_not_shown() -> None:
    needs = [Need("failing", ("make x",)), Need("habit", ("make y",)), Need("decision", ("topic", "choice"))]
    found = score(["make x and make y", "nobody needs this", "topic without its end", "z" * 2000, "topic choice"], needs)
    assert (found.reported, found.needed, found.lines, found.useful) == (2, 3, 4, 1)


def test_what_is_shown_is_measured_beside_every_baseline(tmp_path: Path) -> None:
    rows = recall.measure({**os.environ, "ACTIVITY_HOME": str(tmp_path)}, histories=3)
    names = [row.what for row in rows]
    for name in (recall.LINES, recall.ANSWER, *recall.BASELINES):
        assert [what for what in names if f"{name}: coverage" in what], name
    assert all(0 <= row.value <= 3 for row in rows)
