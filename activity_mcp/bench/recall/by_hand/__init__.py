"""Histories written by a person, each with the facts that a good colleague would tell the next session: a second opinion beside
the generated ones, whose needed facts follow a rule. The facts were written down before the histories were ever shown.

A file has a line that says what it is about, then ``needs`` (a kind, and what a line must hold to say it, between bars), in
some ``gone`` in the same form (what holds no more), and ``history``: sessions as ``AGE NAME BRANCH`` (``9d s2 main``; ``-``: no
branch), and below each its steps, a minute apart:

    ask TEXT · conclude TEXT · stop REASON · end          what was said
    run COMMAND | ok SECONDS · | fail ERROR · | denied    a shell command and its outcome; \\n in it is a line's end
    background COMMAND · edit PATH · read PATH            what was started, and the files
    query SQL · insight SUBJECT | METRIC | VALUE          what was asked of the data, and found
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..histories import DAY, MINUTE, History, Need, Recorded

_FOLDER = Path(__file__).parent


def written_histories(now_us: int) -> list[History]:
    """All of them, as if the newest event of each was a little before ``now_us``."""
    return [_history(path.stem, path.read_text(encoding="utf-8"), now_us) for path in sorted(_FOLDER.glob("*.txt"))]


def _history(name: str, text: str, now_us: int) -> History:
    _, _, rest = text.partition("\nneeds\n")
    labels, _, events = rest.partition("\nhistory\n")
    needs, _, gone = labels.partition("\ngone\n")
    made = _Reader(History(f"/home/dev/{name}", now_us, needs=_facts(needs), gone=_facts(gone)))
    for line in events.splitlines():
        made.take(line)
    made.history.events.sort(key=lambda event: event.at_us)
    made.history.transcript.sort(key=lambda said: said[0])
    return made.history


def _facts(text: str) -> list[Need]:
    lines = [line.strip().partition(" ") for line in text.splitlines() if line.strip()]
    return [Need(kind, tuple(mark.strip() for mark in marks.split("|"))) for kind, _, marks in lines]


class _Reader:
    """Reads the sessions of one history, step by step."""

    def __init__(self, history: History) -> None:
        self.history = history
        self._session = ""
        self._branch: dict[str, str] = {}
        self._at_us = history.now_us

    def take(self, line: str) -> None:
        word, _, rest = line.strip().partition(" ")
        if line.startswith("        "):
            getattr(self, f"_{word}")(rest.strip())
        elif word:
            name, branch = rest.split()
            self._at_us = self.history.now_us - round(float(word.removesuffix("d")) * DAY)
            self._session = f"{self.history.project.rpartition('/')[2]}-{name}"
            self._branch = {} if branch == "-" else {"git_branch": branch}
            self._event("session_event", event_type="start", start_source="startup", **self._branch)

    def _ask(self, text: str) -> None:
        self._event("session_event", event_type="user_prompt", excerpt=text, **self._branch)
        self._says(f"user: {text}")

    def _conclude(self, text: str) -> None:
        self._event("session_event", event_type="turn_end", excerpt=text)
        self._says(f"assistant: {text}")

    def _stop(self, reason: str) -> None:
        self._event("session_event", event_type="turn_stopped", reason=reason, excerpt=reason)
        self._says(f"[{reason}]")

    def _end(self, _: str) -> None:
        self._event("session_event", event_type="end", reason="other")

    def _run(self, text: str) -> None:
        command, _, outcome = text.rpartition(" | ")
        word, _, rest = outcome.partition(" ")
        command = command.replace("\\n", "\n")
        marks: dict[str, Any] = {"denied": "user"} if word == "denied" else {"error": rest} if word == "fail" else {}
        took = {"latency_ms": round(float(rest) * 1000)} if word == "ok" else {}
        self._call("Bash", {"command": command}, success=word == "ok", **took, **marks)
        self._says(f"$ {command}\n{rest}")

    def _background(self, command: str) -> None:
        self._call("Bash", {"command": command, "run_in_background": True}, success=True)
        self._says(f"$ {command} &")

    def _edit(self, path: str) -> None:
        self._file("Edit", "edit", path)

    def _read(self, path: str) -> None:
        self._file("Read", "read", path)

    def _file(self, tool: str, operation: str, path: str) -> None:
        whole = f"{self.history.project}/{path}"
        self._call(tool, {"file_path": whole}, success=True)
        self._event("file_event", operation=operation, file_path=whole, success=True, tool_use_id="t", **self._branch)
        self._says(f"{operation} {path}")

    def _query(self, sql: str) -> None:
        self._event("sql_event", sql=sql, query_id=f"q-{len(self.history.events)}", success=True, rows=1, duration_ms=12)
        self._says(sql)

    def _insight(self, text: str) -> None:
        subject, metric, value = (part.strip() for part in text.split("|"))
        number = len(self.history.events)
        found = {
            "insight_id": f"i-{number}",
            "subject": subject,
            "metric": metric,
            "value": float(value),
            "query_id": f"q-{number}",
        }
        self._event("mcp_event", method="record_insight", success=True, latency_ms=2, **found)
        self._says(f"{subject} {metric} = {value}")

    def _call(self, tool: str, parameters: dict[str, Any], **outcome: Any) -> None:
        self._event("tool_event", tool_name=tool, parameters=parameters, **outcome)

    def _event(self, event_name: str, **features: Any) -> None:
        self._at_us += MINUTE
        self.history.events.append(Recorded(self._at_us, event_name, features, self._session, self.history.project))

    def _says(self, text: str) -> None:
        self.history.transcript.append((self._at_us, text))
