"""The overlay: what it shows and what it counts add up to everything above the watermark."""

from __future__ import annotations

import threading
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.context import ALL_PROJECTS
from activity_mcp.recall.overlay import Overlay
from context.samples import DAY, HERE, ME, NOW, event, offset
from lengths import examples

OTHER = "/home/dev/other"


def used_tool(number: int, **members: Any) -> tuple[str, dict[str, Any]]:
    features = {"tool_name": f"tool {number}", "success": True}
    return offset(number), event("tool_event", features, activity_id=f"a-{number}", **members)


def shown(overlay: Overlay, watermark: str | None = None, customer: str = ME, project: str = HERE) -> list[str | None]:
    return [fact.tool for fact in overlay.above(watermark, customer, project)]


def test_events_above_the_watermark_are_shown_in_order_and_the_others_are_not() -> None:
    overlay = Overlay()
    overlay.extend([used_tool(1), used_tool(2)])
    overlay.extend([used_tool(3)])
    assert shown(overlay) == ["tool 1", "tool 2", "tool 3"]
    assert shown(overlay, offset(2)) == ["tool 3"]
    assert shown(overlay, offset(3)) == []


def test_customers_match_exactly_and_a_star_is_every_project() -> None:
    overlay = Overlay()
    overlay.extend(
        [
            used_tool(1),
            used_tool(2, project=OTHER),
            used_tool(3, project=None),
            used_tool(4, customer="dev@example.organic"),
            used_tool(5, customer="DEV@example.org"),
        ]
    )
    assert shown(overlay, project=HERE) == ["tool 1"]
    assert shown(overlay, project=ALL_PROJECTS) == ["tool 1", "tool 2", "tool 3"]
    assert shown(overlay, project="/home/dev") == []
    assert shown(overlay, customer="dev@example.organic", project=ALL_PROJECTS) == ["tool 4"]


def test_the_window_keeps_the_newest_and_counts_the_rest_for_their_own_scope() -> None:
    overlay = Overlay(max_events=3)
    overlay.extend([used_tool(n, project=OTHER if n % 2 else HERE) for n in range(10)])
    assert shown(overlay, project=ALL_PROJECTS) == ["tool 7", "tool 8", "tool 9"]
    assert (overlay.pending(None, ME, HERE), overlay.pending(None, ME, OTHER), overlay.pending(None, ME, ALL_PROJECTS)) == (
        4,
        3,
        7,
    )
    assert overlay.pending(offset(4), ME, ALL_PROJECTS) == 2
    assert overlay.pending(offset(6), ME, ALL_PROJECTS) == 0
    assert overlay.pending(None, "someone else", ALL_PROJECTS) == 0


def test_the_recorder_does_not_show_itself_but_shows_insights_and_artifacts() -> None:
    overlay = Overlay(max_events=3)
    own = [
        (offset(n), event("mcp_event", {"method": method, "latency_ms": 1}, activity_id=f"m-{n}", **ride))
        for n, (method, ride) in enumerate(
            [
                ("get_context", {"ride": 1}),
                ("query", {}),
                ("record_insight", {}),
                ("store_artifact", {}),
                ("tools/call", {"ride": 1}),
            ]
        )
    ]
    generation = overlay.generation
    overlay.extend(own[:2])
    assert overlay.generation == generation
    overlay.extend(own[2:])
    overlay.extend([(offset(9), event("tool_event", {"tool_name": "Bash", "success": True}, ride=1))])
    assert len(overlay.above(None, ME, HERE)) == 2
    assert overlay.pending(None, ME, HERE) == 0


def test_a_hook_registered_twice_is_one_fact_and_the_better_source_is_shown() -> None:
    def said(number: int, source: str, tool: str) -> tuple[str, dict[str, Any]]:
        return offset(number), event("tool_event", {"tool_name": tool, "success": True}, activity_id="same", source=source)

    overlay = Overlay()
    overlay.extend(
        [said(1, "import", "imported"), said(2, "hook", "first hook"), said(3, "hook", "second hook"), said(4, "mcp", "m")]
    )
    assert shown(overlay) == ["first hook"]
    assert shown(overlay, offset(1)) == [], "the warehouse holds the fact already, by its first event"
    assert overlay.pending(None, ME, HERE) == 0


def test_a_late_duplicate_of_what_left_the_window_is_no_new_fact() -> None:
    overlay = Overlay(max_events=3)
    overlay.extend([used_tool(n) for n in range(5)])
    _, late = used_tool(0)
    overlay.extend([(offset(7), late)])
    assert shown(overlay) == ["tool 2", "tool 3", "tool 4"]
    assert overlay.pending(None, ME, HERE) == 2


def test_a_tail_that_starts_again_changes_nothing() -> None:
    overlay = Overlay(max_events=3)
    events = [used_tool(n) for n in range(6)]
    overlay.extend(events, skipped=4)
    before = (shown(overlay), overlay.pending(None, ME, HERE))
    overlay.extend(events, skipped=4)
    assert (shown(overlay), overlay.pending(None, ME, HERE)) == before


def test_lines_passed_over_count_for_everyone_until_the_watermark_is_past_them() -> None:
    overlay = Overlay()
    overlay.extend([used_tool(1)])
    overlay.extend([used_tool(9)], skipped=7)
    assert overlay.pending(offset(1), ME, HERE) == overlay.pending(offset(1), "anyone", "/anywhere") == 7
    assert overlay.pending(offset(9), ME, HERE) == 0
    overlay.extend([], skipped=3)
    assert overlay.pending(offset(9), ME, HERE) == 3, "where they end is not known yet"
    overlay.extend([], upto=offset(12))
    assert (overlay.pending(offset(11), ME, HERE), overlay.pending(offset(12), ME, HERE)) == (3, 0)


def test_many_gaps_are_kept_as_few_and_never_counted_too_low() -> None:
    overlay = Overlay()
    for number in range(500):
        overlay.extend([used_tool(number)], skipped=1)
    assert overlay.pending(None, ME, HERE) == 500
    assert overlay.pending(offset(499), ME, HERE) == 0
    assert 10 <= overlay.pending(offset(489), ME, HERE) <= 500


def test_discarding_below_a_watermark_changes_no_answer_above_it() -> None:
    overlay = Overlay(max_events=4)
    overlay.extend([used_tool(n, project=OTHER if n % 3 == 0 else HERE) for n in range(10)], skipped=5)
    asked = [(offset(n), project) for n in (4, 6, 8, 9) for project in (HERE, OTHER, ALL_PROJECTS)]
    before = [(shown(overlay, mark, project=project), overlay.pending(mark, ME, project)) for mark, project in asked]
    overlay.discard_until(offset(4))
    assert [(shown(overlay, mark, project=project), overlay.pending(mark, ME, project)) for mark, project in asked] == before
    overlay.discard_until(offset(9))
    assert (shown(overlay), overlay.pending(None, ME, ALL_PROJECTS)) == ([], 0)


def test_the_generation_changes_with_what_can_be_seen_and_only_then() -> None:
    overlay = Overlay(max_events=2)
    generations = [overlay.generation]

    def note() -> bool:
        generations.append(overlay.generation)
        return generations[-1] != generations[-2]

    overlay.extend([])
    assert not note()
    overlay.extend([used_tool(1)])
    assert note()
    overlay.extend([used_tool(1)])
    assert not note()
    overlay.extend([(offset(2), event("mcp_event", {"method": "health", "latency_ms": 1}, ride=1))])
    assert not note()
    overlay.extend([], skipped=1)
    assert note()
    overlay.discard_until(offset(0))
    assert not note()
    overlay.discard_until(offset(2))
    assert note()
    assert len(set(generations)) == 4


def test_whatever_a_line_holds_it_is_counted_and_nothing_breaks() -> None:
    strange: list[Any] = [
        {},
        {"customer": ME, "project": HERE},
        {"customer": ME, "project": ["list"], "feature_json": "text", "ts": 5, "event_name": None},
        {"customer": ME, "project": HERE, "event_name": "tool_event", "feature_json": {"tool_name": {"a": 1}, "success": "no"}},
        {"customer": ME, "project": HERE, "event_name": "file_event", "feature_json": {"file_path": None}, "ts": "yesterday"},
        event("llm_event", {"prompt_tokens": "many", "cost_usd": "free", "model": 7}),
        event("mcp_event", {"method": "record_insight", "valid_for_hours": 1e300, "value": "\ud800", "query_id": []}),
    ]
    overlay = Overlay(max_events=3)
    overlay.extend([(offset(n), given_one) for n, given_one in enumerate(strange)])
    assert len(overlay.above(None, ME, HERE)) + overlay.pending(None, ME, HERE) == 5


def test_a_thousand_large_events_stay_small_in_memory() -> None:
    """What a fact keeps is bounded by what can be shown of it, not by what the event holds."""
    import tracemalloc

    large = {
        "tool_name": "Bash",
        "success": False,
        "parameters": {"command": "x" * 4096, "more": ["y" * 4096] * 30},
        "error": "e" * 1024,
    }
    tracemalloc.start()
    try:
        overlay = Overlay()
        for number in range(1000):
            made = event("tool_event", {**large, "n": "z" * 1000 + str(number)}, activity_id=str(number), at=NOW - DAY + number)
            overlay.extend([(offset(number), made)])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 6_000_000


def test_reading_while_another_thread_extends_is_consistent() -> None:
    overlay, wrong = Overlay(max_events=50), []

    def extend() -> None:
        for number in range(3000):
            overlay.extend([used_tool(number)])

    writer = threading.Thread(target=extend)
    writer.start()
    while writer.is_alive():
        numbers = [int(str(tool).split()[1]) for tool in shown(overlay)]
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))) if numbers else False:
            wrong.append(numbers)
    writer.join()
    assert wrong == []
    assert len(shown(overlay)) + overlay.pending(None, ME, HERE) == 3000


# --- everything at once, against a model that keeps all events


@st.composite
def lines(draw: st.DrawFn) -> list[tuple[str, dict[str, Any]]]:
    """Lines of a queue, some of them duplicates (of the same customer and project), some the recorder's own."""
    count = draw(st.integers(0, 30))
    ids = draw(st.lists(st.integers(0, 20), min_size=count, max_size=count))
    sources = draw(st.lists(st.sampled_from(["hook", "mcp", "import"]), min_size=count, max_size=count))
    return [
        (
            offset(number),
            event(
                "mcp_event" if name % 7 == 6 else "tool_event",
                {"method": "query"} if name % 7 == 6 else {"tool_name": str(number), "success": True},
                activity_id=f"a-{name}",
                source=source,
                customer=("me", "you")[name % 2],
                project=("/a", "/b", None)[name % 3],
            ),
        )
        for number, (name, source) in enumerate(zip(ids, sources, strict=True))
    ]


def expected(given_lines: list[tuple[str, dict[str, Any]]], watermark: str | None, customer: str, project: str) -> int:
    first: dict[str, tuple[str, dict[str, Any]]] = {}
    for place, line in given_lines:
        if line["event_name"] != "mcp_event":
            first.setdefault(line["activity_id"], (place, line))
    return sum(
        line["customer"] == customer and project in (ALL_PROJECTS, line["project"]) and (watermark is None or place > watermark)
        for place, line in first.values()
    )


@examples(50, 300)
@given(lines(), st.integers(10, 15), st.lists(st.integers(0, 30), max_size=3), st.lists(st.integers(0, 30), max_size=2))
def test_shown_and_pending_are_all_facts_above_any_watermark(
    given_lines: list[tuple[str, dict[str, Any]]], size: int, cuts: list[int], discards: list[int]
) -> None:
    overlay = Overlay(max_events=size)
    at = 0
    for cut in [*sorted(cuts), len(given_lines)]:
        overlay.extend(given_lines[at:cut])
        at = max(at, cut)
    lowest = None
    for discard in discards:
        overlay.discard_until(offset(discard))
        lowest = max(lowest or "", offset(discard))
    for watermark in [None, *(offset(n) for n in range(0, 31, 3))]:
        if lowest is not None and (watermark is None or watermark < lowest):
            continue
        for customer in ("me", "you"):
            for project in ("/a", "/b", ALL_PROJECTS):
                known = len(overlay.above(watermark, customer, project)) + overlay.pending(watermark, customer, project)
                assert known == expected(given_lines, watermark, customer, project)
