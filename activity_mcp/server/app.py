"""The MCP server as the SDK serves it: tools, resources and prompts on one side, a service on the other, and no transport.

``calls`` checks and answers a call; here it meets the SDK. The answer is sent as structured content and once more as compact
JSON text, which is what a client without output schemas shows its model.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import orjson
from mcp.server.lowlevel import Server
from mcp_types import CallToolResult, ListToolsResult, TextContent, Tool, ToolAnnotations

from .. import __version__
from .calls import Answer, Call, Caller
from .lanes import Lanes
from .resources import Published, refuse_cursor
from .tools import input_schema, specs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp.server.context import ServerRequestContext
    from mcp_types import CallToolRequestParams, PaginatedRequestParams

    from ..service import ActivityService
    from .tools import ToolSpec

    RequestContext = ServerRequestContext[Any, Any]

NAME = "activity-mcp"

INSTRUCTIONS = """\
A durable record of what was done on this machine (queries, tool calls, files, sessions, errors, insights) and its recall.
- Call get_context when you start on a project, or need to know what was asked, concluded, changed or failed before. It is \
local and takes about a millisecond; read `freshness` and `as_of` before relying on it.
- Call search for "when did we solve this, and how": words, an error message, a file; it gives the session to go back to.
- Call query for what get_context does not hold (counts, sums, comparisons), then record_insight with its artifact_id \
for what you conclude: later sessions see it, with what it rests on.
- Call log_event for what nothing else records: a query run elsewhere, an incident and its cause. Claude Code's own tool \
calls, prompts and file changes are recorded by its hooks: do not log them again.
"""
PROGRESS_EVERY_S = 1.0


def build_server(service: ActivityService) -> Server[Any]:
    """The server over this service. It neither starts nor closes the service: the transport does."""
    tools, published = _Tools(specs(service), Caller(service.record_call)), _published(service)
    return Server(
        NAME,
        title="Activity record",
        instructions=INSTRUCTIONS,
        version=__version__,
        get_tool_input_schema=tools.input_schema,
        on_list_tools=tools.list,
        on_call_tool=tools.call,
        on_list_resources=published.list_resources,
        on_list_resource_templates=published.list_templates,
        on_read_resource=published.read,
        on_list_prompts=published.list_prompts,
        on_get_prompt=published.get_prompt,
        on_completion=published.complete,
    )


def _published(service: ActivityService) -> Published:
    return Published(
        context=service.context,
        story=lambda session_id, **limits: service.finding.sessions.story(session_id, **limits),
        artifact=lambda artifact_id: service.artifacts.read(artifact_id),
        known={
            "customer": lambda: service.known_names("customer"),
            "project": lambda: service.known_names("project"),
            "artifact_id": lambda: service.artifacts.ids(),
        },
    )


class _Tools:
    """Calls that come through the SDK, on its event loop."""

    def __init__(self, tools: Iterable[ToolSpec], caller: Caller) -> None:
        self._specs = {spec.name: spec for spec in tools}
        self._caller = caller
        self._lanes = Lanes()

    def input_schema(self, name: str) -> dict[str, Any] | None:
        spec = self._specs.get(name)
        return input_schema(spec.arguments) if spec is not None else None

    async def list(self, context: RequestContext, params: PaginatedRequestParams | None) -> ListToolsResult:
        refuse_cursor(params)
        return ListToolsResult(tools=[_tool(spec) for spec in self._specs.values()])

    async def call(self, context: RequestContext, params: CallToolRequestParams) -> CallToolResult:
        """The answer to one call. Raises nothing but its cancellation."""
        spec = self._specs.get(params.name)
        if spec is None:
            return _result(Answer(f"Unknown tool: {params.name}"))
        tool_use_id = (context.meta or {}).get("claudecode/toolUseId")
        call = self._caller.begin(spec, params.arguments or {}, tool_use_id if isinstance(tool_use_id, str) else None)
        answer = call.now() or await self._run_on_lane(call, context)
        call.note()
        return _result(answer)

    async def _run_on_lane(self, call: Call, context: RequestContext) -> Answer:
        gone = threading.Event()
        future = self._lanes.submit(call.spec.lane, lambda: call.run(gone.is_set))
        waiting = asyncio.wrap_future(future)
        began = time.monotonic()
        try:
            while not (await asyncio.wait({waiting}, timeout=PROGRESS_EVERY_S))[0]:
                if call.spec.progress is not None and future.running():
                    message, total_s = call.spec.progress
                    await context.session.report_progress(round(time.monotonic() - began, 1), total_s, message)
            return waiting.result()
        except asyncio.CancelledError:
            call.abandon()
            raise
        finally:
            gone.set()
            future.cancel()


def _tool(spec: ToolSpec) -> Tool:
    read_only, destructive, idempotent, open_world = spec.annotations
    return Tool(
        name=spec.name,
        title=spec.title,
        description=spec.description,
        input_schema=input_schema(spec.arguments),
        output_schema=spec.output_schema,
        annotations=ToolAnnotations(
            read_only_hint=read_only, destructive_hint=destructive, idempotent_hint=idempotent, open_world_hint=open_world
        ),
        # else Claude Code defers the tool, and it is often never called
        _meta={"anthropic/alwaysLoad": True} if spec.always_load else None,
    )


def _result(answer: Answer) -> CallToolResult:
    """The answer as the SDK takes it."""
    text = TextContent(type="text", text=answer.text)
    if answer.structured is None:
        return CallToolResult(content=[text], is_error=True)
    return CallToolResult(content=[text], structured_content=orjson.loads(answer.structured))
