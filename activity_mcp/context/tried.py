"""One call, as an event reports it: what was called, with what, and what came of it."""

from __future__ import annotations

from .attempt import Attempt, key_of
from .values import as_boolean, as_number, as_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

ARGUMENTS = ("command", "file_path", "notebook_path", "path", "url", "query", "pattern")
"""The parameter that says what a call was about: the first of these that it has."""
READING = frozenset(("Read", "NotebookRead", "Grep", "Glob", "LS", "ToolSearch", "TodoWrite", "BashOutput", "TaskOutput"))
"""Tools whose successes are not kept: there are too many, and none says how one works here."""


class Tried:
    """One call, as an event reports it: what ``Attempt`` counts."""

    __slots__ = ("_attempt", "_key", "error", "outcome", "session_id", "took", "ts", "what")

    def __init__(self, what: str, outcome: str, ts: str, session_id: str | None, *, took: str, error: str) -> None:
        self.what = what
        self.outcome = outcome
        self.ts = ts
        self.session_id = session_id or ""
        self.took = took
        self.error = error
        self._attempt: Attempt | None = None
        self._key: tuple[str, str] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What it means (``key_of``). Worked out once."""
        if self._key is None:
            tool, _, argument = self.what.partition(" ")
            self._key = key_of(tool, argument)
        return self._key

    def as_attempt(self) -> Attempt:
        """The same as an attempt, which nobody changes: made once, as each answer asks for those that wait."""
        if self._attempt is None:
            self._attempt = self._made()
        return self._attempt

    def _made(self) -> Attempt:
        made = Attempt(self.what)
        if self.outcome == "ok":
            made.ok, made.first_ok_at, made.ok_at, made.took_ms = 1, self.ts, self.ts, as_number(self.took)
        elif self.outcome == "failed":
            made.failed, made.failed_at, made.error, made.failed_in = 1, self.ts, self.error, self.session_id
        elif self.outcome == "denied":
            made.denied, made.denied_at = 1, self.ts
        else:
            made.background_at, made.background_in = self.ts, self.session_id
        return made


def tried(tool: str | None, features: Mapping[str, Any], ts: str, session_id: str | None, success: bool | None) -> Tried | None:
    """What a tool_event adds to the attempts, as the refresh sequence reads it."""
    parameters = features.get("parameters")
    given = parameters if isinstance(parameters, dict) else {}
    outcome = _outcome(tool, features, given, success)
    if outcome is None:
        return None
    argument = as_text(_first(given, ARGUMENTS)) or "" if given else ""
    what = as_text(f"{'unknown' if tool is None else tool} {argument}") or ""
    said = as_text(_first(features, ("error", "message", "error_type")))
    took = as_text(features.get("latency_ms"), 20) or ""
    return Tried(what, outcome, ts, session_id, took=took, error=said or "")


def _first(members: Mapping[str, Any], names: Iterable[str]) -> Any:
    """The first of these members that is there and not null."""
    for name in names:
        found = members.get(name)
        if found is not None:
            return found
    return None


def _outcome(tool: str | None, features: Mapping[str, Any], given: Mapping[str, Any], success: bool | None) -> str | None:
    if features.get("denied") is not None:
        return "denied"
    if not success:
        return "failed" if success is False else None
    if as_boolean(given.get("run_in_background")):
        return "background"
    return None if tool in READING else "ok"
