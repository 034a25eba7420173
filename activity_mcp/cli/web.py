"""``activity-mcp web``: the record as a page in a browser, on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..service import ActivityService
from .output import remark, say

if TYPE_CHECKING:
    pass

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PORT = 8757


@click.command("web")
@click.option(
    "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0 takes any that is free."
)
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser.")
def web_command(port: int, is_opened: bool) -> None:
    """Show the record as a page: cost, sessions, search, tools, errors, and whether everything is still recorded.

    It prints the address, whose token opens the page once; the page stays open for twelve hours, until ctrl-c ends it. It
    listens on 127.0.0.1 alone, and writes nothing that is not asked for on it.
    """
    from ..web.extra import check_extra

    check_extra()
    serve_page(None, port, is_opened=is_opened)


def serve_page(environ: Mapping[str, str] | None, port: int, *, is_opened: bool = False) -> None:
    """Serve the page of what this environment configures until a signal comes. Its address goes to stdout."""
    import asyncio

    from ..web import run

    service = ActivityService.from_environ(environ, source="cli")
    try:
        site = run.listen(service, port)
        page = run.page_of(service, site)
        say(run.address_of(page, site))
        remark("The address opens once. ctrl-c ends the page.")

        def ready() -> None:
            if is_opened:
                import webbrowser

                webbrowser.open(run.address_of(page, site))

        asyncio.run(run.serve(page, site, ready))
    finally:
        service.close()
