"""``activity-mcp demo``: the whole loop on the embedded warehouse, on a session of its own, with what it cost just then."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import click

from .. import package_files
from ..bench.registry import own_environment
from ..errors import ActivityError
from .bench import table_of
from .output import console, remark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

CUSTOMER = "demo@example.com"
_QUICK = {"calls": 40, "events_seen": 2, "flushes": 1}
_EVENTS: list[dict[str, Any]] = [
    {
        "event_name": "sql_event",
        "feature_json": {
            "query_id": "demo-1",
            "sql": "SELECT status, COUNT(*) AS orders FROM orders GROUP BY status",
            "success": True,
            "rows": 4,
            "duration_ms": 38.5,
        },
    },
    {
        "event_name": "sql_event",
        "feature_json": {
            "query_id": "demo-2",
            "sql": "SELECT no_such_column FROM orders",
            "success": False,
            "error": "invalid identifier 'NO_SUCH_COLUMN'",
        },
    },
    {
        "event_name": "llm_event",
        "feature_json": {
            "model": "claude-sonnet-5",
            "prompt_tokens": 1200,
            "completion_tokens": 340,
            "cost_usd": 0.0087,
            "cost_source": "caller",
        },
    },
]


@click.command("demo")
@click.option("--quick", is_flag=True, help="Measure a tenth of it: done in twenty seconds, and less exact.")
@click.option("--keep", is_flag=True, help="Keep the state directory and print where it is.")
@click.option("--page/--no-page", "has_page", default=None, help="End with the record as a page.  [default: on a terminal]")
def demo_command(quick: bool, keep: bool, has_page: bool | None) -> int:
    """Show the whole loop: import, log, flush, recall, and what each of them cost on this machine just now.

    On a terminal it ends with the address of the record as a page, until ctrl-c.
    """
    directory = tempfile.mkdtemp(prefix="activity-mcp-demo-")
    try:
        code = _run(directory, console(), quick)
        _show_page(directory, console(), is_served=sys.stdout.isatty() if has_page is None else has_page)
        return code
    finally:
        if keep:
            remark(f"kept: ACTIVITY_HOME={directory}")
        else:
            import shutil

            shutil.rmtree(directory, ignore_errors=True)


def _run(directory: str, out: Console, quick: bool) -> int:
    environ = _environment(directory)
    out.rule("1. a recorded session is imported")
    _import_example(environ, out)
    out.rule("2. an MCP client logs events and asks for the context")
    answer = asyncio.run(_talk(environ, out))
    from .context_view import show_context

    show_context(answer, out)
    out.rule("3. what it cost, just now, on this machine")
    return _measure(directory, out, _QUICK if quick else {}, many_mb=10 if quick else 100)


def _show_page(directory: str, out: Console, *, is_served: bool) -> None:
    """The record of the demo in a browser; where nobody would see it, how to get there."""
    from ..web.extra import HINT, missing_packages
    from .web import serve_page

    out.rule("4. the record as a page")
    if missing_packages():
        out.print(f"`activity-mcp web` shows it; it needs the extra: {HINT}", markup=False)
    elif is_served:
        serve_page(_environment(directory), 0)
    else:
        out.print("`activity-mcp demo --page` ends with its address, `activity-mcp web` with your own's.", markup=False)


def _environment(directory: str) -> dict[str, str]:
    return own_environment(directory, os.environ) | {"ACTIVITY_CUSTOMER": CUSTOMER}


def _import_example(environ: Mapping[str, str], out: Console) -> None:
    from ..operations.import_transcripts import TranscriptImport
    from ..service import ActivityService

    service = ActivityService.from_environ(environ, source="cli")
    try:
        report = TranscriptImport(service).run([package_files.path_of("examples", "session.jsonl")])
    finally:
        service.close()
    counts = ", ".join(f"{count} {name}" for name, count in sorted(report.activities.items()))
    made = sum(report.activities.values())
    out.print(f"{report.lines} lines of a transcript became {made} activities: {counts}", markup=False)


async def _talk(environ: dict[str, str], out: Console) -> dict[str, Any]:
    """A real client on a real server over stdio: log, wait for the flush, recall."""
    from mcp import Client, StdioServerParameters

    server = StdioServerParameters(command=sys.executable, args=["-m", "activity_mcp", "serve"], env=environ)
    async with Client(server) as client:
        tools = await client.list_tools()
        out.print(f"the server offers: {', '.join(tool.name for tool in tools.tools)}", markup=False)
        for event in _EVENTS:
            logged = await client.call_tool("log_event", {**event, "project": "/work/shop"})
            said = logged.structured_content or {}
            out.print(f"logged {event['event_name']} {said.get('activity_id')}, durable: {said.get('durable')}", markup=False)
        return await _recall(client)


async def _recall(client: Any) -> dict[str, Any]:
    """The context, once the flush has reached it (the overlay shows the events before that already)."""
    deadline = time.monotonic() + 20
    while True:
        result = await client.call_tool("get_context", {"max_bytes": 8192})
        answer: dict[str, Any] = result.structured_content
        flushed = len(answer["context"].get("watermark") or {}) > 0
        if (flushed and answer["freshness"] == "fresh") or time.monotonic() > deadline:
            return answer
        await asyncio.sleep(0.1)


def _measure(directory: str, out: Console, rounds: dict[str, int], many_mb: int) -> int:
    from ..bench import loop, transcripts

    home = os.path.join(directory, "measured")
    os.mkdir(home)
    environ = _environment(home)
    try:
        lines = loop.measure(environ, **rounds)
        lines += transcripts.import_memory(environ, "large results", transcripts.LARGE, few_mb=many_mb // 10, many_mb=many_mb)
    except ActivityError as error:
        out.print(f"could not be measured: {error.describe()}", markup=False)
        return error.exit_code
    out.print(table_of(lines))
    out.print("The floor is a tool that does nothing on the SDK's own server, called in turn with ours.", style="dim")
    return 0
