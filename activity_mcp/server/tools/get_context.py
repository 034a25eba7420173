"""get_context: what is known, from memory. It never blocks, but for a first miss that is about to be filled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

from ...recall.context_reader import ContextAnswer
from .arguments import Argument
from .spec import Annotations, Answer, ToolSpec

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT_TYPES = ("default", "executive", "analyst", "engineer")
FIRST_MISS_WAIT_S = 0.020  # what a first question may wait for the leader's snapshot
FIRST_MISS_STEP_S = 0.004

DESCRIPTION = """\
What was done before, here or in all projects: commands that work here, what was refused, recent sessions (what was asked and \
concluded, what is open), failures that nothing overcame, files, insights with their provenance, queries, usage and cost.

Call it when you start on a project, when the user refers to earlier work, and before repeating a query or a command that may \
have failed before. It answers from local memory in about a millisecond; it runs no query and no model.

Reading the answer:
- `freshness` is fresh, stale (being refreshed: ask again in a few seconds if it matters), expired (do not rely on it) or \
missing (nothing known yet); `as_of` is when it was last verified, and `reason` says why it is not fresh.
- `truncated` names sections that `max_bytes` left out: ask again with a larger `max_bytes` or a narrower `context_type`.
- `recent_errors` has failures that stand first; `overcome` marks those that a later success ended, `times` how often.
- Insights carry `artifact_id` or `query_id`: cite them when you use a value.
"""

ARGUMENTS = (
    Argument("customer", "string", "Whose activity. Default: the user of this machine."),
    Argument(
        "context_type",
        "string",
        "Which sections: engineer (sessions, files, tools, errors), analyst (queries, insights, artifacts), executive (usage, "
        "cost, health), default (all, shortest form).",
        default="default",
        choices=CONTEXT_TYPES,
    ),
    Argument("project", "string", 'Absolute path of a project. Default: the project Claude Code runs in; "*" means all.'),
    Argument("focus", "string", "A text or a path: what is about it comes first, and gets the room."),
    Argument("explain", "boolean", "Say of each entry why it is there.", default=False),
    Argument("max_bytes", "integer", "Upper bound of the answer as compact JSON.", default=8192, minimum=512),
)

OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "customer": {"type": "string"},
        "context_type": {"type": "string", "enum": list(CONTEXT_TYPES)},
        "project": {"type": ["string", "null"], "description": 'The project answered for; "*" means all.'},
        "context": {"type": "object", "description": "The sections, by name."},
        "as_of": {"type": ["string", "null"], "description": "When it was last verified against the warehouse, UTC."},
        "age_ms": {"type": ["number", "null"], "description": "Milliseconds since as_of."},
        "freshness": {"type": "string", "enum": ["fresh", "stale", "expired", "missing"]},
        "reason": {"type": ["string", "null"], "description": "Why it is not fresh."},
        "source": {"type": "string", "enum": ["memory", "snapshot", "warehouse", "none"]},
        "pending_local": {"type": "integer", "description": "Events recorded here that the sections do not count yet."},
        "truncated": {"type": "array", "items": {"type": "string"}, "description": "Sections that max_bytes left out."},
    },
    "required": [
        "customer", "context_type", "project", "context", "as_of", "age_ms", "freshness", "source", "pending_local",
        "truncated",
    ],
}  # fmt: skip


def get_context(context: Callable[..., ContextAnswer], is_expected: Callable[[str | None, str | None], bool]) -> ToolSpec:
    """The tool; ``is_expected(customer, project)``: whether a context that is missing will be there in a moment."""

    def at_once(**asked: Any) -> ContextAnswer | None:
        found = context(**asked)
        waits = found["freshness"] == "missing" and is_expected(asked["customer"], asked["project"])
        return None if waits else found

    def answer(**asked: Any) -> ContextAnswer:
        deadline = time.monotonic() + FIRST_MISS_WAIT_S
        while (found := context(**asked))["freshness"] == "missing" and time.monotonic() < deadline:
            time.sleep(FIRST_MISS_STEP_S)
        return found

    return ToolSpec(
        name="get_context",
        title="Get context",
        description=DESCRIPTION,
        arguments=ARGUMENTS,
        output_schema=OUTPUT_SCHEMA,
        annotations=Annotations(read_only=True),
        answer=answer,
        lane="reads",
        at_once=at_once,
        always_load=True,
        encode=_encode,
        observe=_observe,
    )


def _encode(found: Answer) -> bytes:
    """With the context as it was encoded when it was rendered."""
    return found.encoded() if isinstance(found, ContextAnswer) else orjson.dumps(found)


def _observe(found: Answer, size: int) -> dict[str, Any]:
    return {
        "cache_hit": found["source"] in ("memory", "snapshot"),
        "cache_age_ms": found["age_ms"],
        "stale": found["freshness"] in ("stale", "expired"),
        "context_size": size,
    }
