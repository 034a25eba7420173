"""``activity-mcp context`` and ``activity-mcp query``: what is known, from a terminal."""

from __future__ import annotations

import time

import click

from ..context import ALL_PROJECTS, CONTEXT_TYPES
from ..errors import ActivityError
from ..operations.known_context import known_context
from ..service import ActivityService
from .output import as_recorded, console, folder, print_json, remark
from .parameters import Seconds

_SETTLE_S = 10.0


@click.command("context")
@click.argument("customer", required=False)
@click.option("--type", "context_type", default="default", type=click.Choice(CONTEXT_TYPES), show_default=True)
@click.option("--project", default=ALL_PROJECTS, help="A project's directory; default: all projects.")
@click.option("--focus", help="A text or a path: what is about it comes first.")
@click.option("--explain", is_flag=True, help="Say of each entry why it is there.")
@click.option("--max-bytes", default=8192, show_default=True, type=click.IntRange(min=512))
@click.option("--json", "as_json", is_flag=True, help="Print the tool's answer as JSON.")
def context_command(
    customer: str | None, context_type: str, project: str, focus: str | None, explain: bool, max_bytes: int, as_json: bool
) -> None:
    """What get_context would answer about CUSTOMER (default: you)."""
    service = ActivityService.from_environ(source="cli")
    project, customer = folder(project), customer and as_recorded(customer)
    try:
        answer = known_context(
            service,
            _settle,
            customer=customer,
            project=project,
            context_type=context_type,
            max_bytes=max_bytes,
            focus=focus,
            explain=explain,
        )
    finally:
        service.close()
    if as_json:
        print_json(answer)
        return
    from .context_view import show_context

    show_context(answer, console())


@click.command("query")
@click.argument("sql")
@click.option("--max-rows", type=click.IntRange(min=1), help="At most so many rows; default: all.")
@click.option("--timeout", default=30.0, show_default=True, type=Seconds(), help="Seconds for all of it.")
@click.option("--store", is_flag=True, help="Keep the result as an artifact, as the query tool does.")
@click.option("--json", "as_json", is_flag=True, help="Print the query tool's result as JSON.")
def query_command(sql: str, max_rows: int | None, timeout: float, store: bool, as_json: bool) -> None:
    """Run one read-only SELECT: in DuckDB's SQL on the embedded warehouse, in Snowflake's with SNOW_CONNECTION.

    Views: VW_ACTIVITY_STREAM and, by event, VW_SQL_EVENTS, VW_LLM_EVENTS, VW_TOOL_EVENTS, VW_FILE_EVENTS, VW_SESSION_EVENTS,
    VW_MCP_EVENTS, VW_SYSTEM_EVENTS. DESCRIBE VW_TOOL_EVENTS names the columns of one.
    """
    deadline = time.monotonic() + timeout
    service = ActivityService.from_environ(source="cli")
    try:
        if service.local_events.urgent():
            _settle(service, min(_SETTLE_S, timeout / 2))  # the other half at least is the query's
        left = max(0.1, deadline - time.monotonic())
        found = service.provenance_queries.query(sql, max_rows=max_rows, timeout_s=left, store=store, preview_bytes=None)
    finally:
        service.close()
    if as_json:
        print_json(found)
        return
    from .context_view import show_rows

    show_rows(found, console())


def _settle(service: ActivityService, timeout_s: float = _SETTLE_S) -> None:
    """Bring the warehouse up to date first where no leader does; if that fails, say so and answer from what there is."""
    from ..operations.drain import Drainer

    try:
        Drainer(service).drain(timeout_s)
    except ActivityError as error:
        remark(f"not up to date: {error.describe()}")


def settle(service: ActivityService) -> None:
    """Ship what waits, where anything does that is worth it."""
    if service.local_events.urgent():
        _settle(service)
