"""record_insight: one value with what it rests on, on disk before the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .arguments import Argument
from .spec import Annotations, Progress, ToolSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...provenance.answers import RecordedInsight

DESCRIPTION = """\
Record one conclusion with what it rests on, so that later sessions find it in get_context: {subject: orders, metric: \
p95 latency, value: 4200, grain: day, artifact_id: …}.

Pass the `artifact_id` of the `query` (or of store_artifact) that it was read from; one that does not exist is refused. \
An insight without artifact_id and query_id is kept, but get_context does not show it: `visible` says so.

A newer value of the same subject, metric and grain in the same project replaces the older one. Give `valid_for_hours` when it \
grows old. When the events it was derived from turn out to be malformed it is quarantined, and returns when a person has \
accepted that.
"""

ARGUMENTS = (
    Argument("subject", "string", "What it is about, such as orders pipeline.", required=True),
    Argument("metric", "string", "Which measure of it, such as p95 latency ms.", required=True),
    Argument("value", "any", "The value: a number, a text, or any JSON but null.", required=True),
    Argument("grain", "string", "What one value stands for, such as day or customer."),
    Argument("confidence", "number", "How sure it is, from 0 to 1.", minimum=0, maximum=1),
    Argument("artifact_id", "string", "The artifact it was read from."),
    Argument("query_id", "string", "The query it was read from, such as a warehouse's own query id."),
    Argument("valid_for_hours", "number", "How long it holds. Default: until it is replaced."),
    Argument("customer", "string", "Whose. Default: the user of this machine."),
    Argument("project", "string", 'Absolute path of the project. Default: the one Claude Code runs in; "*" means none.'),
)

OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "insight_id": {"type": ["string", "null"]},
        "provenance": {
            "type": "string",
            "enum": ["verified", "unverified", "none"],
            "description": "verified: the artifact exists; unverified: it could not be looked up, or only a query is named.",
        },
        "visible": {"type": "boolean", "description": "Whether get_context will show it."},
        "artifact_id": {"type": ["string", "null"]},
        "query_id": {"type": ["string", "null"]},
        "activity_id": {"type": "string", "description": "The event that carries it."},
        "reason": {"type": "string", "description": "Why it is not visible."},
    },
    "required": ["insight_id", "provenance", "visible"],
}


def record_insight(record: Callable[..., RecordedInsight]) -> ToolSpec:
    """The tool; ``record`` is ``Insights.record``."""

    def answer(subject: str, metric: str, value: Any, cancelled: Callable[[], bool], **rests: Any) -> RecordedInsight:
        return record(subject, metric, value, cancelled=cancelled, **rests)

    return ToolSpec(
        name="record_insight",
        title="Record an insight",
        description=DESCRIPTION,
        arguments=ARGUMENTS,
        output_schema=OUTPUT_SCHEMA,
        annotations=Annotations(read_only=False),
        answer=answer,
        lane="slow",
        progress=Progress("looking up what the insight rests on"),
        records_itself=True,
    )
