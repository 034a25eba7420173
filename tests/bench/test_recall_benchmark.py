"""The benchmark of recall: its histories are the same for a seed, its rule and its scores say what they claim."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from activity_mcp.bench import recall
from activity_mcp.bench.recall.by_hand import written_histories
from activity_mcp.bench.recall.histories import Need
from activity_mcp.bench.recall.made_up import history
from activity_mcp.bench.recall.recorded import recorded_histories
from activity_mcp.bench.recall.scoring import score, wrongly_shown
from activity_mcp.bench.registry import own_environment
from activity_mcp.errors import InvalidInput

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


def test_a_line_that_says_what_holds_no_more_is_wrong_unless_it_says_what_replaced_it() -> None:
    needs, gone = [Need("decision", ("pnpm",)), Need("branch", ("main",))], [Need("decision", ("npm",))]
    assert wrongly_shown(["npm on main", "pnpm instead of npm", "nothing"], needs, gone) == ["npm on main"]


def test_what_is_shown_is_measured_beside_every_baseline(tmp_path: Path) -> None:
    rows = recall.measure({**os.environ, "ACTIVITY_HOME": str(tmp_path)}, histories=3)
    names = [row.what for row in rows]
    for name in (recall.LINES, recall.ANSWER, *recall.BASELINES):
        assert [what for what in names if f"{name}: coverage" in what], name
    assert all(0 <= row.value <= 3 for row in rows)


RECORDED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded sessions beside this checkout (../shared/data)")
def test_recorded_sessions_give_the_next_one_what_it_needs(tmp_path: Path) -> None:
    made, blobs = recorded_histories(str(RECORDED), own_environment(str(tmp_path), os.environ), recall.CUSTOMER)
    lines = recall.scores_of(made, blobs)[recall.LINES]
    assert lines.needed >= len(made)
    assert lines.coverage >= recall.MIN_COVERAGE
    assert lines.noise <= recall.MAX_NOISE


def _transcript(folder: Path) -> None:
    """Two prompts: a test that is mended, a script that fails, a commit, and a last question without an answer."""
    base = {"sessionId": "5b1f7c1e-0000-4000-8000-000000000001", "cwd": "/home/dev/parser", "gitBranch": "main", "version": "2"}
    lines: list[dict[str, object]] = []

    def add(kind: str, content: object) -> None:
        number = len(lines)
        message = {"role": kind, "content": content} | ({"id": f"m{number}", "model": "m"} if kind == "assistant" else {})
        lines.append({"type": kind, "uuid": f"u{number}", "timestamp": f"2026-01-05T10:{number:02d}:00.000Z", **base,
                      "message": message})  # fmt: skip

    def call(tool: str, given: dict[str, str], result: str, *, failed: bool = False) -> None:
        name = f"toolu_{len(lines)}"
        add("assistant", [{"type": "tool_use", "id": name, "name": tool, "input": given}])
        add("user", [{"type": "tool_result", "tool_use_id": name, "content": result, "is_error": failed}])

    add("user", "Please repair the tokenizer of the parser")
    call("Bash", {"command": "pytest tests/test_tokens.py"}, "Exit code 1\n1 failed", failed=True)
    call("Edit", {"file_path": "/home/dev/parser/tokens.py", "old_string": "a", "new_string": "b"}, "updated")
    call("Bash", {"command": "pytest tests/test_tokens.py"}, "1 passed")
    call("Bash", {"command": "./release.sh --dry"}, "Exit code 3\nno credentials", failed=True)
    call("Bash", {"command": "git commit -m 'Tokens keep escapes'"}, "[main 1a2b3c4] Tokens keep escapes")
    add("assistant", [{"type": "text", "text": "Tokenizer repaired: escapes survive now."}])
    add("user", "Then rename the grammar module everywhere")
    folder.mkdir()
    (folder / "s.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def test_what_a_recorded_session_needs_is_read_from_its_own_lines(tmp_path: Path) -> None:
    _transcript(tmp_path / "sessions")
    environ = own_environment(str(tmp_path / "home"), os.environ)
    made, blobs = recorded_histories(str(tmp_path / "sessions"), environ, recall.CUSTOMER)
    assert [(need.kind, need.marks[0]) for need in made[0].needs] == [
        ("open", "rename"), ("failing", "./release.sh --dry"), ("commit", "Tokens"), ("file", "tokens.py"),
    ]  # fmt: skip
    lines = recall.scores_of(made, blobs)[recall.LINES]
    assert lines.coverage == 1.0
    assert lines.noise <= recall.MAX_NOISE


@pytest.mark.slow
def test_the_benchmark_measures_the_sessions_it_is_given_or_says_that_there_are_none(tmp_path: Path) -> None:
    _transcript(tmp_path / "sessions")
    environ = own_environment(str(tmp_path / "home"), os.environ)
    rows = recall.measure(environ, histories=1, sessions=str(tmp_path / "sessions"))
    assert [row.what for row in rows if row.what.startswith("recorded, lines")]
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="no transcript"):
        recall.measure(own_environment(str(tmp_path / "other"), os.environ), histories=1, sessions=str(empty))


def test_in_little_room_an_answer_has_what_is_needed_and_neither_sums_nor_what_holds_no_more(tmp_path: Path) -> None:
    made = written_histories(NOW)
    blobs = recall.contexts_of(made, str(tmp_path / "w.duckdb"))
    scores = recall.scores_of(made, blobs)
    assert min(scores[name].coverage for name in (recall.LINES, recall.ANSWER)) >= recall.MIN_COVERAGE
    assert max(scores[name].noise for name in (recall.LINES, recall.ANSWER)) <= recall.MAX_NOISE
    for each in made:
        for lines in (recall.shown_lines(blobs[each.project], each), recall.answer_lines(blobs[each.project], each)):
            assert wrongly_shown(lines, each.needs, each.gone) == []
    small = next(each for each in made if each.project.endswith("halfway"))
    assert not [
        line for line in recall.answer_lines(blobs[small.project], small) if line.startswith(("tool_usage", "activity_"))
    ]
