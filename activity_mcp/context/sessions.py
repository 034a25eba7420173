"""The newest sessions: what was asked and concluded, which files, which commands failed.

Folds events into the sessions of a blob as step 7 of the refresh sequence folds rows: the newest text wins, the earliest
start, the latest end; a session without a start began with its first event.
"""

from __future__ import annotations

from .values import MAX_TEXT, as_boolean, as_text, is_time, objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

MAX_SESSIONS = 5
MAX_FILES = 8
MAX_FAILED_COMMANDS = 3
_MAX_PATH = 1024


class _Session:
    """One session, as a blob has it, with the events above it folded in."""

    __slots__ = ("_failed", "_files", "_first", "_since", "_start", "record", "session_id")

    def __init__(self, session_id: str, record: dict[str, Any]) -> None:
        self.session_id = session_id
        self.record = record
        self._since = record["last_ts"] if is_time(record.get("last_ts")) else ""
        self._start: str | None = None
        self._first: str | None = None
        self._files: dict[str, str] = {}
        self._failed: dict[str, str] = {}

    @property
    def last_ts(self) -> str:
        known = self.record.get("last_ts")
        return known if isinstance(known, str) and is_time(known) else ""

    def fold(self, event: Mapping[str, Any], ts: str, features: Mapping[str, Any]) -> None:
        self._first = min(self._first or ts, ts)
        self.record["last_ts"] = max(self.last_ts, ts)
        self._newest("git_branch", as_text(features.get("git_branch"), 255), ts)
        self._newest("project", as_text(event.get("project"), 255), ts)
        fold = _FOLDS.get(str(event.get("event_name")))
        if fold is not None:
            fold(self, ts, features)

    def fold_moment(self, ts: str, features: Mapping[str, Any]) -> None:
        moment = features.get("event_type")
        if moment == "start":
            self._start = min(self._start or ts, ts)
        elif moment == "end":
            ended = self.record.get("ended")
            self.record["ended"] = max(ended, ts) if is_time(ended) else ts
        elif moment == "user_prompt":
            self._newest("asked", as_text(features.get("excerpt")), ts)
        elif moment == "turn_end":
            self._newest("concluded", as_text(features.get("excerpt")), ts)

    def fold_file(self, ts: str, features: Mapping[str, Any]) -> None:
        path = as_text(features.get("file_path"), _MAX_PATH)
        if path is not None:
            self._files[path] = max(self._files.get(path, ""), ts)

    def fold_tool(self, ts: str, features: Mapping[str, Any]) -> None:
        if as_boolean(features.get("success")) is False:
            command = failed_command(features)
            self._failed[command] = max(self._failed.get(command, ""), ts)

    def result(self) -> dict[str, Any]:
        record = self.record
        started = record.get("started") if is_time(record.get("started")) else None
        record["started"] = min(started or self._start, self._start) if self._start else started or self._first
        record["files"] = _newest_first(self._files, record.get("files"), MAX_FILES)
        record["failed_commands"] = _newest_first(self._failed, record.get("failed_commands"), MAX_FAILED_COMMANDS)
        return record

    def _newest(self, name: str, text: str | None, ts: str) -> None:
        """Keep the newest text. Where the blob does not say when its own is from, it is as new as the session."""
        if text is None:
            return
        at = f"{name}_ts"
        known, since = self.record.get(name), self.record.get(at)
        if not isinstance(known, str) or (ts, text) >= (since if is_time(since) else self._since, known):
            self.record[name], self.record[at] = text, ts


_FOLDS = {"session_event": _Session.fold_moment, "file_event": _Session.fold_file, "tool_event": _Session.fold_tool}


def recent_sessions(blob: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The newest five sessions of blob and events, newest first, in the members of the blob."""
    sessions: dict[str, _Session] = {}
    for stored in objects(blob, "recent_sessions"):
        session_id = stored.get("session_id")
        if isinstance(session_id, str) and session_id:
            sessions[session_id] = _Session(session_id, dict(stored))
    for event in events:
        session_id, ts, features = event.get("session_id"), event.get("ts"), event.get("feature_json")
        if not (isinstance(session_id, str) and session_id and isinstance(ts, str) and is_time(ts)):
            continue
        session = sessions.get(session_id)
        if session is None:
            session = sessions[session_id] = _Session(session_id, {"session_id": session_id})
        session.fold(event, ts, features if isinstance(features, dict) else {})
    newest = sorted(sessions.values(), key=lambda session: session.session_id)
    newest.sort(key=lambda session: session.last_ts, reverse=True)
    return [session.result() for session in newest[:MAX_SESSIONS]]


def failed_command(features: Mapping[str, Any]) -> str:
    """What failed, as a person would name it: the shell's command, else the tool."""
    tool, parameters = as_text(features.get("tool_name")), features.get("parameters")
    if tool == "Bash" and isinstance(parameters, dict):
        return as_text(parameters.get("command"), MAX_TEXT) or tool
    return tool or "unknown"


def _newest_first(fresh: dict[str, str], stored: Any, limit: int) -> list[str]:
    """The fresh texts by their times, then the stored ones, each once."""
    ordered = sorted(fresh)
    ordered.sort(key=lambda text: fresh[text], reverse=True)
    known = [text for text in (as_text(item, _MAX_PATH) for item in stored) if text] if isinstance(stored, list) else []
    return list(dict.fromkeys([*ordered, *known]))[:limit]
