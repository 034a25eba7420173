"""The prompts of Claude Code's history that neither a hook nor a transcript has recorded.

The warehouse says what they have recorded: the queue is drained before, by the caller. For a dry run that is not done, and what
the transcripts hold counts as recorded all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ..claude_code.transcripts.discovery import history_files
from ..claude_code.transcripts.history import HistoryReader
from ..claude_code.transcripts.known_prompts import KnownPrompt
from ..clock import parse_iso
from ..errors import WarehouseUnavailable

if TYPE_CHECKING:
    from ..activity import Activity
    from ..claude_code.transcripts.known_prompts import HistoryKeys
    from ..service import ActivityService

QUERY_TIMEOUT_S = 60.0
_RECORDED = """SELECT activity_id, session_id, prompt_hash, ts, customer
FROM VW_SESSION_EVENTS
WHERE event_type = 'user_prompt' AND session_id IS NOT NULL AND prompt_hash IS NOT NULL"""


class RecordedPrompts:
    """By activity id, so that a prompt which the queue and the warehouse both hold is one. A session is known under whatever
    customer's name it was recorded: the user may have had another."""

    def __init__(self) -> None:
        self._found: dict[str, KnownPrompt] = {}

    def saw(self, activity: Activity) -> None:
        """An activity that is being recorded now."""
        features = activity.feature_json
        if activity.event_name == "session_event" and features.get("event_type") == "user_prompt" and activity.session_id:
            self._add(activity.activity_id, activity.session_id, features.get("prompt_hash"), activity.ts, is_own=True)

    def read(self, service: ActivityService) -> list[KnownPrompt]:
        """These, and those in the warehouse. Raises a WarehouseError; a warehouse that is not there yet holds none."""
        try:
            found = service.query(_RECORDED, timeout_s=QUERY_TIMEOUT_S)
        except WarehouseUnavailable:
            if service.local_events.committed() is not None:
                raise
            return list(self._found.values())
        for *prompt, customer in found.rows:
            self._add(*prompt, is_own=customer == service.identity.customer)
        return list(self._found.values())

    def _add(self, activity_id: Any, session_id: Any, prompt_hash: Any, ts: Any, *, is_own: bool) -> None:
        if isinstance(prompt_hash, str):
            self._found[str(activity_id)] = KnownPrompt(str(session_id), prompt_hash, parse_iso(str(ts)), is_own)


def history_readers(
    service: ActivityService, recorded: RecordedPrompts, keys: HistoryKeys, *, dry_run: bool, **wanted: Any
) -> list[HistoryReader]:
    """A reader for each history there is. ``wanted``: which prompts, as ``HistoryReader`` takes it. Raises a WarehouseError."""
    paths = history_files(service.environ)
    known = recorded.read(service) if paths else []
    return [
        HistoryReader(
            path,
            known=known,
            note_keys=(lambda prompts: None) if dry_run else keys.note,
            redactor=service.recorder.redactor,
            prompts=service.config.prompts,
            now_us=service.clock.time_us(),
            loads=orjson.loads,
            **wanted,
        )
        for path in paths
    ]
