"""The tools as they are published: one module each, holding its texts, its schemas and what answers it.

``specs`` makes them over a service. How a call is checked, timed and turned into a result is ``calls``' work.
"""

from __future__ import annotations

from .arguments import Argument, check_arguments, input_schema
from .get_context import get_context
from .health import health
from .log_event import log_event
from .query import query
from .record_insight import record_insight
from .refresh_context import refresh_context
from .spec import Annotations, Lane, Progress, Service, ToolSpec
from .store_artifact import store_artifact

__all__ = ["specs", "Service", "ToolSpec", "Annotations", "Lane", "Progress", "Argument", "check_arguments", "input_schema"]


def specs(service: Service) -> tuple[ToolSpec, ...]:
    """Every tool over this service."""
    return (
        get_context(service),
        log_event(service),
        query(service),
        record_insight(service),
        store_artifact(service),
        refresh_context(service),
        health(service),
    )
