"""What is known of a project, judged: the facts that a context shows, from the lists of a blob and the events above it.

Rows become facts here. Failures that were overcome leave, equal ones are one with how often and when last; of insights about
one metric only the newest is left; conclusions that say nearly the same are one. ``render`` shows the facts as sections,
``injection`` as lines.
"""

from __future__ import annotations

from .sessions import last_turn
from .values import time_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from .attempts import Attempt, Attempts

    Record = dict[str, Any]

_ALIKE = 0.8
"""Two texts with this share of their words in common say the same."""


def open_end(session: Record) -> str | None:
    """How the last turn of a session ended without a conclusion (interrupted, failed: …, not concluded); else None."""
    concluded, stopped = last_turn(session)
    since = session["since"]
    if stopped is not None:
        return str(stopped)
    if session["asked"] is None or (concluded is not None and since["concluded"] >= since["asked"]):
        return None
    return "not concluded"


class Failure:
    """Equal failures as one: how often, when last, what it said then, and whether it was overcome since."""

    __slots__ = ("command", "error", "is_overcome", "name", "record", "times", "ts")

    def __init__(self, record: Record, *, command: str | None = None, times: int = 1, is_overcome: bool = False) -> None:
        self.record = record
        self.ts = str(record["ts"])
        self.name = record["name"] or record["event_name"]
        self.error = record["error"]
        self.command = command
        self.times = times
        self.is_overcome = is_overcome


def failures(errors: Sequence[Record], attempts: Attempts) -> list[Failure]:
    """The errors and the attempts that failed, equal ones folded: those that stand first, each group newest first.

    An error of a tool call that is among the attempts is judged as one; what is older than they are stays as it was recorded.
    """
    found: dict[tuple[Any, ...], Failure] = {}
    for attempt, is_overcome in attempts.failed():
        record = next((error for error in errors if error["ts"] == attempt.failed_at and attempt.is_of(error["name"])), None)
        command = attempt.name if attempt.argument else None
        failure = Failure(record or _error_of(attempt), command=command, times=max(attempt.failed, 1), is_overcome=is_overcome)
        found[attempt.tool, attempt.argument] = failure
    for error in errors:
        if error["event_name"] != "tool_event" or not attempts.knows_failure(error["name"], error["ts"]):
            _fold(found, Failure(error), (error["event_name"], error["name"], error["error"]))
    ordered = sorted(found.values(), key=lambda failure: str(failure.record["activity_id"]))
    ordered.sort(key=lambda failure: failure.ts, reverse=True)
    return sorted(ordered, key=lambda failure: failure.is_overcome)


def _error_of(attempt: Attempt) -> Record:
    return {
        "activity_id": "", "ts": attempt.failed_at, "event_name": "tool_event", "name": attempt.tool, "error": attempt.error,
        "session_id": attempt.failed_in or None, "project": None,
    }  # fmt: skip


def _fold(found: dict[tuple[Any, ...], Failure], failure: Failure, key: tuple[Any, ...]) -> None:
    known = found.get(key)
    if known is None:
        found[key] = failure
    else:
        newer, older = (failure, known) if failure.ts > known.ts else (known, failure)
        newer.times += older.times
        found[key] = newer


def newest_insights(insights: Iterable[Record]) -> list[Record]:
    """Of several about one metric of one subject the newest; they come newest first."""
    found: dict[tuple[Any, ...], Record] = {}
    for insight in insights:
        of = (insight["subject"], insight["metric"], insight["grain"])
        found.setdefault(of if insight["subject"] or insight["metric"] else (insight["insight_id"],), insight)
    return list(found.values())


def distinct(texts: Sequence[str]) -> list[int]:
    """The indices of the texts that none before them says nearly as well."""
    kept: list[tuple[int, set[str]]] = []
    for index, text in enumerate(texts):
        words = set(text.lower().split())
        if not any(len(words & other) >= _ALIKE * len(words | other) for _, other in kept):
            kept.append((index, words))
    return [index for index, _ in kept]


def age_us(ts: str | None, now_us: int) -> int | None:
    """How long ago, in microseconds, never below zero; None for what is no time."""
    at_us = time_us(ts) if ts else None
    return None if at_us is None else max(now_us - at_us, 0)


def worked_on(files: Sequence[Record], attempts: Attempts) -> list[tuple[Record, int]]:
    """The files with how often each was edited, those that most was done to first."""
    found = [(file, attempts.edits(file["file_path"])) for file in files]
    found.sort(key=lambda entry: str(entry[0]["ts"]), reverse=True)
    found.sort(key=lambda entry: entry[1], reverse=True)
    return found
