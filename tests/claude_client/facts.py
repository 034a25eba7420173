"""What happened in a lab's sessions, taken from the transcripts, the log of the API and what the scenario itself did.

Nothing here looks at what the product recorded, nor uses its code.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from claude_client.lab import Lab
from claude_client.standin import Request

OWN_TOOLS = ("mcp__activity__", "mcp__plugin_activity-mcp_activity__")
ANSWER_TOOL = "StructuredOutput"
"""With it ``claude -p --json-schema`` answers, instead of words."""
INTERRUPTED = "[Request interrupted by user"
_DENIALS = {
    "The user doesn't want to": "user-rejected",
    "Claude requested permissions": "user-rejected",
    "Permission to use": "permission-rule",
    INTERRUPTED: "interrupted",
}
_KINDS = {"user-rejected": "denied by user", "interrupted": "interrupted", "cancelled": "interrupted"}


@dataclass(slots=True)
class ToolCall:
    """``outcome``: ok, failed, denied by user, denied by rule, interrupted, or unanswered."""

    tool: str
    is_subagents: bool
    outcome: str = "unanswered"
    is_refused: bool = False  # by the client itself, which then runs no hook of the call

    @property
    def is_own(self) -> bool:
        return self.tool.startswith(OWN_TOOLS)


@dataclass(slots=True)
class Truth:
    """``turns`` and ``subagent_turns`` hold the text that ended each; ``responses`` are those the client received whole.

    ``possible_turns`` may have ended, and be recorded: as the client left, too late to be written, or without a word, which
    Claude Code takes for an end or asks for more.
    """

    calls: dict[str, ToolCall] = field(default_factory=dict)
    prompts: Counter[str] = field(default_factory=Counter)
    turns: Counter[str] = field(default_factory=Counter)
    subagent_turns: Counter[str] = field(default_factory=Counter)
    possible_turns: Counter[str] = field(default_factory=Counter)
    failed_turns: int = 0
    interrupted_turns: int = 0
    responses: dict[str, Request] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)  # responses that were cut or interrupted: what they cost may be recorded
    sessions: set[str] = field(default_factory=set)


def truth_of(lab: Lab) -> Truth:
    truth = Truth(prompts=Counter(lab.asked))
    owners: dict[str, bool] = {}  # message id -> whether a subagent's
    for path, lines in lab.transcripts().items():
        is_subagents = "/subagents/" in str(path)
        for line in lines:
            _read(truth, owners, line, is_subagents)
    for request in lab.api.requests:
        _take(truth, owners, request)
    return truth


def _take(truth: Truth, owners: dict[str, bool], request: Request) -> None:
    """Errors, compactions and titles are in no transcript, nor is what came as the client left."""
    is_written, step = request.message_id in owners, request.step
    if is_written and not request.is_complete:
        truth.unfinished.add(request.request_id)
    elif is_written:
        truth.responses[request.request_id] = request
    if not request.is_complete or request.kind != "main":
        return
    if any(call.tool == ANSWER_TOOL for call in step.calls):
        truth.possible_turns[""] += 1
    elif step.stop_reason == "end_turn" and not (is_written and step.text):
        truth.possible_turns[step.text] += 1
    elif step.stop_reason == "end_turn":
        ended = truth.subagent_turns if owners[request.message_id] else truth.turns
        ended[step.text] += 1


def _read(truth: Truth, owners: dict[str, bool], line: dict[str, Any], is_subagents: bool) -> None:
    kind, message = line.get("type"), line.get("message")
    if not isinstance(message, dict):
        return
    if not is_subagents:
        truth.sessions.add(line["sessionId"])
    if kind == "assistant" and line.get("isApiErrorMessage"):
        truth.failed_turns += not is_subagents
    elif kind == "assistant":
        owners.setdefault(message["id"], is_subagents)
    blocks = message["content"] if isinstance(message["content"], list) else [{"type": "text", "text": message["content"]}]
    for block in blocks:
        if block.get("type") == "tool_use":
            truth.calls.setdefault(block["id"], ToolCall(block["name"], is_subagents))
        elif block.get("type") == "tool_result":
            call = truth.calls[block["tool_use_id"]]
            call.outcome, call.is_refused = _outcome(line, block)
        elif kind == "user" and str(block.get("text", "")).startswith(INTERRUPTED) and not is_subagents:
            truth.interrupted_turns += 1


def _outcome(line: dict[str, Any], block: dict[str, Any]) -> tuple[str, bool]:
    """The outcome, and whether the client refused the call itself. Older versions say a denial in the text alone."""
    text = block["content"] if isinstance(block["content"], str) else str(block["content"])
    if not block.get("is_error"):
        return "ok", False
    kind = line.get("toolDenialKind") or next((kind for words, kind in _DENIALS.items() if words in text), None)
    if kind is not None:
        return _KINDS.get(kind, "denied by rule"), True
    return "failed", "<tool_use_error>" in text
