"""What the tools of provenance answer."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Provenance = Literal["verified", "unverified", "none"]
"""verified: what it rests on is here or in the warehouse; unverified: nobody could be asked, or only a query is named."""


class QueryAnswer(TypedDict):
    """A result as far as it is shown, and what names it. ``link`` and ``expires_at`` where it is kept as an artifact."""

    columns: list[str]
    rows: list[list[Any]]
    row_count: int
    truncated: bool
    artifact_id: str | None
    query_id: str
    sql_sha256: str
    result_sha256: str
    as_of: str
    elapsed_ms: float
    dialect: str
    link: NotRequired[str]
    expires_at: NotRequired[str | None]


class StoredArtifact(TypedDict):
    """``reason``: why nothing was stored, and then there is neither hash nor link."""

    artifact_id: str | None
    row_count: int
    sample_rows: list[Any]
    content_schema: list[dict[str, str]]
    result_sha256: NotRequired[str]
    link: NotRequired[str]
    expires_at: NotRequired[str | None]
    reason: NotRequired[str]


class ArtifactContent(TypedDict):
    """Columns and rows, or a content, as far as its bytes were asked for; ``reason``: why there is nothing."""

    truncated: bool
    columns: NotRequired[list[str]]
    rows: NotRequired[list[list[Any]]]
    content: NotRequired[Any]
    reason: NotRequired[str]


class RecordedInsight(TypedDict):
    """``visible``: whether ``get_context`` shows it; ``reason``: why not."""

    insight_id: str | None
    provenance: Provenance
    visible: bool
    artifact_id: NotRequired[str | None]
    query_id: NotRequired[str | None]
    activity_id: NotRequired[str]
    reason: NotRequired[str]
