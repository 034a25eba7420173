"""Recording paused and taken up, with the event that explains the gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clock import iso
from ..recording import pause as paused
from ..recording.event_catalogue import RECORDING_PAUSED

if TYPE_CHECKING:
    from ..service import ActivityService


def pause(service: ActivityService) -> int:
    """Record nothing from now on, in any process of this state directory; since when, in microseconds since 1970."""
    return paused.pause(service.config.home, service.clock)


def take_up(service: ActivityService) -> tuple[int, int] | None:
    """Record again; from when to when nothing was, None where recording was not paused."""
    span = paused.take_up(service.config.home, service.clock)
    if span is not None:
        since, until = map(iso, span)
        service.log("system_event", RECORDING_PAUSED.features(f"nothing was recorded from {since} to {until}"))
    return span
