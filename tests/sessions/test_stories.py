"""Events put together as stories, and stories as text that no recorded text can break out of."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.activity import dump_json
from activity_mcp.sessions.html import html_of
from activity_mcp.sessions.markdown import code, markdown_of, plain
from activity_mcp.sessions.shapes import Event
from activity_mcp.sessions.story import story_of, within


def event(second: int, name: str, **features: Any) -> Event:
    return {
        "activity_id": f"id-{second}",
        "ts": f"2027-01-15T08:00:{second:02d}.000000Z",
        "event_name": name,
        "activity": name,
        "customer": "me@example.com",
        "session_id": "s-1",
        "project": "/w/shop",
        "source": "hook",
        "feature_json": features,
    }


def call(second: int, command: str, **features: Any) -> Event:
    return event(second, "tool_event", tool_name="Bash", parameters={"command": command}, **{"success": True, **features})


EVENTS = [
    event(0, "session_event", event_type="start", session_title="Locks", git_branch="main"),
    event(1, "session_event", event_type="user_prompt", excerpt="Why is it locked?"),
    call(2, "pytest", success=False, error="database is locked", latency_ms=1500),
    call(3, "grep lock", agent_type="Explore"),
    call(4, "rm -rf /", denied="user", success=False),
    event(5, "file_event", operation="edit", file_path="/w/shop/db.py", success=True),
    event(5, "file_event", operation="read", file_path="/w/shop/other.py", success=True),
    event(6, "llm_event", model="m-1", prompt_tokens=10, completion_tokens=5, cost_usd=0.25),
    event(7, "llm_event", model="m-1", prompt_tokens=1, completion_tokens=1),
    call(8, "git commit -m x"),
    event(8, "session_event", event_type="pull_request", link="https://example.com/pr/7"),
    event(9, "session_event", event_type="turn_end", excerpt="A reader held it."),
]


def test_a_story_has_turns_with_calls_outcomes_agents_files_and_sums() -> None:
    story: dict[str, Any] = dict(story_of("s-1", EVENTS))
    (turn,) = story.pop("story")[1:] if len(story["story"]) > 1 else [story.pop("story")[0]]
    assert [(step["what"], step["outcome"], step.get("agent")) for step in turn["steps"]] == [
        ("pytest", "failed", None),
        ("grep lock", "ok", "Explore"),
        ("rm -rf /", "denied", None),
        ("git commit -m x", "ok", None),
    ]
    assert (turn["asked"], turn["concluded"], turn["commits"]) == ("Why is it locked?", "A reader held it.", 1)
    assert story == {
        "session_id": "s-1",
        "project": "/w/shop",
        "git_branch": "main",
        "title": "Locks",
        "started": "2027-01-15T08:00:00.000000Z",
        "ended": "2027-01-15T08:00:09.000000Z",
        "duration_s": 9.0,
        "turns": 1,
        "calls": 4,
        "errors": 1,
        "files": ["/w/shop/db.py"],
        "pull_requests": ["https://example.com/pr/7"],
        "models": ["m-1"],
        "tokens": {"input": 11, "output": 6, "cache_read": 0, "cache_creation": 0},
        "cost_usd": 0.25,
        "cost_missing": 1,
        "resume": "claude --resume s-1",
        "notes": [],
    }


def test_a_story_fits_into_its_bytes_failures_last_to_go() -> None:
    many = [
        turn
        for number in range(200)
        for turn in (event(1, "session_event", event_type="user_prompt", excerpt=f"ask {number}"), *EVENTS[2:5])
    ]
    story = story_of("s-1", many)
    for size in (60_000, 20_000, 4_000, 2_048):
        cut = within(story, size)
        assert len(dump_json(cut)) <= size
        assert cut["calls"] == story["calls"]
        assert "left out" in cut["notes"][-1]
    outcomes = {step["outcome"] for turn in within(story, 60_000)["story"] for step in turn["steps"]}
    assert outcomes == {"failed", "denied"}
    assert within(story, 10**9) is story


def test_an_odd_session_id_is_never_made_a_command() -> None:
    assert story_of("; rm -rf ~", EVENTS)["resume"] is None
    assert story_of("--help", EVENTS)["resume"] is None


@given(st.text(max_size=80))
def test_no_recorded_text_becomes_markup(text: str) -> None:
    written = code(text)
    fence = written[: len(written) - len(written.lstrip("`"))]
    assert "\n" not in written
    assert fence not in written[len(fence) : -len(fence)].split() if fence else False
    hostile = f"<script>alert(1)</script>{text}</style>"
    story = story_of(
        "s-1",
        [event(1, "session_event", event_type="user_prompt", excerpt=hostile), call(2, hostile, success=False, error=hostile)],
    )
    page = "".join(html_of([story], hostile))
    assert "<script" not in page
    assert page.count("</style>") == 1
    unescaped = [line for line in markdown_of(story).splitlines() if "<script" in line.replace("\\<", "") and "`" not in line]
    assert unescaped == []


def test_markdown_signs_are_escaped() -> None:
    assert plain("1. *x* [a](b) <i>") == r"\1. \*x\* \[a\](b) \<i\>"
    assert plain("# no heading") == r"\# no heading"
