"""``activity-mcp serve``: the MCP server."""

from __future__ import annotations

import click

DEFAULT_PORT = 8757


@click.command("serve")
@click.option("--transport", default="stdio", type=click.Choice(["stdio", "sse", "http"]), show_default=True)
@click.option("--host", help="Where to listen.  [default: 127.0.0.1; any other machine's reach needs ACTIVITY_HTTP_TOKEN]")
@click.option("--port", type=click.IntRange(0, 65535), help=f"0 takes any that is free.  [default: {DEFAULT_PORT}]")
@click.option("--allow-host", "allowed", multiple=True, metavar="NAME", help="A name clients call this server by; may repeat.")
def serve_command(transport: str, host: str | None, port: int | None, allowed: tuple[str, ...]) -> None:
    """Run the MCP server. Claude Code starts it; `activity-mcp demo` shows it at work.

    http answers at /mcp, sse at /sse; both report their state at /healthz and /metrics. With http, / is the record as a page.
    """
    from ..server.run import serve_stdio, serve_web

    if transport != "stdio":
        from ..web.run import page_beside

        make_page = page_beside if transport == "http" else None
        serve_web(transport, host or "127.0.0.1", DEFAULT_PORT if port is None else port, allowed, make_page=make_page)
    if host is not None or port is not None or allowed:
        raise click.UsageError("--host, --port and --allow-host go with --transport http or sse")
    serve_stdio()
