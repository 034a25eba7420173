"""Remembering: an answer is built again when something in it would read differently, and not otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from activity_mcp.clock import iso
from activity_mcp.context import Snapshot
from activity_mcp.recall.memoized_renderer import Renderer
from activity_mcp.recall.overlay import Overlay
from context.samples import CHANNEL, HERE, HOUR, ME, MINUTE, NOW, SECOND, event, offset, snapshot
from fakes import FakeClock
from lengths import some
from recall.lives import NOW as TODAY
from recall.lives import Life


class Asking:
    def __init__(self) -> None:
        self.clock = FakeClock(NOW + 10 * MINUTE)
        self.overlay = Overlay()
        self.renderer = Renderer()
        self.held: Snapshot | None = snapshot(
            5, blob={"version": 1, "hours": [{"hour": iso(NOW), "events": {"tool_event": 2}}]}
        )
        self.log(6, "Read")

    def log(self, number: int, tool: str, **members: Any) -> None:
        features = {"tool_name": tool, "success": True}
        made = event("tool_event", features, at=self.clock.time_us(), activity_id=str(number), **members)
        self.overlay.extend([(offset(number), made)])

    def ask(self, **options: Any) -> Any:
        watermark = self.held.watermark[CHANNEL] if self.held else None
        asked = {"customer": ME, "project": HERE, "context_type": "default", "max_bytes": 8192, "reserve": 300}
        return self.renderer.render(self.held, self.overlay, watermark, now_us=self.clock.time_us(), **{**asked, **options})


def test_the_same_question_is_answered_with_the_same_object() -> None:
    asking = Asking()
    first = asking.ask()
    asking.clock.advance(4.9)
    assert asking.ask(reserve=317) is first
    assert first.context["activity_counts"] == {"tool_event": 3}


def test_a_new_event_a_new_snapshot_and_a_new_question_are_answered_again() -> None:
    asking = Asking()
    first = asking.ask()
    asking.log(7, "Bash")
    second = asking.ask()
    assert second.context["tool_usage"] == {"Bash": {"calls": 1, "failures": 0}, "Read": {"calls": 1, "failures": 0}}
    asking.held = Snapshot(ME, HERE, {"version": 1}, {CHANNEL: offset(7)}, NOW, 2)
    third = asking.ask()
    assert (third.context["tool_usage"], third.context["watermark"]) == ({}, {CHANNEL: offset(7)})
    assert list(asking.ask(context_type="analyst").context) == ["insights", "recent_queries", "recorded_at", "watermark"]
    assert len({id(each) for each in (first, second, third)}) == 3


def test_a_watermark_that_moved_without_a_new_snapshot_is_noticed() -> None:
    asking = Asking()
    asking.ask()
    assert asking.held is not None
    asking.held.watermark[CHANNEL] = offset(6)
    assert asking.ask().context["tool_usage"] == {}


def test_a_document_is_cut_to_each_size_it_is_asked_for() -> None:
    asking = Asking()
    for n in range(40):
        asking.log(10 + n, f"tool number {n} of a server with a long name")
    whole, cut, tight = (asking.ask(max_bytes=most, context_type="engineer") for most in (100_000, 900, 512))
    assert len(whole.encoded) > 600 >= len(cut.encoded) > len(tight.encoded)
    assert asking.ask(max_bytes=100_000, context_type="engineer") is whole


def test_time_that_changes_the_answer_ends_it() -> None:
    asking = Asking()
    first = asking.ask()
    asking.clock.advance(5.1)
    assert asking.ask() is not first, "ages are said again after five seconds"

    asking.clock.advance((HOUR - asking.clock.time_us() % HOUR) / SECOND - 1)
    before = asking.ask()
    asking.clock.advance(1)
    assert asking.ask() is not before, "windows move on the hour"

    before = asking.ask()
    asking.clock.jump_wall(-1)
    assert asking.ask() is not before, "a clock set back"


def test_an_insight_ends_when_it_ends() -> None:
    asking = Asking()
    now = asking.clock.time_us()
    insight = {"insight_id": "i", "query_id": "q", "recorded_at": iso(now), "valid_until": iso(now + 2 * SECOND), "value": 1}
    asking.held = snapshot(5, blob={"insights": [insight]})
    assert len(asking.ask().context["insights"]) == 1
    asking.clock.advance(1.9)
    assert len(asking.ask().context["insights"]) == 1
    asking.clock.advance(0.1)
    assert asking.ask().context["insights"] == []


def test_the_hours_of_a_resting_snapshot_fall_out_by_the_clock() -> None:
    asking = Asking()
    asking.overlay.discard_until(offset(6))
    assert asking.ask().context["activity_counts"] == {"tool_event": 2}
    asking.clock.advance(25 * 3600)
    assert asking.ask().context["activity_counts"] == {}


def test_before_any_snapshot_local_events_are_all_there_is() -> None:
    asking = Asking()
    asking.held = None
    context = asking.ask().context
    assert (context["activity_counts"], context["watermark"]) == ({"tool_event": 1}, {})


def test_customers_and_projects_are_never_mixed_up() -> None:
    asking = Asking()
    asking.log(7, "Secret", customer="someone@else")
    asking.log(8, "Elsewhere", project="/elsewhere")
    asking.held = None
    assert set(asking.ask().context["tool_usage"]) == {"Read"}
    assert set(asking.ask(project="*").context["tool_usage"]) == {"Read", "Elsewhere"}
    assert set(asking.ask(customer="someone@else").context["tool_usage"]) == {"Secret"}


@pytest.mark.long
@pytest.mark.parametrize("seed", some(range(4), 2))
@pytest.mark.parametrize("at_once", [False, True])
def test_an_answer_to_which_events_were_added_reads_as_one_that_is_built_of_all_of_them(seed: int, at_once: bool) -> None:
    life, overlay, growing = Life(seed), Overlay(max_events=40), Renderer()
    stored = {"attempts": [{"what": "Bash make 1", "failed": 1, "failed_at": f"{iso(TODAY - 30 * HOUR)} exit 1"}]}
    held = snapshot(2, blob={"version": 1, **stored}, as_of=TODAY)
    asked: dict[str, Any] = {"customer": ME, "project": "*", "max_bytes": 4096, "reserve": 300, "now_us": TODAY}
    for number, (place, line) in enumerate(life.lines(80)):
        if at_once:  # within the seconds for which an age holds
            line["ts"] = iso(TODAY - 3 * SECOND + number * 30_000)
        if life.random() < 0.3:
            line["session_id"] = None
        overlay.extend([(place, line)])
        if life.random() < 0.3:
            growing.catch_up(overlay)
        if life.random() < 0.3:
            continue
        kinds: tuple[dict[str, Any], ...] = (
            {"context_type": "default", "max_bytes": 1800},
            {"context_type": "engineer", "explain": True},
        )
        for options in kinds:
            built = Renderer().render(held, overlay, held.watermark[CHANNEL], **{**asked, **options})
            grown = growing.render(held, overlay, held.watermark[CHANNEL], **{**asked, **options})
            assert (grown.context, grown.truncated, grown.encoded) == (built.context, built.truncated, built.encoded)


def test_what_was_rendered_ahead_is_the_answer_to_the_same_question() -> None:
    asking = Asking()
    asking.renderer.catch_up(asking.overlay)  # nothing was asked for yet
    first = asking.ask()
    asking.log(7, "Bash")
    asking.renderer.catch_up(asking.overlay)
    ahead = asking.ask()
    assert ahead.context["tool_usage"].keys() == {"Bash", "Read"}
    assert first.context["tool_usage"].keys() == {"Read"}
    assert ahead is asking.ask()
    asking.log(8, "Grep")
    assert asking.ask().context["tool_usage"].keys() == {"Bash", "Grep", "Read"}


def test_what_was_rendered_ahead_holds_for_no_other_scope_and_no_newer_snapshot() -> None:
    asking = Asking()
    asking.ask(project="*")
    asking.ask()
    asking.log(7, "Elsewhere", project="/elsewhere")
    asking.renderer.catch_up(asking.overlay)
    assert asking.ask(project="*").context["tool_usage"].keys() == {"Elsewhere", "Read"}
    assert asking.ask().context["tool_usage"].keys() == {"Read"}
    asking.log(8, "Bash")
    asking.renderer.catch_up(asking.overlay)
    asking.held = Snapshot(ME, HERE, {"version": 1}, {CHANNEL: offset(8)}, NOW, 2)
    assert asking.ask().context["tool_usage"] == {}


def test_an_event_that_only_counts_leaves_every_list_as_it_was() -> None:
    asking = Asking()
    before = asking.ask().context
    asking.log(7, "Read", session_id=None)
    after = asking.ask().context
    assert after["tool_usage"] == {"Read": {"calls": 2, "failures": 0}}
    assert after["recent_sessions"] is before["recent_sessions"]


def test_what_its_session_shows_nothing_of_only_counts_for_as_long_as_an_age_holds() -> None:
    asking = Asking()
    before = asking.ask().context
    asking.log(7, "Read")
    after = asking.ask().context
    assert after["tool_usage"] == {"Read": {"calls": 2, "failures": 0}}
    assert after["recent_sessions"] is before["recent_sessions"]
    asking.log(8, "Read", ts=iso(asking.clock.time_us() + 6 * SECOND))
    assert asking.ask().context["recent_sessions"] is not before["recent_sessions"]
    asking.log(9, "Read", session_id="another")
    assert [session["session_id"] for session in asking.ask().context["recent_sessions"]] == ["s-1", "another"]


@pytest.mark.parametrize(
    ("command", "counts"), [("git status", True), ("ls", True), ("make lint", False), ("pytest -q", False)]
)
def test_a_command_that_one_runs_anywhere_only_counts_when_it_succeeds_again(command: str, counts: bool) -> None:
    asking = Asking()
    for number in (7, 8):
        features = {"tool_name": "Bash", "success": True, "parameters": {"command": command}}
        asking.overlay.extend(
            [(offset(number), event("tool_event", features, at=asking.clock.time_us(), activity_id=str(number)))]
        )
        asking.ask()
    sessions = asking.ask().context["recent_sessions"]
    asking.overlay.extend([(offset(9), event("tool_event", features, at=asking.clock.time_us(), activity_id="9"))])
    assert (asking.ask().context["recent_sessions"] is sessions) is counts
    assert asking.ask().context["tool_usage"]["Bash"]["calls"] == 3


def test_an_event_of_another_project_leaves_the_answer_as_it_was() -> None:
    asking = Asking()
    first = asking.ask()
    asking.log(7, "Elsewhere", project="/elsewhere")
    assert asking.ask() is first


def test_an_event_that_a_better_source_reports_is_read_again() -> None:
    asking = Asking()
    asking.log(7, "Bash", source="import")
    asking.ask()
    made = event(
        "tool_event", {"tool_name": "Bash", "success": False}, at=asking.clock.time_us(), activity_id="7", source="hook"
    )
    asking.overlay.extend([(offset(8), made)])
    assert asking.ask().context["tool_usage"]["Bash"] == {"calls": 1, "failures": 1}
