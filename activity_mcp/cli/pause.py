"""``activity-mcp pause``: nothing is recorded until ``activity-mcp pause --off``."""

from __future__ import annotations

import click

from ..clock import iso
from ..operations.pause import Pause
from ..service import ActivityService
from .output import print_json, say


@click.command("pause")
@click.option("--off", is_flag=True, help="Record again.")
@click.option("--json", "as_json", is_flag=True, help="Print since when and until when, as JSON.")
def pause_command(off: bool, as_json: bool) -> None:
    """Record nothing until `activity-mcp pause --off`: no hook, tool call or import, in any session of this machine.

    It holds at once. What happens meanwhile is not recorded later either: an import leaves that time out.
    """
    service = ActivityService.from_environ(source="cli")
    try:
        pause = Pause(service.config.home, service.log, service.clock)
        if off:
            _say_taken_up(pause.end(), as_json)
        else:
            _say_paused(iso(pause.begin()), as_json)
    finally:
        service.close()


def _say_paused(since: str, as_json: bool) -> None:
    if as_json:
        print_json({"paused": True, "since": since, "until": None})
    else:
        say(f"paused since {since}: nothing is recorded. `activity-mcp pause --off` records again")


def _say_taken_up(span: tuple[int, int] | None, as_json: bool) -> None:
    since, until = (None, None) if span is None else map(iso, span)
    if as_json:
        print_json({"paused": False, "since": since, "until": until})
    elif span is None:
        say("recording was not paused")
    else:
        say(f"recording again. Nothing was recorded from {since} to {until}, and no import brings it back")
