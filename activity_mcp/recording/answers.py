"""What is answered to an event."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class LoggedEvent(TypedDict):
    """The answer to an event. ``reason``: why it was not accepted; an event that is wrong is an error, not an answer."""

    activity_id: str | None
    accepted: bool
    durable: bool
    degraded: bool
    reason: NotRequired[str]
