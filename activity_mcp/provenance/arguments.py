"""What the tools of provenance refuse before anything is recorded."""

from __future__ import annotations

from ..activity import MAX_TEXT
from ..errors import InvalidInput

OFF = (
    "recording is off here (ACTIVITY_RECORD=off, `activity-mcp pause`, or .activity-mcp-ignore in the project); "
    "nothing was stored"
)


def check_names(**names: str | None) -> None:
    for name, text in names.items():
        if text is not None and not text.strip():
            raise InvalidInput(f"{name} must not be empty; nothing was recorded", hint=f"give {name}, or leave it out")
        if text is not None and len(text) > MAX_TEXT:
            raise InvalidInput(
                f"{name} has {len(text)} characters, at most {MAX_TEXT} are recorded; nothing was", hint=f"shorten {name}"
            )


def positive(name: str, hours: float) -> float:
    if not 0 < hours <= 500_000:
        raise InvalidInput(f"{name} must be over 0 and at most 500000, not {hours:g}; nothing was recorded")
    return hours
