"""Rendering: the same facts in every type, by the reader's clock, in the bytes given, from whatever is in the blob."""

from __future__ import annotations

import copy
import json
import math
import random
import subprocess
import sys
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.activity import dump_json
from activity_mcp.clock import iso
from activity_mcp.context import CONTEXT_TYPES, render_context
from context.samples import CHANNEL, DAY, HERE, HOUR, ME, MINUTE, NOW, SECOND, event, offset
from lengths import examples

WATERMARK = {CHANNEL: offset(7)}
HOUR_NOW = NOW - NOW % HOUR


def bucket_of(latency_ms: float) -> str:
    """As the refresh sequence puts a latency into its histogram."""
    return str(math.floor(math.log(max(latency_ms, 0.01)) / math.log(1.1)))


def sample_blob() -> dict[str, Any]:
    return {
        "version": 1,
        "recent_sessions": [
            {
                "session_id": "s-1",
                "project": HERE,
                "git_branch": "main",
                "started": iso(NOW - 2 * HOUR),
                "last_ts": iso(NOW - 3 * MINUTE),
                "asked": "fix the coverage test",
                "asked_ts": iso(NOW - HOUR),
                "concluded": "The test passes now.",
                "concluded_ts": iso(NOW - 3 * MINUTE),
                "files": ["/home/dev/repo/loader.py", "/home/dev/repo/test_loader.py"],
                "failed_commands": ["pytest -q"],
            }
        ],
        "recent_errors": [
            {
                "ts": iso(NOW - 2 * HOUR),
                "event_name": "tool_event",
                "name": "Bash",
                "error": "exit 1",
                "session_id": "s-1",
                "project": HERE,
                "activity_id": "e-1",
            }
        ],
        "recent_files": [
            {
                "file_path": "/home/dev/repo/loader.py",
                "operation": "edit",
                "ts": iso(NOW - HOUR),
                "session_id": "s-1",
                "project": HERE,
            }
        ],
        "insights": [
            {
                "insight_id": "i-1",
                "subject": "orders",
                "metric": "revenue",
                "value": 12.5,
                "artifact_id": "art-1",
                "recorded_at": iso(NOW - DAY),
                "valid_until": iso(NOW + HOUR),
            }
        ],
        "recent_queries": [
            {
                "ts": iso(NOW - HOUR),
                "sql": "select 1",
                "query_id": "q-1",
                "rows": 1,
                "duration_ms": 2.5,
                "artifact_id": "art-1",
                "session_id": "s-1",
                "project": HERE,
                "activity_id": "qa-1",
            }
        ],
        "hours": [
            {
                "hour": iso(HOUR_NOW - 2 * DAY),
                "events": {"llm_event": 1},
                "llm": {
                    "opus": {"calls": 1, "prompt_tokens": 7, "completion_tokens": 3, "cost_usd": 0.25, "calls_without_cost": 0}
                },
            },
            {
                "hour": iso(HOUR_NOW),
                "events": {"tool_event": 3, "llm_event": 1},
                "tools": {"Bash": {"calls": 3, "failures": 1, "latency": {bucket_of(100): 2, bucket_of(900): 1}}},
                "llm": {
                    "opus": {"calls": 1, "prompt_tokens": 5, "completion_tokens": 2, "cost_usd": None, "calls_without_cost": 1}
                },
            },
        ],
        "recorded_at": iso(NOW - 3 * MINUTE),
    }


def render(blob: Any, events: Any = (), **options: Any) -> dict[str, Any]:
    return render_context(
        blob, events, **{"now_us": NOW, "max_bytes": 10**6, "project": HERE, "watermark": WATERMARK, **options}
    ).context


# --- whole values


def test_the_default_context_of_a_blob_is_this() -> None:
    assert render(sample_blob()) == {
        "recent_sessions": [
            {
                "session_id": "s-1",
                "project": HERE,
                "git_branch": "main",
                "started": iso(NOW - 2 * HOUR),
                "age": "3 min",
                "asked": "fix the coverage test",
                "concluded": "The test passes now.",
                "files": ["/home/dev/repo/loader.py", "/home/dev/repo/test_loader.py"],
                "failed_commands": ["pytest -q"],
            }
        ],
        "recent_errors": [
            {"ts": iso(NOW - 2 * HOUR), "age": "2 h", "event_name": "tool_event", "name": "Bash", "error": "exit 1"}
        ],
        "recent_files": [{"file_path": "/home/dev/repo/loader.py", "operation": "edit", "ts": iso(NOW - HOUR)}],
        "insights": [
            {
                "insight_id": "i-1",
                "subject": "orders",
                "metric": "revenue",
                "value": 12.5,
                "artifact_id": "art-1",
                "recorded_at": iso(NOW - DAY),
                "valid_until": iso(NOW + HOUR),
            }
        ],
        "recent_queries": [
            {"ts": iso(NOW - HOUR), "sql": "select 1", "query_id": "q-1", "rows": 1, "duration_ms": 2.5, "artifact_id": "art-1"}
        ],
        "tool_usage": {"Bash": {"calls": 3, "failures": 1, "p50_ms": 101.8, "p95_ms": 911.1}},
        "activity_counts": {"tool_event": 3, "llm_event": 1},
        "llm_usage": {
            "opus": {
                "today": {"calls": 1, "prompt_tokens": 5, "completion_tokens": 2, "cost_usd": None, "calls_without_cost": 1},
                "last_7_days": {
                    "calls": 2,
                    "prompt_tokens": 12,
                    "completion_tokens": 5,
                    "cost_usd": 0.25,
                    "calls_without_cost": 1,
                },
            }
        },
        "recorded_at": iso(NOW - 3 * MINUTE),
        "watermark": WATERMARK,
    }


def test_what_is_not_known_is_explicitly_empty() -> None:
    nothing: dict[str, Any] = {
        "recent_sessions": [],
        "recent_errors": [],
        "recent_files": [],
        "insights": [],
        "recent_queries": [],
        "tool_usage": {},
        "activity_counts": {},
        "llm_usage": {},
        "recorded_at": None,
        "watermark": {},
    }
    assert render(None, watermark=None) == nothing
    assert render({}, watermark={}) == nothing


def test_context_types_choose_sections_and_keep_their_order() -> None:
    assert {kind: list(render(sample_blob(), context_type=kind)) for kind in CONTEXT_TYPES} == {
        "default": [
            "recent_sessions", "recent_errors", "recent_files", "insights", "recent_queries", "tool_usage", "activity_counts",
            "llm_usage", "recorded_at", "watermark",
        ],
        "executive": ["tool_usage", "activity_counts", "llm_usage", "recorded_at", "watermark"],
        "analyst": ["insights", "recent_queries", "recorded_at", "watermark"],
        "engineer": ["recent_sessions", "recent_errors", "recent_files", "tool_usage", "recorded_at", "watermark"],
    }  # fmt: skip


def test_the_default_type_is_the_shortest_form_of_the_same_facts() -> None:
    blob = sample_blob()
    blob["recent_sessions"][0].update(asked="a" * 290, files=[f"/f/{n}" for n in range(8)], failed_commands=["x", "y", "z"])
    blob["recent_errors"] = [{**blob["recent_errors"][0], "activity_id": f"e-{n}", "error": f"{n}" * 290} for n in range(10)]
    short, full = render(blob), render(blob, context_type="engineer")
    assert (len(short["recent_errors"]), len(full["recent_errors"])) == (5, 10)
    assert (len(short["recent_sessions"][0]["files"]), len(full["recent_sessions"][0]["files"])) == (5, 8)
    assert (len(short["recent_sessions"][0]["asked"]), len(full["recent_sessions"][0]["asked"])) == (140, 290)
    assert short["recent_sessions"][0]["asked"].endswith("a…")
    assert full["recent_errors"][0]["session_id"] == "s-1"


def test_the_project_is_said_where_the_answer_is_about_several() -> None:
    everywhere, here = render(sample_blob(), project="*"), render(sample_blob(), project=HERE)
    for section in ("recent_errors", "recent_files", "recent_queries"):
        assert everywhere[section][0]["project"] == HERE
        assert "project" not in here[section][0]


# --- events above the blob


def test_an_event_shows_at_once_in_every_section_it_belongs_to() -> None:
    later = {"at": NOW - MINUTE}
    context = render(
        sample_blob(),
        [
            event("session_event", {"session_id": "s-1", "event_type": "user_prompt", "excerpt": "now the docs"}, **later),
            event(
                "tool_event",
                {
                    "tool_name": "Bash",
                    "success": False,
                    "parameters": {"command": "make docs"},
                    "error": "no rule",
                    "git_branch": "docs",
                },
                **later,
            ),
            event("file_event", {"operation": "write", "file_path": "/home/dev/repo/README.md", "success": True}, **later),
            event(
                "sql_event", {"sql": "select 2", "success": True, "query_id": "q-2", "rows": 3, "artifact_id": "art-2"}, **later
            ),
            event("llm_event", {"model": "opus", "prompt_tokens": 10, "completion_tokens": 1, "cost_usd": 0.5}, **later),
            event(
                "mcp_event",
                {
                    "method": "record_insight",
                    "subject": "docs",
                    "metric": "pages",
                    "value": 3,
                    "query_id": "q-2",
                    "valid_for_hours": 2,
                },
                **later,
            ),
        ],
        context_type="default",
    )
    session = context["recent_sessions"][0]
    assert (session["asked"], session["concluded"], session["git_branch"]) == ("now the docs", "The test passes now.", "docs")
    assert (session["age"], session["started"]) == ("1 min", iso(NOW - 2 * HOUR))
    assert session["files"][0] == "/home/dev/repo/README.md"
    assert session["failed_commands"] == ["make docs", "pytest -q"]
    assert context["recent_errors"][0]["error"] == "no rule"
    assert context["recent_files"][0]["file_path"] == "/home/dev/repo/README.md"
    assert context["recent_queries"][0]["sql"] == "select 2"
    assert (context["insights"][0]["subject"], context["insights"][0]["valid_until"]) == ("docs", iso(NOW - MINUTE + 2 * HOUR))
    assert context["activity_counts"] == {
        "tool_event": 4, "llm_event": 2, "file_event": 1, "mcp_event": 1, "session_event": 1, "sql_event": 1,
    }  # fmt: skip
    assert context["llm_usage"]["opus"]["today"] == {
        "calls": 2, "prompt_tokens": 15, "completion_tokens": 3, "cost_usd": 0.5, "calls_without_cost": 1,
    }  # fmt: skip
    assert context["recorded_at"] == iso(NOW - MINUTE)


def test_events_add_to_counts_and_never_to_percentiles() -> None:
    slow = event("tool_event", {"tool_name": "Bash", "success": True, "latency_ms": 10**9}, at=NOW)
    assert render(sample_blob(), [slow])["tool_usage"]["Bash"] == {"calls": 4, "failures": 1, "p50_ms": 101.8, "p95_ms": 911.1}
    fresh = event("tool_event", {"tool_name": "Read", "success": True, "latency_ms": 5}, at=NOW)
    assert render(sample_blob(), [fresh])["tool_usage"]["Read"] == {"calls": 1, "failures": 0}


def test_an_older_text_that_arrives_late_does_not_replace_a_newer_one() -> None:
    late = event("session_event", {"session_id": "s-1", "event_type": "user_prompt", "excerpt": "older"}, at=NOW - 90 * MINUTE)
    ended = event("session_event", {"session_id": "s-1", "event_type": "end"}, at=NOW - 2 * MINUTE)
    session = render(sample_blob(), [late, ended])["recent_sessions"][0]
    assert (session["asked"], session["ended"]) == ("fix the coverage test", iso(NOW - 2 * MINUTE))


def asked(excerpt: str, at: int) -> dict[str, Any]:
    return event("session_event", {"session_id": "s-1", "event_type": "user_prompt", "excerpt": excerpt}, at=at)


@pytest.mark.parametrize("kind", ["default", "engineer"])
def test_the_question_a_session_began_with_is_beside_its_last(kind: str) -> None:
    def shown(*events: dict[str, Any], **stored: str) -> tuple[str | None, str | None]:
        blob = sample_blob()
        blob["recent_sessions"][0].update(stored)
        (session,) = render(blob, events, context_type=kind)["recent_sessions"]
        return session.get("first_asked"), session["asked"]

    known = {"first_asked": "why is CI red?", "first_asked_ts": iso(NOW - 2 * HOUR)}
    assert shown() == (None, "fix the coverage test")
    assert shown(**known) == ("why is CI red?", "fix the coverage test")
    assert shown(asked("now the docs", NOW - MINUTE)) == ("fix the coverage test", "now the docs")
    assert shown(asked("now the docs", NOW - MINUTE), asked("hello", NOW - 3 * HOUR), **known) == ("hello", "now the docs")


def test_the_latest_end_and_the_earliest_start_count_in_whatever_order_they_arrive() -> None:
    moments = [("end", 1 * MINUTE), ("end", 5 * MINUTE), ("start", 3 * HOUR), ("start", 4 * HOUR), ("start", HOUR)]
    made = [event("session_event", {"session_id": "s-1", "event_type": kind}, at=NOW - ago) for kind, ago in moments]
    session = render(sample_blob(), made)["recent_sessions"][0]
    assert (session["started"], session["ended"], session["age"]) == (iso(NOW - 4 * HOUR), iso(NOW - MINUTE), "1 min")


@pytest.mark.parametrize("place", ["stored", "fresh"])
def test_a_large_value_of_an_insight_is_shown_by_its_beginning(place: str) -> None:
    insight = {"insight_id": "i", "query_id": "q", "value": {"rows": list(range(1000))}, "recorded_at": iso(NOW)}
    made = event("mcp_event", {**insight, "method": "record_insight"})
    context = render({"insights": [insight]}) if place == "stored" else render({}, [made])
    shown = context["insights"][0]["value"]
    assert len(shown) == 300
    assert shown.startswith('{"rows":[0,1,2')
    assert shown.endswith("…")


def test_only_the_newest_five_sessions_are_shown_newest_first() -> None:
    events = [
        event("session_event", {"session_id": f"s-{n}", "event_type": "start"}, at=NOW - n * HOUR, session_id=f"s-{n}")
        for n in range(1, 9)
    ]
    shown = render(sample_blob(), events)["recent_sessions"]
    assert [session["session_id"] for session in shown] == ["s-1", "s-2", "s-3", "s-4", "s-5"]
    assert shown[1] == {"session_id": "s-2", "project": HERE, "started": iso(NOW - 2 * HOUR), "age": "2 h"}


def test_a_file_is_listed_once_with_what_was_done_to_it_last() -> None:
    read = event("file_event", {"operation": "read", "file_path": "/home/dev/repo/loader.py"}, at=NOW)
    assert render(sample_blob(), [read])["recent_files"] == [
        {"file_path": "/home/dev/repo/loader.py", "operation": "read", "ts": iso(NOW)}
    ]


@pytest.mark.parametrize(
    ("made", "name", "error"),
    [
        (event("tool_event", {"tool_name": "Edit", "success": False, "error": "no match"}), "Edit", "no match"),
        (event("sql_event", {"success": "false", "error": "no table"}), "sql", "no table"),
        (event("file_event", {"operation": "write", "file_path": "/f", "success": False}), "write", None),
        (
            event("mcp_event", {"method": "store_artifact", "success": False, "error_type": "DiskFull"}),
            "store_artifact",
            "DiskFull",
        ),
        (event("system_event", {"event_type": "refused", "severity": "error", "message": "full"}), "refused", "full"),
    ],
)
def test_every_kind_of_failure_is_an_error_with_its_name(made: dict[str, Any], name: str, error: str | None) -> None:
    shown = render({}, [made])["recent_errors"]
    assert [(entry["event_name"], entry["name"], entry.get("error")) for entry in shown] == [(made["event_name"], name, error)]


@pytest.mark.parametrize(
    "features",
    [{"tool_name": "Edit", "success": True}, {"tool_name": "Edit"}, {"tool_name": "Edit", "success": "perhaps", "error": "x"}],
)
def test_what_did_not_fail_for_certain_is_no_error(features: dict[str, Any]) -> None:
    assert render({}, [event("tool_event", features)])["recent_errors"] == []
    assert render({}, [event("system_event", {"event_type": "note", "severity": "warning"})])["recent_errors"] == []


# --- time


@pytest.mark.parametrize(
    ("hours_ago", "counted", "in_week", "today"),
    [(0, True, True, True), (8, True, True, True), (9, True, True, False), (24, True, True, False), (25, False, True, False),
     (168, False, True, False), (169, False, False, False), (-1, True, True, True), (-2, False, False, False)],
)  # fmt: skip
def test_windows_are_whole_hours_by_the_readers_clock(hours_ago: int, counted: bool, in_week: bool, today: bool) -> None:
    """Now is 08:00:00 UTC, so today began eight hours ago; an hour counts while any of it is in the window."""
    at = HOUR_NOW - hours_ago * HOUR
    use = {"calls": 1, "prompt_tokens": 1, "completion_tokens": 1, "cost_usd": 1.0, "calls_without_cost": 0}
    stored = {"hours": [{"hour": iso(at), "events": {"llm_event": 1}, "llm": {"m": use}}]}
    made = [event("llm_event", {"model": "m", "prompt_tokens": 1, "completion_tokens": 1, "cost_usd": 1.0}, at=at)]
    for context in (render(stored, now_us=NOW + 59 * MINUTE), render({}, made, now_us=NOW + 59 * MINUTE)):
        assert ("llm_event" in context["activity_counts"]) == counted
        assert ("m" in context["llm_usage"]) == in_week
        assert ("today" in context["llm_usage"].get("m", {})) == today


def test_nothing_freezes_while_nobody_works() -> None:
    """The same blob, read later: counts fall out, insights end, ages grow."""
    blob = sample_blob()
    later = render(blob, now_us=NOW + 8 * DAY)
    assert (later["activity_counts"], later["tool_usage"], later["llm_usage"], later["insights"]) == ({}, {}, {}, [])
    assert later["recent_sessions"][0]["age"] == "8 d"


def test_an_insight_holds_until_its_moment_and_needs_something_to_rest_on() -> None:
    blob = {
        "insights": [
            {"insight_id": "ends now", "query_id": "q", "recorded_at": iso(NOW - 3), "valid_until": iso(NOW)},
            {"insight_id": "ends later", "query_id": "q", "recorded_at": iso(NOW - 2), "valid_until": iso(NOW + 1), "value": 0},
            {"insight_id": "no end", "artifact_id": "a", "recorded_at": iso(NOW - 1), "value": None},
            {"insight_id": "rests on nothing", "recorded_at": iso(NOW)},
        ]
    }
    assert [(each["insight_id"], each["value"]) for each in render(blob)["insights"]] == [("no end", None), ("ends later", 0)]


@pytest.mark.parametrize(
    ("elapsed", "said"),
    [(0, "<1 min"), (-HOUR, "<1 min"), (59 * SECOND, "<1 min"), (MINUTE, "1 min"), (59 * MINUTE, "59 min"), (HOUR, "1 h"),
     (47 * HOUR, "47 h"), (2 * DAY, "2 d"), (400 * DAY, "400 d")],
)  # fmt: skip
def test_ages_are_said_in_the_unit_that_says_it(elapsed: int, said: str) -> None:
    made = event("tool_event", {"tool_name": "x", "success": True}, at=NOW - elapsed)
    assert render({}, [made])["recent_sessions"][0]["age"] == said


def test_an_unknown_cost_is_not_a_cost_of_nothing() -> None:
    free = event("llm_event", {"model": "local", "prompt_tokens": 1, "completion_tokens": 1, "cost_usd": 0})
    unknown = event("llm_event", {"model": "new", "prompt_tokens": 1, "completion_tokens": 1})
    usage = render({}, [free, unknown])["llm_usage"]
    assert (usage["local"]["today"]["cost_usd"], usage["local"]["today"]["calls_without_cost"]) == (0, 0)
    assert (usage["new"]["today"]["cost_usd"], usage["new"]["today"]["calls_without_cost"]) == (None, 1)


# --- percentiles


@pytest.mark.parametrize("seed", range(40))
def test_percentiles_of_merged_hours_are_within_five_per_cent_of_the_true_ones(seed: int) -> None:
    chance = random.Random(seed)
    latencies = [
        10 ** chance.uniform(-2, 7) if seed % 2 else chance.lognormvariate(5, 1.5)
        for _ in range(chance.choice([1, 2, 19, 20, 21, 500]))
    ]
    hours: list[dict[str, Any]] = []
    for n in range(5):
        part = latencies[n::5]
        latency: dict[str, int] = {}
        for value in part:
            latency[bucket_of(value)] = latency.get(bucket_of(value), 0) + 1
        hours.append(
            {"hour": iso(HOUR_NOW - n * HOUR), "tools": {"t": {"calls": len(part), "failures": 0, "latency": latency}}}
        )
    shown = render({"hours": hours})["tool_usage"]["t"]
    assert shown["calls"] == len(latencies)
    for percent in (50, 95):
        true = sorted(latencies)[math.ceil(percent * len(latencies) / 100) - 1]
        assert shown[f"p{percent}_ms"] == pytest.approx(true, rel=0.05)


# --- the budget


def answer_around(context: Any, truncated: Any) -> dict[str, Any]:
    """The structured content of get_context."""
    return {
        "customer": ME,
        "context_type": "default",
        "project": HERE,
        "context": context,
        "as_of": iso(NOW),
        "age_ms": 31_000,
        "freshness": "stale",
        "source": "memory",
        "pending_local": 0,
        "truncated": truncated,
        "reason": "not verified for 31 s; a refresh is under way",
    }


def big_blob() -> dict[str, Any]:
    blob = sample_blob()
    for section, name in (("recent_sessions", "session_id"), ("recent_errors", "activity_id"), ("recent_files", "file_path"),
                          ("insights", "insight_id"), ("recent_queries", "activity_id")):  # fmt: skip
        first = blob[section][0]
        said = {"asked": "why? " * 60}
        blob[section] = [
            {**copy.deepcopy(first), name: f"{first[name]}-{n}", **said, "concluded": f"a{n} b{n} c{n} d{n} because of e{n}."}
            for n in range(20)
        ]
    blob["hours"][1]["tools"] = {
        f"mcp__server__tool_{n}": {"calls": n, "failures": 0, "latency": {"40": n}} for n in range(1, 60)
    }
    return blob


def test_lists_get_shorter_before_a_section_goes() -> None:
    blob = big_blob()
    whole = render_context(blob, [], now_us=NOW, max_bytes=10**6, watermark=WATERMARK, project=HERE)
    assert whole.truncated == []
    some = render_context(blob, [], now_us=NOW, max_bytes=4096, reserve=300, watermark=WATERMARK, project=HERE)
    assert some.truncated == []
    assert list(some.context) == list(whole.context)
    for section in ("recent_sessions", "recent_errors", "recent_files", "insights", "recent_queries"):
        shown = some.context[section]
        assert 1 <= len(shown) <= len(whole.context[section])
        assert shown == whole.context[section][: len(shown)], "the newest stay"
    lengths = [len(some.context[section]) for section in whole.context if isinstance(whole.context[section], list)]
    assert sum(lengths) < sum(len(value) for value in whole.context.values() if isinstance(value, list))
    few = render_context(blob, [], now_us=NOW, max_bytes=1300, reserve=300, watermark=WATERMARK, project=HERE)
    assert few.truncated
    assert set(few.truncated) | set(few.context) == set(whole.context)
    assert few.context["recent_sessions"], "the first section goes last"


def test_sums_are_shown_whole_or_not_at_all() -> None:
    blob = big_blob()
    blob["hours"][1]["llm"] = {f"model-{n}": {"calls": 1, "cost_usd": 1} for n in range(8)}
    whole = render(blob)
    for max_bytes in range(512, 9000, 37):
        context = render(blob, max_bytes=max_bytes)
        for section in ("llm_usage", "activity_counts"):
            assert context.get(section) in (None, whole[section])


def test_a_focus_puts_what_is_about_it_first_and_gives_it_the_room() -> None:
    blob = sample_blob()
    blob["recent_files"] = [{**blob["recent_files"][0], "file_path": f"/r/{name}.py"} for name in ("alpha", "beta", "gamma")]
    blob["insights"] = [
        {**blob["insights"][0], "insight_id": f"i-{n}", "subject": f"subject {n}", "recorded_at": iso(NOW - n * HOUR)}
        for n in range(9)
    ]
    assert render(blob)["insights"][0]["subject"] == "subject 0"
    assert render(blob, focus="Subject 7?")["insights"][0]["subject"] == "subject 7"
    assert render(blob, focus="/elsewhere/gamma.py")["recent_files"][0]["file_path"] == "/r/gamma.py"
    small = render(blob, focus="subject 7", max_bytes=700)
    assert small["insights"][0]["subject"] == "subject 7"


def test_the_same_question_has_the_same_answer_and_explained_it_says_why_each_line_is_there() -> None:
    assert render(sample_blob(), focus="orders") == render(sample_blob(), focus="orders")
    plain, explained = render(sample_blob()), render(sample_blob(), explain=True, focus="orders")
    for section in ("recent_sessions", "recent_errors", "recent_files", "insights", "recent_queries"):
        assert not any("why" in entry for entry in plain[section])
        assert all("worth" in entry["why"] for entry in explained[section])
    assert explained["why"] == {name: explained["why"][name] for name in ("tool_usage", "activity_counts", "llm_usage")}
    assert explained["insights"][0]["why"] == "insight, 1.0 d old, 100% of the focus: worth 23.7"


def test_where_not_even_the_names_fit_the_whole_context_is_named() -> None:
    tight = render_context(big_blob(), [], now_us=NOW, max_bytes=512, reserve=400)
    assert (tight.context, tight.truncated) == ({}, ["context"])
    hopeless = render_context(big_blob(), [], now_us=NOW, max_bytes=512, reserve=600)
    assert (hopeless.context, hopeless.truncated) == ({}, [])


def test_the_encoding_handed_over_is_that_of_the_context() -> None:
    for max_bytes in (512, 2000, 10**6):
        rendered = render_context(big_blob(), [], now_us=NOW, max_bytes=max_bytes, dumps=orjson.dumps)
        assert orjson.loads(rendered.encoded) == rendered.context


TEXTS = (
    "", "s-1", "\0\x1b[31m", "\u2028", "\ud800", "é" * 200, '"\\' * 100, "x" * 2000, "user_prompt", "start", "end", "false",
    "error", "record_insight", "1e400", "-7", "nan", iso(NOW), iso(NOW - HOUR), iso(NOW + DAY), "9999-99-99T99:99:99.999999Z",
)  # fmt: skip
NUMBERS = (0, -1, 1, 48, 10**6, 2**63, 10**400, 0.5, -1e308, 1e-9, math.inf, -math.inf, math.nan)
FIELDS = (
    "session_id", "project", "git_branch", "first_asked", "asked", "concluded", "files", "failed_commands", "event_name", "name", "error",
    "activity_id", "file_path", "operation", "insight_id", "subject", "metric", "value", "grain", "confidence", "artifact_id",
    "query_id", "sql", "rows", "duration_ms", "events", "tools", "llm", "ts", "last_ts", "started", "ended", "asked_ts",
    "concluded_ts", "recorded_at", "valid_until", "hour", "tool_name", "success", "event_type", "excerpt", "model", "cost_usd",
    "prompt_tokens", "severity", "method", "parameters", "command", "calls", "failures", "latency", "valid_for_hours",
)  # fmt: skip
MEMBERS = (
    "version",
    "recent_sessions",
    "recent_errors",
    "recent_files",
    "insights",
    "recent_queries",
    "hours",
    "recorded_at",
    "new",
)
EVENT_NAMES = ("sql_event", "llm_event", "tool_event", "file_event", "session_event", "mcp_event", "system_event", "new_event")


class Chance(random.Random):
    """Values of every JSON type where another one is expected."""

    def value(self, depth: int = 0) -> Any:
        kind = self.randrange(8 if depth < 4 else 5)
        if kind < 3:
            return self.choice(TEXTS)
        if kind < 5:
            return self.choice((*NUMBERS, None, True, False))
        if kind == 5:
            return [self.value(depth + 1) for _ in range(self.randrange(5))]
        return self.record(depth + 1)

    def record(self, depth: int = 0) -> dict[str, Any]:
        return {self.choice((*FIELDS, *TEXTS)): self.value(depth) for _ in range(self.randrange(9))}

    def entry(self) -> Any:
        """An entry of a list: mostly with what names and dates it, so that it is not simply passed over."""
        named = {name: self.choice(TEXTS[:8]) for name in ("session_id", "activity_id", "file_path", "insight_id", "query_id")}
        dated = {name: iso(NOW - self.randrange(-HOUR, 9 * DAY)) for name in ("ts", "last_ts", "recorded_at", "hour")}
        return {**self.record(), **named, **dated} if self.random() < 0.7 else self.value()

    def blob(self) -> dict[str, Any]:
        return {
            name: [self.entry() for _ in range(self.randrange(9))] if self.random() < 0.8 else self.value() for name in MEMBERS
        }

    def event(self) -> dict[str, Any]:
        features = self.record() if self.random() < 0.9 else self.value()
        return {**self.record(), **self.entry_place(), "event_name": self.choice(EVENT_NAMES), "feature_json": features}

    def entry_place(self) -> dict[str, Any]:
        return {"ts": iso(NOW - self.randrange(DAY)), "session_id": self.choice(TEXTS)} if self.random() < 0.8 else {}


@examples(66, 400)
@given(st.integers(0, 2**32), st.sampled_from(list(CONTEXT_TYPES)), st.integers(512, 6000))
def test_whatever_was_recorded_the_answer_fits_and_is_valid_json(seed: int, kind: str, max_bytes: int) -> None:
    chance = Chance(seed)
    blob, made = chance.blob(), [chance.event() for _ in range(chance.randrange(12))]
    watermark = {chance.choice(TEXTS): chance.choice((*TEXTS, None)) for _ in range(chance.randrange(4))}
    reserve = len(dump_json(answer_around({}, [])))
    options: dict[str, Any] = {
        "now_us": NOW,
        "context_type": kind,
        "max_bytes": max_bytes,
        "reserve": reserve,
        "watermark": watermark,
    }
    for dumps in (dump_json, orjson.dumps):
        rendered = render_context(blob, made, **options, dumps=dumps)
        encoded = dumps(answer_around(rendered.context, rendered.truncated))
        assert len(encoded) <= max_bytes
        assert json.loads(encoded) == orjson.loads(encoded)
        assert list(rendered.context) == [name for name in CONTEXT_TYPES[kind] if name in rendered.context]
        left_out = [name for name in CONTEXT_TYPES[kind] if name not in rendered.context]
        assert rendered.truncated in (left_out, ["context"])


@examples(25, 120)
@given(st.integers(512, 9000), st.sampled_from(list(CONTEXT_TYPES)))
def test_a_full_context_fits_every_budget_and_uses_it_well(max_bytes: int, kind: str) -> None:
    reserve = len(dump_json(answer_around({}, [])))
    blob = big_blob()
    rendered = render_context(
        blob, [], now_us=NOW, context_type=kind, max_bytes=max_bytes, reserve=reserve, watermark=WATERMARK
    )
    size = len(dump_json(answer_around(rendered.context, rendered.truncated)))
    whole = len(dump_json(render(blob, context_type=kind, project="*"))) + reserve
    assert size <= max_bytes
    if whole > max_bytes and max_bytes > 1024:
        assert size > max_bytes - 900, "what is left is less than the largest entry"


def test_the_same_facts_give_the_same_bytes_whatever_the_order_of_members() -> None:
    def backwards(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: backwards(value[key]) for key in reversed(list(value))}
        return [backwards(item) for item in value] if isinstance(value, list) else value

    for max_bytes in (700, 2000, 10**6):
        one = render_context(big_blob(), [], now_us=NOW, max_bytes=max_bytes, watermark=WATERMARK)
        other = render_context(backwards(big_blob()), [], now_us=NOW, max_bytes=max_bytes, watermark=WATERMARK)
        assert (one.encoded, one.truncated) == (other.encoded, other.truncated)


def test_a_blob_of_a_newer_version_is_read_as_far_as_it_is_understood() -> None:
    blob = sample_blob() | {"version": 9, "recent_errors": {"moved": "elsewhere"}, "brand_new": [1, 2]}
    context = render(blob)
    assert context["recent_errors"] == []
    assert {name: context[name] for name in context if name != "recent_errors"} == {
        name: value for name, value in render(sample_blob()).items() if name != "recent_errors"
    }


def test_a_hook_can_render_without_paying_for_more_than_the_cheap_part_of_the_standard_library() -> None:
    code = "import activity_mcp.context.render, sys; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    bare = set(
        subprocess.run(
            [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    assert not (loaded - bare) & {
        "typing",
        "dataclasses",
        "datetime",
        "threading",
        "hashlib",
        "cachetools",
        "orjson",
        "asyncio",
    }
