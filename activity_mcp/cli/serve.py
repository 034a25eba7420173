"""``activity-mcp serve``: the MCP server."""

from __future__ import annotations

import click


@click.command("serve")
@click.option("--transport", default="stdio", type=click.Choice(["stdio"]), show_default=True)
def serve_command(transport: str) -> None:
    """Run the MCP server. Claude Code starts it; `activity-mcp demo` shows it at work."""
    from ..transports import serve_stdio

    serve_stdio()
