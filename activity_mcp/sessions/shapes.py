"""What is known of a session, as the modules of this room, the commands and the page hand it on."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Outcome = Literal["ok", "failed", "denied", "interrupted", "running"]
ENDS: tuple[Literal["concluded", "stopped"], ...] = ("concluded", "stopped")
"""How a turn ends, where its end is recorded."""
ENDED_ON: tuple[Literal["git_branch", "git_commit"], ...] = ("git_branch", "git_commit")
COUNTS: tuple[Literal["turns", "calls", "errors"], ...] = ("turns", "calls", "errors")


class Event(TypedDict):
    """One activity: the columns of ``rows.MEMBERS``. ``feature_json`` is as free as its event; a page of an export has it as
    JSON text."""

    activity_id: str
    ts: str
    event_name: str
    activity: str
    customer: str
    session_id: str | None
    project: str | None
    source: str
    feature_json: Any


class SessionSummary(TypedDict):
    """The sums of one session. ``cost_usd`` is None where no cost is known."""

    session_id: str
    project: str | None
    title: str | None
    asked: str | None
    started: str
    ended: str
    duration_s: float
    calls: int
    errors: int
    tokens: int
    cost_usd: float | None


class Step(TypedDict):
    """One call of a tool. A call of a subagent bears its kind (``agent``) and its id."""

    ts: str
    what: str
    outcome: Outcome
    tool: NotRequired[str]
    error: NotRequired[str]
    latency_ms: NotRequired[float]
    agent: NotRequired[str]
    agent_id: NotRequired[str]


class Turn(TypedDict):
    """A prompt and what was done for it; ``asked`` is None before the first prompt. ``git_*``: where the turn ended."""

    ts: str
    asked: str | None
    steps: list[Step]
    concluded: NotRequired[str | None]
    stopped: NotRequired[str | None]
    git_branch: NotRequired[str]
    git_commit: NotRequired[str]
    commits: NotRequired[int]
    tokens: NotRequired[int]
    cost_usd: NotRequired[float]


class Story(TypedDict):
    """A whole session. ``cost_usd`` is the sum of the costs that are known, None where none is; ``cost_missing`` counts the
    responses without one. ``tokens``: input, output, cache_read and cache_creation. ``resume`` is None where a shell would not
    take the id for one word."""

    session_id: str
    project: str | None
    git_branch: str | None
    title: str | None
    started: str | None
    ended: str | None
    duration_s: float | None
    turns: int
    calls: int
    errors: int
    files: list[str]
    pull_requests: list[str]
    models: list[str]
    tokens: dict[str, int]
    cost_usd: float | None
    cost_missing: int
    resume: str | None
    story: list[Turn]
    notes: list[str]


class CommitSession(TypedDict):
    """A session that may have worked on a commit, and why; ``files`` are those of the commit that it edited."""

    session_id: str
    sure: Literal["certain", "likely", "possible"]
    project: str | None
    files: list[str]
    last_ts: str
    why: str
    resume: str
