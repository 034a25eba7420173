"""``activity-mcp log``: append events from a terminal or a script."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING, Any

import click
import orjson

from ..errors import InvalidActivity, InvalidInput, QueueRefused
from .log_one import is_unwanted, log_one, opened
from .output import print_json, remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..service import ActivityService

_COLUMNS = ("activity", "customer", "project", "link", "revenue_impact", "activity_id", "ts")
_MAX_LINE_BYTES = 1 << 20


@click.command("log")
@click.argument("event_name")
@click.option("--feature", "features", multiple=True, metavar="K=V", help="One field of the event; the value may be JSON.")
@click.option("--json", "source", metavar="FILE|-", help="NDJSON: a line is the event's fields, or has them in feature_json.")
@click.option("--activity", help="The verb_noun name; the default follows from the event.")
@click.option("--customer", help="Whose activity; default: yours.")
@click.option("--project", help="Which project it belongs to.")
@click.option("--link", help="A URL with more about it.")
def log_command(event_name: str, features: tuple[str, ...], source: str | None, **columns: str | None) -> int:
    """Append one event (or, with --json, one per line) to the queue, durably.

    EVENT_NAME is one of sql_event, llm_event, tool_event, file_event, session_event, mcp_event, system_event.
    """
    given = {name: value for name, value in columns.items() if value is not None}
    if source is None:
        return log_one(event_name, features, given)
    if features:
        raise InvalidInput("--feature and --json do not go together", hint="put the fields into the file")
    service = opened(event_name)
    try:
        return 0 if is_unwanted(given) else _log_lines(service, event_name, source, given)
    finally:
        service.close()


def _log_lines(service: ActivityService, event_name: str, source: str, given: dict[str, Any]) -> int:
    """One event a line. What was accepted is printed in every case: a caller that repeats must know where to begin."""
    ids: list[str | None] = []
    refused = number = 0
    file = _opened(source)
    try:
        for number, line in _lines(file):
            try:
                event = _event(line)
                wanted = {name: event[name] for name in _COLUMNS if event.get(name) is not None}
                answer = service.log(event.get("event_name", event_name), event["feature_json"], **(given | wanted))
                ids.append(answer["activity_id"])
            except InvalidActivity as error:
                refused += 1
                remark(f"line {number}: {error.describe()}")
    except QueueRefused:
        remark(f"stopped at line {number}: {len(ids)} events were accepted before it, none from it on")
        raise
    finally:
        file.close()
        print_json({"activity_ids": ids})
    return InvalidInput.exit_code if refused else 0


def _opened(source: str) -> IO[bytes]:
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False) if source == "-" else open(source, "rb")
    except OSError as error:
        raise InvalidInput(f"{source} cannot be read: {error.strerror}") from None


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE_BYTES), b""), 1):
        if line.strip():
            yield number, line


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = orjson.loads(line)
    except ValueError as error:
        raise InvalidActivity("line", f"not JSON: {error}", hint="one JSON object per line") from None
    if not isinstance(event, dict):
        raise InvalidActivity("line", "not a JSON object", hint="one JSON object per line")
    if "feature_json" not in event:
        return {"feature_json": event}
    if not isinstance(event["feature_json"], dict):
        raise InvalidActivity("feature_json", "must be an object")
    for name in event:
        if name not in ("event_name", "feature_json", *_COLUMNS):
            raise InvalidActivity(name[:60], "is no member of an event", hint="the event's own fields go into feature_json")
    for name in ("event_name", *_COLUMNS):
        if name != "revenue_impact" and not isinstance(event.get(name), (str, type(None))):
            raise InvalidActivity(name, "must be text")
    return event
