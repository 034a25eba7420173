"""One event from the arguments of ``activity-mcp log``; without what reads command lines, which costs more than the event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..activity import EVENT_NAMES
from ..errors import InvalidInput
from ..plain_json import loads
from ..project import is_ignored, project_of, working_directory
from ..schema import schemas
from ..service import ActivityService
from .output import folder, remark, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def opened(event_name: str) -> ActivityService:
    """The service that records the events. Raises InvalidInput for an event there is not."""
    if event_name not in EVENT_NAMES:
        raise InvalidInput(f"event_name {event_name[:60]!r} is unknown", hint=f"one of {', '.join(EVENT_NAMES)}")
    return ActivityService.from_environ(source="cli")


def is_unwanted(given: dict[str, str]) -> bool:
    """Whether the project here does not want to be recorded, which is said then; a named project becomes its folder."""
    if "project" in given:
        given["project"] = folder(given["project"])
    elif is_ignored(project_of(working_directory())):
        remark("not recorded: the project here does not want to be (.activity-mcp-ignore)")
        return True
    return False


def log_one(event_name: str, features: Sequence[str], given: dict[str, str]) -> int:
    """Append one event; ``features`` are its fields as ``K=V``, ``given`` its columns. The exit code."""
    service = opened(event_name)
    try:
        if not is_unwanted(given):
            _record(service, event_name, features, given)
    finally:
        service.close()
    return 0


def _record(service: ActivityService, event_name: str, features: Sequence[str], given: Mapping[str, str]) -> None:
    answer = service.log(event_name, dict(_feature(event_name, text) for text in features), **given)  # type: ignore[arg-type]
    if answer["accepted"]:
        say(str(answer["activity_id"]))
    else:
        remark(f"not recorded: {answer['reason']}")


def _feature(event_name: str, text: str) -> tuple[str, Any]:
    """``k=v`` as a field: text where the schema wants text, else JSON where it is JSON, else text."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InvalidInput(f"--feature {text[:60]!r} is not K=V")
    types = schemas()["$defs"][event_name]["properties"].get(key, {}).get("type", [])
    if "string" in ([types] if isinstance(types, str) else types):
        return key, value
    try:
        return key, loads(value)
    except (ValueError, RecursionError):
        return key, value
