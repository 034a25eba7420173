"""An event of Claude Code's before it has a time, a customer and a project. Standard library only: hooks load it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class EventDraft:
    """``activity_id`` is derived from the fact, so that every reader of it makes the same. A plain class: ``typing`` and
    ``dataclasses`` are too slow to import in a hook.
    """

    __slots__ = ("activity_id", "event_name", "features")

    def __init__(self, event_name: str, activity_id: str, features: dict[str, Any]) -> None:
        self.event_name = event_name
        self.activity_id = activity_id
        self.features = features
