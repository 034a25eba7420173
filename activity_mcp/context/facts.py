"""What one event adds to a context, worked out once when the event is read.

This is where an event is read as the refresh sequence reads its row: which of the lists it enters, with which members, what it
says of its session, and what it adds to the counts. ``render`` only merges what is here with what a blob holds.
"""

from __future__ import annotations

from ..clock import iso, parse_iso
from .records import CONCLUSIONS, ERRORS, FILES, INSIGHTS, QUERIES
from .tried import tried
from .values import TOKENS, as_amount, as_boolean, as_name, as_number, as_text, as_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .tried import Tried

    Record = dict[str, Any]

ESTIMATED = "estimated"
"""The ``cost_source`` of a cost that nobody measured: it stays apart in every sum."""
_MOMENTS = {
    "start": "started", "end": "ended", "user_prompt": "asked", "turn_end": "concluded", "turn_stopped": "stopped",
}  # fmt: skip
_MAX_HOURS = 500_000
_NO_ENTRIES = (None,) * 5


class Fact:
    """One event, reduced to what a context can show of it, each text bounded.

    ``moment`` is what a session_event says of its session (started, ended, asked, concluded, stopped), ``title`` what it calls
    it, ``tool`` and ``model`` what the event counts for, ``path`` and ``command`` what it adds to its session's files and
    failed commands.
    """

    __slots__ = (
        "command", "conclusion", "customer", "error", "event_name", "excerpt", "failed", "file", "git_branch", "insight",
        "is_listed", "model", "moment", "path", "project", "query", "session_id", "title", "tool", "tried", "ts", "use",
    )  # fmt: skip

    def __init__(self, event: Mapping[str, Any]) -> None:
        features = event.get("feature_json")
        features = features if isinstance(features, dict) else {}
        self.customer = as_name(event.get("customer"))
        self.project = as_name(event.get("project"))
        self.session_id = as_name(event.get("session_id")) or None
        self.ts = as_time(event.get("ts"))
        self.event_name = as_name(event.get("event_name")) or "unknown"
        self.git_branch = as_name(features.get("git_branch"))
        self.moment: str | None = None
        self.excerpt: str | None = None
        self.title: str | None = None
        self.conclusion: Record | None = None
        self.path: str | None = None
        self.command: str | None = None
        self.tool: str | None = None
        self.failed = False
        self.tried: Tried | None = None
        self.model: str | None = None
        self.use: dict[str, float] = {}
        self.error: Record | None = None
        self.file: Record | None = None
        self.query: Record | None = None
        self.insight: Record | None = None
        read = _READERS.get(self.event_name)
        if read is not None and self.ts is not None:
            read(self, event, features)
        entries = self.error, self.file, self.query, self.insight, self.conclusion
        self.is_listed = entries != _NO_ENTRIES
        """Whether it is an entry of a list; else it is only counted, perhaps as a call, and says something of its session."""

    def says_nothing_of(self, session: Record) -> bool:
        """Whether a session that is shown as this would be shown no differently for it, but for its time."""
        if self.moment is not None or self.title is not None or self.path is not None or self.command is not None:
            return False
        return self.git_branch in (None, session["git_branch"]) and self.project in (None, session["project"])

    # --- one reader for each event_name

    def read_tool(self, event: Mapping[str, Any], features: Mapping[str, Any]) -> None:
        tool = as_name(features.get("tool_name"))
        self.tool = tool or "unknown"
        success = _success(features)
        self.failed = success is False
        self.tried = tried(as_text(features.get("tool_name")), features, str(self.ts), self.session_id, success)
        if self.failed:
            self.command = _command(tool, features.get("parameters"))
            self._fail(event, tool, features)

    def read_sql(self, event: Mapping[str, Any], features: Mapping[str, Any]) -> None:
        success = _success(features)
        if success:
            self.query = QUERIES.read({**features, **_place(event)})
        elif success is False and not _has_a_failed_call(features):
            self._fail(event, "sql", features)

    def read_file(self, event: Mapping[str, Any], features: Mapping[str, Any]) -> None:
        self.file = FILES.read({**features, **_place(event)})
        self.path = self.file["file_path"] if self.file else None
        if _success(features) is False and not _has_a_failed_call(features):
            self._fail(event, features.get("operation"), features)

    def read_session(self, event: Mapping[str, Any], features: Mapping[str, Any]) -> None:
        if features.get("agent_id") is None:  # what a subagent asks and concludes is not what the session does
            self.moment = _MOMENTS.get(str(features.get("event_type")))
        self.excerpt = as_text(features.get("excerpt"))
        self.title = as_text(features.get("session_title") if features.get("title") is None else features["title"])
        if self.moment == "concluded" and self.excerpt is not None:
            self.conclusion = CONCLUSIONS.read({**_place(event), "text": self.excerpt})

    def read_llm(self, event: Mapping[str, Any], features: Mapping[str, Any]) -> None:
        self.model = as_name(features.get("model")) or "unknown"
        self.use = {name: as_amount(features.get(name)) for name in (*TOKENS, "cost_usd")}
        self.use["calls"] = 1
        self.use["calls_without_cost"] = int(as_number(features.get("cost_usd")) is None)
        if features.get("cost_source") == ESTIMATED:
            self.use["cost_estimated_usd"] = self.use["cost_usd"]

    def read_mcp(self, event: Mapping[str, Any], features: Mapping[str, Any]) -> None:
        method = features.get("method")
        if method == "record_insight":
            self.insight = INSIGHTS.read({
                **features,
                "insight_id": features.get("insight_id") or event.get("activity_id"),
                "recorded_at": self.ts,
                "valid_until": _valid_until(features, str(self.ts)),
            })  # fmt: skip
        if _success(features) is False:
            self._fail(event, method, features)

    def read_system(self, event: Mapping[str, Any], features: Mapping[str, Any]) -> None:
        if features.get("severity") in ("error", "critical"):
            self._fail(event, features.get("event_type"), features)

    def _fail(self, event: Mapping[str, Any], name: Any, features: Mapping[str, Any]) -> None:
        said = (features.get(member) for member in ("error", "message", "error_type"))
        error = next((value for value in said if value is not None), None)
        self.error = ERRORS.read({**_place(event), "event_name": self.event_name, "name": name, "error": error})


_READERS = {
    "tool_event": Fact.read_tool,
    "sql_event": Fact.read_sql,
    "file_event": Fact.read_file,
    "session_event": Fact.read_session,
    "llm_event": Fact.read_llm,
    "mcp_event": Fact.read_mcp,
    "system_event": Fact.read_system,
}


def facts_of(events: Iterable[Mapping[str, Any] | Fact]) -> list[Fact]:
    return [event if isinstance(event, Fact) else Fact(event) for event in events]


def _success(features: Mapping[str, Any]) -> bool | None:
    """Whether it succeeded; None where it does not say, and where the user refused or interrupted it."""
    interrupted = features.get("interrupted")
    if features.get("denied") is not None or (interrupted is not None and as_boolean(interrupted)):
        return None
    success = features.get("success")
    return success if success is True else as_boolean(success)


def _has_a_failed_call(features: Mapping[str, Any]) -> bool:
    """A failed tool call is in the list of errors already, with the same text."""
    return features.get("tool_use_id") is not None


def _place(event: Mapping[str, Any]) -> Record:
    return {name: event.get(name) for name in ("ts", "session_id", "project", "activity_id")}


def _command(tool: str | None, parameters: Any) -> str:
    """What failed, as a person would name it: the shell's command, else the tool."""
    if tool == "Bash" and isinstance(parameters, dict) and parameters.get("command") is not None:
        return as_text(parameters["command"]) or tool
    return tool or "unknown"


def _valid_until(features: Mapping[str, Any], ts: str) -> str | None:
    """Until when an insight of ``ts`` holds: what it says, else so many hours on; None: until it is replaced."""
    try:
        return iso(parse_iso(str(features.get("valid_until"))))
    except ValueError:
        pass
    hours = as_number(features.get("valid_for_hours"))
    if hours is None:
        return None
    try:
        return iso(max(parse_iso(ts) + round(min(hours, _MAX_HOURS) * 3600) * 1_000_000, 0))
    except (ValueError, OverflowError, OSError):
        return None
