"""What the model is to say in a session: a list of steps, of which each request of the main loop takes the next one.

A prompt that holds ``[[script:NAME]]`` (a subagent's task, one of two sessions) takes its steps from the script of that name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_MARK = re.compile(r"\[\[script:([\w-]+)\]\]")


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call of a response."""

    tool: str
    input: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One response. ``hold_s`` is the time between its first text and its end, to interrupt it; ``cut`` ends it there, and
    ``cut_in_call`` in the middle of its first call's input. ``stop`` is why it ends, where neither a call nor its end is."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    thinking: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    hold_s: float = 0
    cut: bool = False
    cut_in_call: bool = False
    status: int = 200
    error: str = "made up"
    retry_after_s: int | None = None
    stop: str | None = None

    @property
    def stop_reason(self) -> str:
        return self.stop or ("tool_use" if self.calls else "end_turn")


def says(text: str, *calls: Call, **how: Any) -> Step:
    return Step(text, calls, **how)


def does(*calls: Call, **how: Any) -> Step:
    """Tool calls without a word."""
    return Step("", calls, **how)


def fails(status: int, error: str = "made up", retry_after_s: int | None = None) -> Step:
    """An answer of the API that is an error: 429, 500 and 529 are tried again by the client, 400 is not."""
    return Step(status=status, error=error, retry_after_s=retry_after_s)


def tool(name: str, /, **members: Any) -> Call:
    return Call(name, members)


def bash(command: str, **members: Any) -> Call:
    return Call("Bash", {"command": command, **members})


def agent(script: str, task: str = "look", **members: Any) -> Call:
    """A subagent that takes its steps from another script."""
    given = {"description": task, "prompt": f"[[script:{script}]] {task}", "subagent_type": "general-purpose"}
    return Call("Agent", given | members)


def script_of(texts: list[str], known: dict[str, list[Step]]) -> str:
    """The script that the last mark in these texts names, else ``main``."""
    named = [name for text in texts for name in _MARK.findall(text) if name in known]
    return named[-1] if named else "main"
