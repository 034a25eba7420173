"""The follower of a server that leads: readers as an import makes them, one at a time, for sessions that run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import orjson

from ...recording.tombstones import Tombstones
from .discovery import ImportOrigins
from .follower import TranscriptFollower
from .reader import TranscriptReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...activity import Origin
    from ...clock import Clock
    from ...config import Config
    from ...identity import Identity
    from ...redaction import Redactor
    from ..session_state import SessionState
    from .copies import Copies
    from .ledger import FileMark


def live_follower(
    state: SessionState,
    queue_dir: str,
    *,
    identity: Identity,
    config: Config,
    redactor: Redactor,
    estimate: Callable[..., Any],
    append: Callable[..., object],
    has_room: Callable[[], bool],
    clock: Clock,
) -> TranscriptFollower:
    """Reads what one queue's hooks request. ``redactor`` is the server's own, for names; ``estimate`` prices a response."""

    def was_forgotten(activity_id: str, origin: Origin, ts_us: int) -> bool:
        tombstones = Tombstones(config.home)  # as they are now: a reader outlives many of its requests
        return tombstones.covers(activity_id, origin.session_id, origin.project, ts_us)

    def make_reader(path: str, mark: FileMark | None, copies: Copies) -> TranscriptReader:
        return TranscriptReader(
            path,
            origin_for=ImportOrigins(identity, config.org_id, redactor),
            redactor=config.redactor(),
            prompts=config.prompts,
            now_us=clock.time_us(),
            mark=mark,
            loads=orjson.loads,
            dumps=orjson.dumps,
            was_forgotten=was_forgotten,
            start_of=state.start_of,
            repeats_of=state.repeats_of,
            noted_key=state.prompt_key,
            copies=copies,
            estimate=estimate,
        )

    ledger = os.path.join(queue_dir, "imports.json")
    return TranscriptFollower(state, ledger, make_reader=make_reader, append=append, has_room=has_room, clock=clock)
