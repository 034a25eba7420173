"""What a few sessions record in a working day, made up."""

from __future__ import annotations

import random
import time
from typing import Any

from context.samples import HERE, HOUR, event, offset

NOW = time.time_ns() // 1000  # the refresh keeps the hours of the last eight days, by the engine's clock
PROJECTS = (HERE, "/home/dev/other", None)
Line = tuple[str, dict[str, Any]]


class Life(random.Random):
    """What a few sessions do in a working day: every kind of event, some failing, some recorded twice."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.sessions: set[int] = set()

    def lines(self, count: int) -> list[Line]:
        times = sorted(NOW - self.randrange(20 * HOUR) for _ in range(count))
        made: list[Line] = []
        for number, at in enumerate(times, start=1):
            twice = made and self.random() < 0.1
            line = self.repeated(made[-1][1]) if twice else self.event(number, at)
            made.append((offset(number), line))
        return made

    def repeated(self, line: dict[str, Any]) -> dict[str, Any]:
        return {**line, "source": self.choice(["import", "mcp", "hook"])}

    def event(self, number: int, at: int) -> dict[str, Any]:
        session = self.randrange(5)
        name, features = self.choice([self.tool, self.sql, self.file, self.session, self.llm, self.mcp, self.system])()
        if session not in self.sessions:
            self.sessions.add(session)
            if session % 2:  # the others were already under way when recording began
                name, features = "session_event", {"event_type": "start"}
        if name in ("tool_event", "sql_event", "file_event"):
            features |= self.choice([{}, {}, {"tool_use_id": f"t-{number}"}, {"denied": "user"}, *self.INTERRUPTS])
        if self.random() < 0.3:
            features["git_branch"] = self.choice(["main", "topic"])
        if features.get("insight_id"):
            features["insight_id"] += f" of project {session % 3}"
        project = PROJECTS[session % 3]
        return event(name, features, at=at, activity_id=f"a-{number}", session_id=f"s-{session}", project=project)

    INTERRUPTS = ({"interrupted": True}, {"interrupted": "true"}, {"interrupted": False}, {"interrupted": None})

    def succeeds(self) -> Any:
        return self.choice([True, True, False, "false", "true", None])

    def tool(self) -> tuple[str, dict[str, Any]]:
        tool = self.choice(["Bash", "Read", "mcp__x__y", None])
        command = {"command": f"make {self.randrange(5)}"}
        commit = {"command": f"git commit -m 'Change {self.randrange(5)}'"}
        parameters = self.choice(
            [commit, command, command, command | {"run_in_background": True}, {"file_path": "/f/é"}, {}, None]
        )
        error = self.choice([None, "exit 1", "é" * 400])
        return "tool_event", {
            "tool_name": tool,
            "success": self.succeeds(),
            "parameters": parameters,
            "error": error,
            "latency_ms": 5,
        }

    def sql(self) -> tuple[str, dict[str, Any]]:
        number = self.randrange(100)
        return "sql_event", {
            "query_id": f"q-{number}",
            "sql": f"select {number} " + "x" * self.choice([1, 400]),
            "success": self.succeeds(),
            "rows": self.choice([number, None, "7"]),
            "duration_ms": self.choice([1.5, 20, None]),
            "artifact_id": self.choice([None, f"art-{number}"]),
            "error": self.choice([None, "no such table"]),
        }

    def file(self) -> tuple[str, dict[str, Any]]:
        path = f"/home/dev/repo/{self.randrange(30)}.py"
        return "file_event", {"operation": self.choice(["read", "edit"]), "file_path": path, "success": self.succeeds()}

    def session(self) -> tuple[str, dict[str, Any]]:
        moment = self.choice(["end", "user_prompt", "turn_end", "turn_stopped", "heartbeat"])
        said = [
            None,
            f"text {self.random()}",
            f"It fails because of {self.randrange(9)}: see app/cache_{self.randrange(9)}.py",
            "w" * 500,
        ]
        titles: dict[str, Any] = self.choice(
            [{}, {"title": f"Title {self.randrange(9)}"}, {"session_title": "é" * 400}, {"title": None}]
        )
        return "session_event", {"event_type": moment, "excerpt": self.choice(said), **titles}

    def llm(self) -> tuple[str, dict[str, Any]]:
        cost = self.choice([None, 0.25, 0, "0.5"])
        return "llm_event", {
            "model": self.choice(["opus", "haiku"]),
            "prompt_tokens": self.randrange(9),
            "completion_tokens": self.choice([3, "4"]),
            "cache_read_tokens": self.choice([None, 100]),
            "cost_usd": cost,
        }

    def mcp(self) -> tuple[str, dict[str, Any]]:
        method = self.choice(["record_insight", "record_insight", "store_artifact", "query"])
        return "mcp_event", {
            "method": method,
            "latency_ms": 1,
            "success": self.succeeds(),
            "error_type": self.choice([None, "DiskFull"]),
            "insight_id": self.choice([None, f"i-{self.randrange(8)}"]),
            "subject": "orders",
            "metric": "revenue",
            "value": self.choice([1, 2.5, "text", {"a": [1, 2]}, None]),
            "confidence": self.choice([None, 0.5]),
            "query_id": self.choice([None, "q-1"]),
            "artifact_id": self.choice([None, "art-1"]),
            "valid_for_hours": self.choice([None, 1, 48, "12"]),
        }

    def system(self) -> tuple[str, dict[str, Any]]:
        severity = self.choice(["info", "error", "critical", None])
        return "system_event", {"event_type": "backpressure", "severity": severity, "message": self.choice([None, "slow"])}
