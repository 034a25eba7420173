"""The floor: the SDK's own server with one tool that does nothing, on its default stdio. ``python -m`` runs it."""

from __future__ import annotations

from mcp.server import MCPServer

server: MCPServer[None] = MCPServer("floor")


@server.tool(description="Does nothing.")
async def nothing() -> str:
    return "ok"


if __name__ == "__main__":
    server.run("stdio")
