"""The tools as they are published: one module each, holding its texts, its schemas and what answers it.

``specs`` makes them over a service. How a call is checked, timed and turned into a result is ``calls``' work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arguments import Argument, input_schema
from .get_context import get_context
from .health import health
from .log_event import log_event
from .query import query
from .record_insight import record_insight
from .refresh_context import refresh_context
from .search import search
from .spec import Annotations, Lane, Progress, ToolSpec
from .store_artifact import store_artifact

if TYPE_CHECKING:
    from ...service import ActivityService

__all__ = ["specs", "ToolSpec", "Annotations", "Lane", "Progress", "Argument", "input_schema"]


def specs(service: ActivityService) -> tuple[ToolSpec, ...]:
    """Every tool over this service."""
    return (
        get_context(service),
        log_event(service),
        query(service),
        record_insight(service),
        store_artifact(service),
        search(service),
        refresh_context(service),
        health(service),
    )
