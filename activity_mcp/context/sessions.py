"""The newest sessions: what was asked first and last, and concluded, which files, which commands failed.

Folds facts into the sessions of a blob as step 10 of the refresh sequence folds rows: the newest text wins, the earliest start,
the latest end; a session without a start began with its first event.
"""

from __future__ import annotations

from .records import newest_first
from .values import as_name, as_path, as_text, as_time, objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .facts import Fact

    Record = dict[str, Any]

MAX_SESSIONS = 5
MAX_FILES = 8
MAX_FAILED_COMMANDS = 3


def stored_sessions(blob: Mapping[str, Any]) -> list[Record]:
    """The sessions of a blob, each member as its type."""
    return [read_session(given) for given in objects(blob, "recent_sessions") if as_name(given.get("session_id"))]


def read_session(given: Mapping[str, Any]) -> Record:
    last_ts = as_time(given.get("last_ts")) or ""
    return {
        "session_id": as_name(given.get("session_id")),
        "last_ts": last_ts,
        "project": as_name(given.get("project")),
        "git_branch": as_name(given.get("git_branch")),
        "started": as_time(given.get("started")),
        "ended": as_time(given.get("ended")),
        "first_asked": as_text(given.get("first_asked")) or as_text(given.get("asked")),
        "asked": as_text(given.get("asked")),
        "concluded": as_text(given.get("concluded")),
        "stopped": as_text(given.get("stopped")),
        "title": as_text(given.get("title")),
        "files": _texts(given.get("files"), as_path)[:MAX_FILES],
        "failed_commands": _texts(given.get("failed_commands"), as_text)[:MAX_FAILED_COMMANDS],
        # what a blob does not say the time of is as new as the session
        "since": {
            name: as_time(given.get(f"{name}_ts")) or last_ts
            for name in ("project", "git_branch", "asked", "concluded", "stopped", "title")
        }
        | {"first_asked": as_time(given.get("first_asked_ts")) or as_time(given.get("asked_ts")) or last_ts},
    }


class Sessions:
    """The sessions of a blob with facts folded in, in any order."""

    def __init__(self, stored: Sequence[Record]) -> None:
        self._stored = {record["session_id"]: record for record in stored}
        self._touched: dict[str, _Session] = {}

    def fold(self, session_id: str, fact: Fact, ts: str) -> None:
        """Take in what a fact of this time says of its session."""
        session = self._touched.get(session_id)
        if session is None:
            known = self._stored.get(session_id) or read_session({"session_id": session_id})
            session = self._touched[session_id] = _Session(known)
        session.fold(fact, ts)

    def newest(self) -> list[Record]:
        """The newest five, newest first."""
        records = {**self._stored, **{name: session.record for name, session in self._touched.items()}}
        newest = newest_first(list(records.values()), "session_id", "last_ts")[:MAX_SESSIONS]
        touched = self._touched
        return [touched[name].result() if (name := record["session_id"]) in touched else record for record in newest]


class _Session:
    """One session with the facts above its blob folded in."""

    __slots__ = ("_failed", "_files", "_first", "_start", "record")

    def __init__(self, record: Record) -> None:
        self.record = {**record, "since": dict(record["since"])}
        self._start: str | None = None
        self._first: str | None = None
        self._files: dict[str, str] = {}
        self._failed: dict[str, str] = {}

    def fold(self, fact: Fact, ts: str) -> None:
        record = self.record
        if self._first is None or ts < self._first:
            self._first = ts
        if ts > record["last_ts"]:
            record["last_ts"] = ts
        if fact.project is not None:
            self._newest("project", fact.project, ts)
        if fact.git_branch is not None:
            self._newest("git_branch", fact.git_branch, ts)
        if fact.title is not None:
            self._newest("title", fact.title, ts)
        if fact.moment is not None:
            self._fold_moment(fact.moment, fact.excerpt, ts)
        if fact.path is not None:
            self._files[fact.path] = max(self._files.get(fact.path, ""), ts)
        if fact.command is not None:
            self._failed[fact.command] = max(self._failed.get(fact.command, ""), ts)

    def _fold_moment(self, moment: str, excerpt: str | None, ts: str) -> None:
        if moment == "started":
            self._start = min(self._start or ts, ts)
        elif moment == "ended":
            self.record["ended"] = max(self.record["ended"] or ts, ts)
        elif excerpt is not None:
            self._newest(moment, excerpt, ts)
            if moment == "asked":
                self._first_asked(excerpt, ts)

    def _newest(self, name: str, text: str, ts: str) -> None:
        known, since = self.record[name], self.record["since"]
        if known is None or (ts, text) >= (since[name], known):
            self.record[name], since[name] = text, ts

    def _first_asked(self, text: str, ts: str) -> None:
        known, since = self.record["first_asked"], self.record["since"]
        if known is None or (ts, text) < (since["first_asked"], known):
            self.record["first_asked"], since["first_asked"] = text, ts

    def result(self) -> Record:
        record = self.record
        started = record["started"]
        return {
            **record,
            "since": dict(record["since"]),
            "started": min(started or self._start, self._start) if self._start else started or self._first,
            "files": _newest_first(self._files, record["files"])[:MAX_FILES],
            "failed_commands": _newest_first(self._failed, record["failed_commands"])[:MAX_FAILED_COMMANDS],
        }


def last_turn(record: Record) -> tuple[str | None, str | None]:
    """What the session concluded last, and the word for a turn that was stopped since; never both."""
    concluded, stopped, since = record["concluded"], record["stopped"], record["since"]
    if stopped is not None and (concluded is None or since["stopped"] >= since["concluded"]):
        return None, stopped
    return concluded, None


def _newest_first(fresh: dict[str, str], stored: list[str]) -> list[str]:
    """The fresh texts by their times, then the stored ones, each once."""
    ordered = sorted(sorted(fresh), key=lambda text: fresh[text], reverse=True)
    return list(dict.fromkeys([*ordered, *stored]))


def _texts(values: Any, read: Any) -> list[str]:
    return [text for text in map(read, values) if text] if isinstance(values, list) else []
