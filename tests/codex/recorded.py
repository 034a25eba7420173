"""A rollout of Codex as its sources write one: records with a time, a type and a payload, in a file named by day and session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from activity_mcp.clock import iso

START_US = 1_790_000_000_000_000
SESSION = "0199a213-81c0-7800-8aa1-bbab2a035a53"
CWD = "/home/ada/orders"
USED = {"input_tokens": 3000, "cached_input_tokens": 1000, "output_tokens": 200, "reasoning_output_tokens": 50}


class Recorded:
    """Writes the records of one session; a second passes between two of them."""

    def __init__(self, home: Path, session: str = SESSION, *, start_us: int = START_US, **meta: Any) -> None:
        self.path = home / "sessions" / "2026" / "09" / "21" / f"rollout-2026-09-21T14-13-20-{session}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._us, self._total = start_us, 0
        self.turn_id = ""
        self.records: list[dict[str, Any]] = []
        given = {"id": session, "timestamp": iso(start_us), "cwd": CWD, "cli_version": "0.128.0", "source": "cli"}
        self.add("session_meta", {**given, "git": {"branch": "main"}, **meta})

    def add(self, kind: str, payload: dict[str, Any]) -> None:
        self._us += 1_000_000
        record = {"timestamp": iso(self._us), "type": kind, "payload": payload}
        self.records.append(record)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def event(self, kind: str, **members: Any) -> None:
        self.add("event_msg", {"type": kind, **members})

    def item(self, kind: str, **members: Any) -> None:
        self.add("response_item", {"type": kind, **members})

    def turn(self, name: str, prompt: str, **more: Any) -> None:
        """A turn begins, as it does in a rollout: what the model is told of it, and what was typed."""
        self.turn_id = f"{self.path.stem[-12:]}-{name}"
        self.event("task_started", turn_id=self.turn_id)
        self.add("turn_context", {"turn_id": self.turn_id, "cwd": CWD, "model": "gpt-5-codex"})
        self.item("message", role="user", content=[{"type": "input_text", "text": "<environment_context>…"}])
        self.item("message", role="user", content=[{"type": "input_text", "text": prompt}])
        self.event("user_message", message=prompt, **more)

    def says(self, text: str) -> None:
        self.event("agent_message", message=text)
        self.item("message", role="assistant", content=[{"type": "output_text", "text": text}])

    def calls(self, call_id: str, name: str, arguments: dict[str, Any], **more: Any) -> None:
        self.item("function_call", name=name, arguments=json.dumps(arguments), call_id=call_id, **more)

    def patches(self, call_id: str, patch: str) -> None:
        self.item("custom_tool_call", status="completed", call_id=call_id, name="apply_patch", input=patch)

    def used(self, *, again: bool = False) -> None:
        """The usage of a response; ``again``: only a report of limits, with the counts of before."""
        self._total += 0 if again else 1
        total = {"total_tokens": 3200 * self._total}
        self.event("token_count", info={"total_token_usage": total, "last_token_usage": USED}, rate_limits={})

    def gave(self, call_id: str, output: Any, kind: str = "function_call_output") -> None:
        self.item(kind, call_id=call_id, output=output)
