"""A session's events put together: turns, their calls and outcomes, files, errors, subagents, tokens and cost.

A call before the first prompt belongs to a turn without a question.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from ..activity import dump_json
from ..clock import parse_iso
from .shapes import ENDED_ON

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .shapes import Event, Outcome, Step, Story, Turn

    Features = Mapping[str, Any]

MAX_WHAT = 300
_SHOWN = ("command", "file_path", "notebook_path", "pattern", "query", "url", "sql", "description", "prompt", "skill")
COMMITTED = re.compile(r"\bgit\b[^|;&\n]*\bcommit\b")
_TOKENS = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_creation_tokens")


def story_of(session_id: str, events: Sequence[Event], notes: Sequence[str] = ()) -> Story:
    """The story of the events, which are in the order of time."""
    story = _Story()
    for event in events:
        story.take(event)
    times = [event["ts"] for event in events]
    calls = [step for turn in story.turns for step in turn["steps"]]
    return {
        "session_id": session_id,
        "project": next((event["project"] for event in reversed(events) if event.get("project")), None),
        "git_branch": story.branch,
        "title": story.title,
        "started": times[0] if times else None,
        "ended": times[-1] if times else None,
        "duration_s": round((parse_iso(times[-1]) - parse_iso(times[0])) / 1e6, 1) if times else None,
        "turns": sum(turn["asked"] is not None for turn in story.turns),
        "calls": len(calls),
        "errors": sum(step["outcome"] == "failed" for step in calls),
        "files": story.files,
        "pull_requests": story.pull_requests,
        "models": sorted(story.models),
        "tokens": story.tokens,
        "cost_usd": round(story.cost, 6) if story.cost is not None else None,
        "cost_missing": story.cost_missing,
        "resume": f"claude --resume {session_id}" if re.fullmatch(r"[A-Za-z0-9_][\w.-]*", session_id, re.ASCII) else None,
        "story": story.turns,
        "notes": list(notes),
    }


class _Story:
    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.title: str | None = None
        self.branch: str | None = None
        self.files: list[str] = []
        self.pull_requests: list[str] = []
        self.models: set[str] = set()
        self.tokens = dict.fromkeys(("input", "output", "cache_read", "cache_creation"), 0)
        self.cost: float | None = None
        self.cost_missing = 0

    def take(self, event: Event) -> None:
        features = event.get("feature_json")
        read = getattr(self, f"_{event['event_name']}", None)
        if isinstance(features, dict) and read is not None:
            self.branch = features.get("git_branch") or self.branch
            read(event, features)

    def _turn(self, ts: str) -> Turn:
        if not self.turns:
            self.turns.append({"ts": ts, "asked": None, "steps": []})
        return self.turns[-1]

    def _session_event(self, event: Event, features: Features) -> None:
        kind, text = features.get("event_type"), features.get("text") or features.get("excerpt")
        self.title = features.get("session_title") or features.get("title") or self.title
        if kind == "pull_request" and features.get("link") not in (None, *self.pull_requests):
            self.pull_requests.append(str(features["link"]))
        if kind == "user_prompt":
            self.turns.append({"ts": event["ts"], "asked": text or "(not recorded)", "steps": []})
        elif kind == "turn_end":
            turn = self._turn(event["ts"])
            turn["concluded"] = text or "(not recorded)"
            for name in ENDED_ON:
                if features.get(name):
                    turn[name] = features[name]
        elif kind == "turn_stopped":
            self._turn(event["ts"])["stopped"] = text or features.get("reason")

    def _tool_event(self, event: Event, features: Features) -> None:
        given = features.get("parameters")
        parameters = given if isinstance(given, dict) else {}
        step = {
            "ts": event["ts"],
            "tool": features.get("tool_name"),
            "what": _what(parameters),
            "outcome": _outcome(features),
            "error": features.get("error"),
            "latency_ms": features.get("latency_ms"),
            "agent": features.get("agent_type") or features.get("agent_id"),
            "agent_id": features.get("agent_id"),
        }
        turn = self._turn(event["ts"])
        turn["steps"].append(cast("Step", {name: value for name, value in step.items() if value is not None}))
        if step["outcome"] == "ok" and COMMITTED.search(str(parameters.get("command", ""))):
            turn["commits"] = turn.get("commits", 0) + 1

    def _file_event(self, event: Event, features: Features) -> None:
        path = features.get("file_path")
        if features.get("operation") != "read" and isinstance(path, str) and path not in self.files:
            self.files.append(path)

    def _llm_event(self, event: Event, features: Features) -> None:
        if features.get("model"):
            self.models.add(str(features["model"]))
        for name, source in zip(self.tokens, _TOKENS, strict=True):
            self.tokens[name] += int(features.get(source) or 0)
        turn = self._turn(event["ts"])
        turn["tokens"] = turn.get("tokens", 0) + sum(int(features.get(source) or 0) for source in _TOKENS)
        cost = features.get("cost_usd")
        if isinstance(cost, (int, float)):
            self.cost = (self.cost or 0.0) + cost
            turn["cost_usd"] = turn.get("cost_usd", 0.0) + cost
        else:
            self.cost_missing += 1


def _what(parameters: Features) -> str:
    text = next((str(parameters[name]) for name in _SHOWN if parameters.get(name)), "")
    text = " ".join((text or ", ".join(f"{name}={value}" for name, value in parameters.items())).split())
    return text if len(text) <= MAX_WHAT else f"{text[: MAX_WHAT - 1]}…"


def _outcome(features: Features) -> Outcome:
    if features.get("denied"):
        return "denied"
    if features.get("interrupted"):
        return "interrupted"
    if features.get("_unanswered"):
        return "running"
    return "failed" if features.get("success") is False else "ok"


def within(story: Story, max_bytes: int) -> Story:
    """The story in at most so many bytes of JSON, as far as its sums fit: the steps that went well go first, then all steps,
    then the turns in the middle. ``notes`` say what was left out."""
    if len(dump_json(story)) <= max_bytes:
        return story
    turns: list[Turn] = [
        {**turn, "steps": [step for step in turn["steps"] if step["outcome"] != "ok"]} for turn in story["story"]
    ]
    cut: Story = {**story, "story": turns, "notes": [*story["notes"], "calls that went well are left out for size"]}
    if len(dump_json(cut)) <= max_bytes:
        return cut
    turns = [{**turn, "steps": []} for turn in turns]
    cut = {
        **story,
        "files": story["files"][:50],
        "notes": [*story["notes"], "calls are left out for size, and turns in the middle"],
    }
    while len(dump_json({**cut, "story": turns})) > max_bytes and turns:
        del turns[len(turns) // 2]
    return {**cut, "story": turns}
