"""log_event: one event, on disk before the answer. Runs on the append thread, as it blocks on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...activity import EVENT_NAMES
from .arguments import Argument
from .spec import Annotations, ToolSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...recording.answers import LoggedEvent

DESCRIPTION = """\
Record one event durably: when the answer says `durable`, it is on disk, and it reaches the warehouse exactly once.

Use it for what nothing else records, such as a query run elsewhere or an incident and its cause. Claude Code's own tool \
calls, prompts and file changes are recorded by its hooks; an insight or an artifact has a tool of its own.

`feature_json` is an object with at least these fields; more are welcome, secrets are redacted:
- sql_event: sql, success (query_id is filled in when missing)
- llm_event: model, prompt_tokens, completion_tokens
- tool_event: tool_name, success
- file_event: operation (read, write, create, edit, delete, rename), file_path
- session_event: event_type, session_id (filled in inside Claude Code)
- mcp_event: method, latency_ms
- system_event: event_type (add severity and message)

A refused event changes nothing; the error names the field and what to change. After "may still be recorded", repeat the call \
with the same `activity_id`: it then counts once. `degraded` true means that long values were cut, as the queue is filling up; \
`accepted` false means that recording is switched off here.
"""

ARGUMENTS = (
    Argument("event_name", "string", "What kind of event.", required=True, choices=EVENT_NAMES),
    Argument("feature_json", "object", "The event's own fields.", required=True),
    Argument("activity", "string", "A verb_noun name, such as ran_backfill. Default: by the kind of event."),
    Argument("customer", "string", "Whose activity. Default: the user of this machine."),
    Argument("project", "string", "Absolute path of the project. Default: the project Claude Code runs in."),
    Argument("link", "string", "A URL to more, such as a pull request or a query profile."),
    Argument("revenue_impact", "number", "Money in (positive) or out (negative), in US dollars."),
    Argument("activity_id", "string", "An id of your own: the same id counts once. Default: a new one."),
    Argument("ts", "string", "When it happened, ISO 8601, such as 2026-01-21T06:19:38Z. Default: now."),
)

OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "activity_id": {"type": ["string", "null"]},
        "accepted": {"type": "boolean", "description": "Whether it is in the queue."},
        "durable": {"type": "boolean", "description": "Whether it is synced to the disk."},
        "degraded": {"type": "boolean", "description": "Whether long values were cut."},
        "reason": {"type": "string", "description": "Why it was not accepted."},
    },
    "required": ["activity_id", "accepted", "durable", "degraded"],
}


def log_event(log: Callable[..., LoggedEvent]) -> ToolSpec:
    """The tool; ``log`` is ``ActivityService.log``."""

    def answer(event_name: str, feature_json: dict[str, Any], **columns: Any) -> LoggedEvent:
        return log(event_name, feature_json, **columns)

    return ToolSpec(
        name="log_event",
        title="Log event",
        description=DESCRIPTION,
        arguments=ARGUMENTS,
        output_schema=OUTPUT_SCHEMA,
        annotations=Annotations(read_only=False, idempotent=False),
        answer=answer,
        lane="appends",
        always_load=True,
    )
