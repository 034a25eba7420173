"""The tools as they are published: one module each, holding its texts, its schemas and what answers it.

``specs`` makes them over a service. How a call is checked, timed and turned into a result is the server's.
"""

from __future__ import annotations

from .arguments import Argument, check_arguments, input_schema
from .get_context import get_context
from .health import health
from .log_event import log_event
from .query import query
from .record_insight import record_insight
from .refresh_context import refresh_context
from .slow_calls import SlowCalls
from .spec import Report, Service, ToolSpec
from .store_artifact import store_artifact
from .worker_thread import AppendThread

__all__ = ["specs", "Service", "ToolSpec", "Report", "Argument", "check_arguments", "input_schema"]


def specs(service: Service) -> tuple[ToolSpec, ...]:
    """Every tool over this service. Events share one thread, as they block on the disk; what may take seconds has its own."""
    appends, slow = AppendThread(), SlowCalls()
    return (
        get_context(service),
        log_event(service, appends),
        query(service, slow),
        record_insight(service, slow),
        store_artifact(service, slow),
        refresh_context(service, slow),
        health(service),
    )
