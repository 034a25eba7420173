"""The MCP server: tools on one side, a service on the other, and no transport.

A call is checked whole before anything is done, then answered by the service. ``get_context`` runs on the event loop (it
never blocks), what blocks on the disk runs on one thread of its own. The answer is sent as structured content and once more
as compact JSON text, which is what a client without output schemas shows its model.

Nothing a call does can end the server: an ``ActivityError`` becomes a tool error that says what to change; anything else
becomes one clear line for the caller and a traceback in the log. Each call is noted by ``record_call``, which costs it nothing.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import CallToolResult, TextContent
from pydantic import ConfigDict
from structlog.contextvars import bound_contextvars

from .. import __version__
from ..activity import new_id
from ..clock import SYSTEM_CLOCK
from ..errors import ActivityError
from .parameters import check_parameters
from .resources import publish
from .stdio import Answer
from .tools import check_arguments, input_schema, specs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .tools import Report, Service, ToolSpec

NAME = "activity-mcp"

INSTRUCTIONS = """\
A durable record of what was done on this machine (queries, tool calls, files, sessions, errors, insights) and its recall.
- Call get_context when you start on a project, or need to know what was asked, concluded, changed or failed before. It is \
local and takes about a millisecond; read `freshness` and `as_of` before relying on it.
- Call query for what get_context does not hold (counts, comparisons, one session), then record_insight with its artifact_id \
for what you conclude: later sessions see it, with what it rests on.
- Call log_event for what nothing else records: a query run elsewhere, an incident and its cause. Claude Code's own tool \
calls, prompts and file changes are recorded by its hooks: do not log them again.
"""

log = structlog.get_logger(__name__)


class ActivityServer(MCPServer[Any]):
    """The SDK's server, and what a transport may answer without it: by tool, a plain call's arguments → its answer."""

    calls: Mapping[str, Callable[[dict[str, Any]], Answer | Awaitable[Answer] | None]]


def build_server(service: Service) -> ActivityServer:
    """The server over this service. It neither starts nor closes the service: the transport does."""
    calls = CallRunner(service)
    present = specs(service)
    tools = [calls.tool(spec) for spec in present]
    server = ActivityServer(
        NAME, title="Activity record", instructions=INSTRUCTIONS, version=__version__, tools=tools, subscriptions=False
    )
    server.calls = {spec.name: partial(calls.plainly, spec) for spec in present if not spec.slow}
    publish(server, service)
    server.middleware.append(check_parameters(server))
    return server


class CallRunner:
    """Runs calls of tools: checks the arguments, turns the answer or the error into a result, and notes the call."""

    def __init__(self, service: Service, *, timer: Callable[[], float] = time.perf_counter) -> None:
        self._service = service
        self._timer = timer

    def tool(self, spec: ToolSpec) -> Tool:
        """The tool as the SDK registers it, its schemas written by hand and its arguments handed over as they came."""

        async def run(given: dict[str, Any]) -> CallToolResult:
            return _result(await self.run(spec, given))

        async def run_slowly(given: dict[str, Any], context: Context[Any]) -> CallToolResult:
            return _result(await self.run(spec, given, report=context.report_progress))

        return Tool(
            fn=run_slowly if spec.slow else run,
            name=spec.name,
            title=spec.title,
            description=spec.description,
            parameters=input_schema(spec.arguments),
            fn_metadata=FuncMetadata(arg_model=_AnyArguments, output_schema=spec.output_schema),
            is_async=True,
            context_kwarg="context" if spec.slow else None,
            annotations=spec.annotations,
            # else Claude Code defers the tool, and it is often never called
            meta={"anthropic/alwaysLoad": True} if spec.always_load else None,
        )

    async def run(self, spec: ToolSpec, given: dict[str, Any], **report: Report) -> Answer:
        """The answer to one call. Raises nothing but its cancellation.

        The call has an id from the start: what it logs bears it, and so does the mcp_event it is recorded by.
        """
        call_id, began = new_id(SYSTEM_CLOCK.time_us()), self._timer()
        with bound_contextvars(activity_id=call_id):
            try:
                found = await spec.answer(**check_arguments(spec.name, spec.arguments, given), **report)
                answer, facts = _told(spec, found)
            except asyncio.CancelledError:
                self._note(spec, began, call_id, {"success": False, "error_type": "Cancelled"})
                raise
            except Exception as error:
                answer, facts = _failed(spec, error)
            self._note(spec, began, call_id, facts)
        return answer

    def plainly(self, spec: ToolSpec, given: dict[str, Any]) -> Answer | Awaitable[Answer] | None:
        """``run``, without a wait where the tool can answer at once. None: whoever asked has to wait by the other way."""
        if spec.at_once is None:
            return self.run(spec, given)
        call_id, began = new_id(SYSTEM_CLOCK.time_us()), self._timer()
        with bound_contextvars(activity_id=call_id):
            try:
                found = spec.at_once(**check_arguments(spec.name, spec.arguments, given))
                if found is None:
                    return None
                answer, facts = _told(spec, found)
            except Exception as error:
                answer, facts = _failed(spec, error)
            self._note(spec, began, call_id, facts)
        return answer

    def _note(self, spec: ToolSpec, began: float, call_id: str, facts: dict[str, Any]) -> None:
        latency_ms = (self._timer() - began) * 1000
        if spec.records_itself and facts["success"]:
            return
        # What carries an insight or an artifact is told by its method: a refused call must not look like one.
        method = f"tools/call {spec.name}" if spec.records_itself else spec.name
        try:
            self._service.record_call(method, latency_ms, activity_id=call_id, **facts)
        except Exception:
            log.warning("a call could not be noted", tool=spec.name, exc_info=True)


class _AnyArguments(ArgModelBase):
    """Hands a call's arguments over untouched: ``check_arguments`` says better what is wrong with them."""

    model_config = ConfigDict(extra="allow")

    def model_dump_one_level(self) -> dict[str, Any]:
        return {"given": self.model_extra or {}}


def _told(spec: ToolSpec, found: dict[str, Any]) -> tuple[Answer, dict[str, Any]]:
    """The answer, and what the call's event says of it."""
    encoded = orjson.dumps(found)
    return Answer(encoded.decode(), encoded), {"success": True, **spec.observe(found, len(encoded))}


def _failed(spec: ToolSpec, error: Exception) -> tuple[Answer, dict[str, Any]]:
    return Answer(_explain(spec.name, error)), {"success": False, "error_type": type(error).__name__}


def _result(answer: Answer) -> CallToolResult:
    """The answer as the SDK takes it."""
    text = TextContent(type="text", text=answer.text)
    if answer.structured is None:
        return CallToolResult(content=[text], is_error=True)
    return CallToolResult(content=[text], structured_content=orjson.loads(answer.structured))


def _explain(tool: str, error: Exception) -> str:
    if isinstance(error, ActivityError):
        log.info("a tool call was refused", tool=tool, error=error.describe())
        return error.describe()
    log.error("a tool call failed unexpectedly", tool=tool, exc_info=error)
    return f"{tool} failed unexpectedly ({type(error).__name__}); nothing was acknowledged. The log on stderr says why."
