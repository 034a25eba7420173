"""The tools as they are published: one module each, holding its texts, its schemas and what answers it.

``specs`` makes them over a service. How a call is checked, timed and turned into a result is the server's.
"""

from __future__ import annotations

from .append_thread import AppendThread
from .arguments import Argument, check_arguments, input_schema
from .get_context import get_context
from .log_event import log_event
from .spec import Service, ToolSpec

__all__ = ["specs", "Service", "ToolSpec", "Argument", "check_arguments", "input_schema"]


def specs(service: Service) -> tuple[ToolSpec, ...]:
    """Every tool over this service. What blocks on the disk shares one thread."""
    appends = AppendThread()
    return (get_context(service), log_event(service, appends))
