"""store_artifact: rows or a text worth keeping, on disk before the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .arguments import Argument
from .spec import Annotations, Progress, ToolSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...provenance.answers import StoredArtifact

DESCRIPTION = """\
Keep a result that an insight can refer to: the rows of a query run elsewhere, a table you worked out, a report.

Give either `rows` (a list of objects, lists or values) or `content` (a text or any JSON), up to 8 MiB; secrets are redacted. \
What `query` returns is stored already: do not store it again. The same content in the same project is the same artifact.

The content stays in a file of this machine (`link`) until `expires_at`; the warehouse keeps its first rows, its columns and \
its hash. Read it again as the resource activity://artifact/{artifact_id}.
"""

ARGUMENTS = (
    Argument("artifact_type", "string", "What kind it is, such as table, query_result or report.", required=True),
    Argument("rows", "array", "The rows: objects, lists, or single values."),
    Argument("content", "any", "A text or any JSON, in place of rows."),
    Argument("query_id", "string", "The query it is the result of."),
    Argument("expires_hours", "number", "How long it is kept. Default: 720."),
    Argument("project", "string", 'Absolute path of the project. Default: the one Claude Code runs in; "*" means none.'),
)

OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "artifact_id": {"type": ["string", "null"]},
        "row_count": {"type": "integer"},
        "sample_rows": {"type": "array", "description": "Its first rows, at most 10."},
        "content_schema": {
            "type": "array",
            "items": {"type": "object", "properties": {"name": {"type": "string"}, "type": {"type": "string"}}},
            "description": "Name and JSON types of each column.",
        },
        "result_sha256": {"type": "string"},
        "link": {"type": "string", "description": "The file that holds it."},
        "expires_at": {"type": ["string", "null"], "description": "Until when it is kept, UTC."},
        "reason": {"type": "string", "description": "Why nothing was stored."},
    },
    "required": ["artifact_id", "row_count", "sample_rows", "content_schema"],
}


def store_artifact(store: Callable[..., StoredArtifact]) -> ToolSpec:
    """The tool; ``store`` is ``Artifacts.store``."""

    def answer(artifact_type: str, cancelled: Callable[[], bool], **stored: Any) -> StoredArtifact:
        return store(artifact_type, **stored)

    return ToolSpec(
        name="store_artifact",
        title="Store an artifact",
        description=DESCRIPTION,
        arguments=ARGUMENTS,
        output_schema=OUTPUT_SCHEMA,
        annotations=Annotations(read_only=False),
        answer=answer,
        lane="slow",
        progress=Progress("storing the artifact"),
        records_itself=True,
    )
