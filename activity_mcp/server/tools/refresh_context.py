"""refresh_context: the context read from the warehouse again, now. A slow call: it waits for the leader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .arguments import Argument
from .spec import Annotations, Progress, ToolSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...recall.answers import Refreshed

TIMEOUT_S = 10.0

DESCRIPTION = """\
Have what get_context answers from read from the warehouse again, and wait until it was: at most 10 seconds.

You seldom need it: get_context refreshes itself, and shows what was recorded on this machine at once. Use it when another \
machine wrote to the same warehouse, or when get_context says stale or expired and it matters. Then call get_context.
"""

ARGUMENTS = (
    Argument("customer", "string", "Whose context. Default: the user of this machine."),
    Argument("project", "string", 'Absolute path of a project. Default: the project Claude Code runs in; "*" means all.'),
)

OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "as_of": {"type": ["string", "null"], "description": "When it was last verified against the warehouse, UTC."},
        "age_ms": {"type": ["number", "null"]},
        "freshness": {"type": "string", "enum": ["fresh", "stale", "expired", "missing"]},
        "refreshed": {"type": "boolean", "description": "Whether it was read again during this call."},
        "reason": {"type": "string", "description": "Why it was not."},
    },
    "required": ["as_of", "age_ms", "freshness", "refreshed"],
}


def refresh_context(refresh: Callable[..., Refreshed]) -> ToolSpec:
    """The tool; ``refresh`` is ``ActivityService.refresh``."""

    def answer(customer: str | None, project: str | None, cancelled: Callable[[], bool]) -> Refreshed:
        return refresh(customer=customer, project=project, timeout_s=TIMEOUT_S, cancelled=cancelled)

    return ToolSpec(
        name="refresh_context",
        title="Refresh the context",
        description=DESCRIPTION,
        arguments=ARGUMENTS,
        output_schema=OUTPUT_SCHEMA,
        annotations=Annotations(read_only=True),
        answer=answer,
        lane="slow",
        progress=Progress("waiting for the warehouse", TIMEOUT_S),
    )
