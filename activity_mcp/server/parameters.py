"""Parameters that the SDK takes as they come, and that name nothing: -32602, as the protocol asks for.

It answers a prompt it does not know with code 0, and takes any cursor and any reference to complete. No list here has a second
page, so no cursor was ever given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

if TYPE_CHECKING:
    from mcp.server import MCPServer
    from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
    from mcp_types import Prompt

_LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")


def check_parameters(server: MCPServer[Any]) -> ServerMiddleware[Any]:
    """What stands before every request to ``server``."""

    async def check(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        params = ctx.params if isinstance(ctx.params, dict) else {}
        if ctx.method in _LISTS and params.get("cursor") is not None:
            raise MCPError(INVALID_PARAMS, "this cursor was never given: the list has one page")
        if ctx.method == "prompts/get":
            await _check_prompt(server, params.get("name"), params.get("arguments"))
        if ctx.method == "completion/complete" and isinstance(reference := params.get("ref"), dict):
            await _check_reference(server, reference)
        return await call_next(ctx)

    return check


async def _check_prompt(server: MCPServer[Any], name: Any, arguments: Any) -> None:
    if not isinstance(name, str):
        return  # the SDK says so
    prompt = await _prompt(server, name)
    given = arguments if isinstance(arguments, dict) else {}
    missing = [found.name for found in prompt.arguments or () if found.required and found.name not in given]
    if missing:
        raise MCPError(INVALID_PARAMS, f"the prompt {name} needs {', '.join(missing)}")


async def _check_reference(server: MCPServer[Any], reference: dict[str, Any]) -> None:
    kind, name, uri = reference.get("type"), reference.get("name"), reference.get("uri")
    if kind == "ref/prompt" and isinstance(name, str):
        await _prompt(server, name)
    elif kind == "ref/resource" and isinstance(uri, str):
        known = {template.uri_template for template in await server.list_resource_templates()}
        if uri not in known | {str(resource.uri) for resource in await server.list_resources()}:
            raise MCPError(INVALID_PARAMS, f"there is no resource {uri[:80]!r}")


async def _prompt(server: MCPServer[Any], name: str) -> Prompt:
    prompts = {prompt.name: prompt for prompt in await server.list_prompts()}
    if name not in prompts:
        raise MCPError(INVALID_PARAMS, f"there is no prompt {name[:80]!r}: one of {', '.join(prompts)}")
    return prompts[name]
