"""The tools as they are published: one module each, holding its texts, its schemas and what answers it.

``specs`` makes them over a service, of which each gets what it calls. How a call is checked, timed and turned into a result is
``calls``' work.
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
    """Every tool over this service, whose parts are made by the first call that needs them."""
    return (
        get_context(service.context, service.context_expected),
        log_event(service.log),
        query(lambda sql, **limits: service.provenance_queries.query(sql, **limits)),
        record_insight(lambda *value, **rests: service.insights.record(*value, **rests)),
        store_artifact(lambda kind, **stored: service.artifacts.store(kind, **stored)),
        search(service.search),
        refresh_context(service.refresh),
        health(service.status),
    )
