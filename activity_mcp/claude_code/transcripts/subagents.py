"""A subagent's transcript: ``<session>/subagents/agent-<id>.jsonl``, with a description of the subagent beside it.

agent-<id>.meta.json    {agentType, description, toolUseId, spawnDepth, isFork}: ``toolUseId`` is the call that started it
<session>.jsonl         its parent's: a subagent that is a fork begins with copies of the parent's responses, under another
                        request id; they were the parent's, and paid once
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ...fs import LOCAL
from ...fs import reader as open_regular
from ..model_requests import message_activity_id
from .open_state import dedup_key, text_in

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = "subagents"
_MAX_META_BYTES = 64 * 1024
_MAX_PARENTS = 4


class Subagent:
    """What is known of the subagent that wrote the file at ``path``; of a file of a session's own nothing."""

    def __init__(self, path: str, loads: Callable[[bytes], Any] = json.loads) -> None:
        folder, name = os.path.split(path)
        self._is_one = os.path.basename(folder) == FOLDER
        self._meta_path = os.path.join(folder, f"{name.removesuffix('.jsonl')}.meta.json")
        self._parent_path = f"{os.path.dirname(folder)}.jsonl"
        self._loads = loads
        self._features: dict[str, str] | None = None
        self._parents_responses: frozenset[int] | None = None

    def features(self) -> dict[str, str]:
        """Its kind, and the call of its parent that started it."""
        if self._features is None:
            meta = self._meta() if self._is_one else {}
            found = {"agent_type": text_in(meta, "agentType"), "tool_use_id": text_in(meta, "toolUseId")}
            self._features = {name: text for name, text in found.items() if text}
        return self._features

    def parents_responses(self) -> frozenset[int]:
        """The ``dedup_key`` of each response of the conversation that started it, as far as it was written."""
        if not self._is_one:
            return frozenset()
        if self._parents_responses is None:
            try:
                found = os.stat(self._parent_path)
                self._parents_responses = _responses_in(self._parent_path, found.st_size, found.st_mtime_ns)
            except OSError:
                self._parents_responses = frozenset()
        return self._parents_responses

    def _meta(self) -> dict[str, Any]:
        try:
            found = self._loads(LOCAL.read(self._meta_path, _MAX_META_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


@lru_cache(maxsize=_MAX_PARENTS)
def _responses_in(path: str, size: int, mtime_ns: int) -> frozenset[int]:
    """Of the main conversation of this file. Raises OSError. Size and time name the state of the file that was read."""
    found = set()
    with open_regular(path) as file:
        for line in file:
            if b'"assistant"' not in line:
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            message = record.get("message") if isinstance(record, dict) and record.get("type") == "assistant" else None
            message_id = text_in(message, "id") if isinstance(message, dict) and not record.get("isSidechain") else None
            if message_id is not None:
                found.add(dedup_key(message_activity_id(message_id)))
    return frozenset(found)
