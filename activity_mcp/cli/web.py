"""``activity-mcp web``: the record as a page in a browser, on loopback."""

from __future__ import annotations

import click

from ..errors import InvalidInput
from ..service import ActivityService
from .output import remark, say

DEFAULT_PORT = 8757
EXTRA = "activity-mcp[web]"


@click.command("web")
@click.option("--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="0 takes any that is free.")
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser.")
def web_command(port: int, is_opened: bool) -> None:
    """Show the record as a page: cost, sessions, search, tools, errors, and whether everything is still recorded.

    It prints the address, whose token opens the page once; the page stays open for twelve hours, until ctrl-c ends it. It
    listens on 127.0.0.1 alone, and writes nothing that is not asked for on it.
    """
    check_extra()
    import asyncio

    from ..web import run

    service = ActivityService.from_environ(source="cli")
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


def check_extra() -> None:
    """Raise InvalidInput, which names the extra, where what makes the page is not installed."""
    from importlib.util import find_spec

    if find_spec("jinja2") is None:
        raise InvalidInput(f"the page needs the extra {EXTRA}: jinja2", hint=f"pip install '{EXTRA}'")
