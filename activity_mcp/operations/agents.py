"""Whose sessions can be imported: where each agent keeps them, and what makes its records lines of a Claude Code transcript."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..claude_code.transcripts.discovery import default_folders
from ..codex.files import session_folders
from ..codex.rollout import Rollout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Agent(NamedTuple):
    """``folders(environ)``: where its sessions are; ``translator(path)``: called with each record of one file, in order."""

    name: str
    folders: Callable[[Mapping[str, str]], list[str]]
    translator: Callable[[str], Callable[[dict[str, Any]], Iterable[dict[str, Any]]]]


CLAUDE_CODE = Agent("claude", default_folders, lambda path: lambda record: (record,))
CODEX = Agent("codex", session_folders, lambda path: Rollout(path).lines)
AGENTS = {agent.name: agent for agent in (CLAUDE_CODE, CODEX)}
