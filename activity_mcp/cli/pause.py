"""``activity-mcp pause``: nothing is recorded until ``activity-mcp pause --off``."""

from __future__ import annotations

import os

import click

from ..clock import SYSTEM_CLOCK, iso
from ..config import read_config
from ..recording.event_catalogue import RECORDING_PAUSED
from ..recording.pause import pause, take_up
from ..service import ActivityService
from .output import print_json, say


@click.command("pause")
@click.option("--off", is_flag=True, help="Record again.")
@click.option("--json", "as_json", is_flag=True, help="Print since when and until when, as JSON.")
def pause_command(off: bool, as_json: bool) -> None:
    """Record nothing until `activity-mcp pause --off`: no hook, tool call or import, in any session of this machine.

    It holds at once. What happens meanwhile is not recorded later either: an import leaves that time out.
    """
    home = read_config(os.environ).home
    if not off:
        since_us = pause(home, SYSTEM_CLOCK)
        if as_json:
            print_json({"paused": True, "since": iso(since_us), "until": None})
        else:
            say(f"paused since {iso(since_us)}: nothing is recorded. `activity-mcp pause --off` records again")
        return
    span = take_up(home, SYSTEM_CLOCK)
    if span is not None:
        _note(*span)
    if as_json:
        since, until = (None, None) if span is None else map(iso, span)
        print_json({"paused": False, "since": since, "until": until})
    elif span is None:
        say("recording was not paused")
    else:
        say(f"recording again. Nothing was recorded from {iso(span[0])} to {iso(span[1])}, and no import brings it back")


def _note(since_us: int, until_us: int) -> None:
    """Say in the record itself why it has a gap."""
    service = ActivityService.from_environ(source="cli")
    try:
        service.log("system_event", RECORDING_PAUSED.features(f"paused from {iso(since_us)} to {iso(until_us)}"))
    finally:
        service.close()
