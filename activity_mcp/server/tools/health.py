"""health: the state of the recorder. Read from its files on a thread of its own, so that it answers while an append hangs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from ...errors import ActivityError
from .spec import Annotations, ToolSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...health.document import StatusDocument

ANSWER_WITHIN_S = 5.0

DESCRIPTION = """\
Whether activities are being recorded and reach the warehouse: the same document as `activity-mcp status --json`.

Call it when an answer of get_context is stale or expired, when log_event was refused, or when the user asks whether recording \
works. It reads local files and asks no warehouse.

Reading the answer:
- `health` is ok, warn (it works, and somebody should know) or fail (something does not work); `problems` says what, and what \
to do, in sentences to hand on to the user.
- `queue.depth_events` wait for the warehouse, the oldest for `queue.oldest_age_s` seconds; none is lost while they wait.
- `leader` is the process that writes to the warehouse; without one events wait on disk.
- `activity-mcp doctor` checks more, such as the registration in Claude Code.
"""

_OBJECT: dict[str, Any] = {"type": "object"}
OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "version": {"type": "integer"},
        "at": {"type": "string", "description": "When this was read, UTC."},
        "health": {"type": "string", "enum": ["ok", "warn", "fail"], "description": "The worst of checks."},
        "checks": {"type": "object", "description": "Each check by name: ok, warn or fail."},
        "problems": {"type": "array", "items": {"type": "string"}, "description": "What is not ok, and what to do."},
        "recording": {"type": "boolean", "description": "Whether anything is recorded here."},
        "degraded": {"type": "boolean"},
        "home": {"type": "string"},
        "queue": _OBJECT,
        "leader": _OBJECT,
        "warehouse": _OBJECT,
        "context": _OBJECT,
    },
    "required": ["version", "at", "health", "checks", "problems", "recording", "degraded", "queue", "leader", "warehouse"],
}


def health(status: Callable[[], StatusDocument]) -> ToolSpec:
    """The tool; ``status`` reads the files of the state directory."""
    reading = ThreadPoolExecutor(1, "activity-health")

    def answer() -> StatusDocument:
        try:
            return reading.submit(copy_context().run, status).result(ANSWER_WITHIN_S)
        except TimeoutError:
            raise ActivityError(
                f"the state directory did not answer within {ANSWER_WITHIN_S:.0f} s",
                hint="its disk hangs; nothing can be recorded until it answers",
            ) from None

    return ToolSpec(
        name="health",
        title="Health of the record",
        description=DESCRIPTION,
        arguments=(),
        output_schema=OUTPUT_SCHEMA,
        annotations=Annotations(read_only=True),
        answer=answer,
        lane="reads",
    )
