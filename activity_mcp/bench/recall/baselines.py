"""What the lines of ``context.injection`` are compared with: three ways to say something of a project without judging it.

    latest of each kind   the sections of a context in turn, each with its newest entries, as version 0.1 gave them to a session
    latest rows           the newest events of the project, a line each
    transcript's tail     the end of what was said and run, as a reader of the last transcript sees it

Each gives lines of at most 200 characters, for ``scoring`` to cut at the same number of characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .scoring import MAX_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .histories import History

MAX_LINE = 200


def latest_of_each_kind(blob: Mapping[str, Any], project: str) -> list[str]:
    """One entry of each section in turn, until the room is spent."""
    sections = [_sessions(blob), _failures(blob), _insights(blob), _queries(blob), _files(blob, project)]
    chosen: list[list[str]] = [[] for _ in sections]
    room = MAX_CHARACTERS
    for _ in range(8):
        for section, lines in zip(sections, chosen, strict=True):
            item = next(section, None)
            if item is not None and sum(map(len, item)) + len(item) <= room:
                room -= sum(map(len, item)) + len(item)
                lines += item
    return [line for lines in chosen for line in lines]


def latest_rows(history: History) -> list[str]:
    """The newest events of the project, the newest first."""
    rows = [event for event in history.events if event.project == history.project and event.event_name != "llm_event"]
    return [_short(_row(event.event_name, event.features)) for event in reversed(rows)]


def transcript_tail(history: History) -> list[str]:
    """The last lines of what was said and run, as many as fit."""
    lines: list[str] = []
    room = MAX_CHARACTERS
    for _, text in reversed(history.transcript):
        line = _short(text)
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    return lines[::-1]


def _sessions(blob: Mapping[str, Any]) -> Iterator[list[str]]:
    for session in (blob.get("recent_sessions") or [])[:3]:
        concludes = (session.get("concluded_ts") or "") > (session.get("stopped_ts") or "")
        ending = f'concluded "{session.get("concluded")}"' if concludes else f'stopped "{session.get("stopped")}"'
        yield [_short(f'on "{session.get("git_branch")}" asked "{session.get("asked")}"'), _short(ending)]


def _failures(blob: Mapping[str, Any]) -> Iterator[list[str]]:
    for session in (blob.get("recent_sessions") or [])[:3]:
        for command in (session.get("failed_commands") or [])[:2]:
            yield [_short(f'this command failed: "{command}"')]
    for error in (blob.get("recent_errors") or [])[:3]:
        yield [_short(f'"{error.get("name")}" failed with "{error.get("error")}"')]


def _insights(blob: Mapping[str, Any]) -> Iterator[list[str]]:
    for insight in blob.get("insights") or []:
        yield [_short(f'insight: "{insight["subject"]} {insight["metric"]} = {insight["value"]}"')]


def _queries(blob: Mapping[str, Any]) -> Iterator[list[str]]:
    for query in (blob.get("recent_queries") or [])[:4]:
        yield [_short(f'this query ran: "{query["sql"]}"')]


def _files(blob: Mapping[str, Any], project: str) -> Iterator[list[str]]:
    for file in blob.get("recent_files") or []:
        yield [_short(f'{file.get("operation")} "{file["file_path"].removeprefix(project + "/")}"')]


def _row(event_name: str, features: Mapping[str, Any]) -> str:
    said = {
        name: value
        for name, value in features.items()
        if name
        in ("event_type", "excerpt", "tool_name", "parameters", "success", "error", "file_path", "subject", "metric", "value")
    }
    return f"{event_name} {said}"


def _short(text: str) -> str:
    return " ".join(text.split())[:MAX_LINE]
