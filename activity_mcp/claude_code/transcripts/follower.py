"""Transcripts read while their sessions run: what no hook reports (tokens, denials, errors of the API) is there within seconds.

A hook at the end of a turn or of a session leaves a request (``session_state``); the leader takes it and reads what was added
to the transcript, and to those of its subagents, since the last time. Never in a hook's time, at most ``MAX_BYTES`` of a file a
turn of the leader; a reader is kept for the next request, so that a long transcript is read once. What was sent is in the
ledger of imports: another leader, or ``import``, goes on from there, and derived ids fold whatever is read twice all the same.
A transcript that was rewritten, shorter or longer, is one whose mark does not hold any more: it is read from its start.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .discovery import began_us
from .ledger import ImportLedger
from .reader import TranscriptReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...activity import Activity
    from ...clock import Clock
    from ..session_state import SessionState

MAX_BYTES = 8 * 1024 * 1024
MAX_REQUESTS = 8
MAX_READERS = 32
GROUP = 200
KEPT_STARTS_US = 35 * 86_400_000_000
"""How long a session's start is kept for the name of its end: longer than Claude Code keeps a transcript."""


class TranscriptFollower:
    """``make_reader(path, mark, copies)`` gives a reader of what is new behind the mark; ``append`` takes its activities.

    ``has_room`` returns whether the queue can take them without being in the way of live events.
    """

    def __init__(
        self,
        state: SessionState,
        ledger_path: str,
        *,
        make_reader: Callable[..., TranscriptReader],
        append: Callable[[Sequence[Activity]], object],
        has_room: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._state = state
        self._ledger_path = ledger_path
        self._make_reader = make_reader
        self._append = append
        self._has_room = has_room
        self._clock = clock
        self._readers: dict[str, TranscriptReader] = {}
        self._has_pruned = False

    def turn(self) -> None:
        """Read the requested transcripts. Raises a QueueRefused or OSError; what was not read is requested again."""
        if not self._has_room():
            return
        if not self._has_pruned:
            self._state.prune(self._clock.time_us() - KEPT_STARTS_US)
            self._has_pruned = True
        requests = self._state.take_requests(MAX_REQUESTS)
        for name, transcript in sorted(requests, key=lambda request: began_us(request[1])):  # a fork after what it copies
            try:
                is_done = all(self._read(path) for path in (transcript, *_subagents_of(transcript)))
            except BaseException:
                self._state.put_back(name, transcript)
                raise
            if not is_done:
                self._state.put_back(name, transcript)

    def _read(self, path: str) -> bool:
        """Whether it was read to its end, or is not there to be read."""
        size = _size(path)
        if size is None:
            self._readers.pop(path, None)
            return True
        ledger = ImportLedger(self._ledger_path)
        mark = ledger.mark(path)
        reader = self._readers.pop(path, None)  # and kept again once what it read is in the queue
        if reader is None or reader.position > size or (reader.mark is not None and mark is None):  # another file by now
            reader = self._make_reader(path, mark, ledger.owners().of(os.path.realpath(path)))
        group: list[Activity] = []
        for activity in reader.read_more(MAX_BYTES, self._clock.time_us()):
            group.append(activity)
            if len(group) == GROUP:
                self._append(group)
                group = []
        if group:
            self._append(group)
        ledger.commit([reader.mark])
        self._readers[path] = reader
        while len(self._readers) > MAX_READERS:
            del self._readers[next(iter(self._readers))]
        return reader.mark is None or reader.mark.size >= size


def _subagents_of(transcript: str) -> list[str]:
    """The transcripts of its subagents: ``<session>/subagents/*.jsonl`` beside ``<session>.jsonl``."""
    folder = os.path.join(transcript.removesuffix(".jsonl"), "subagents")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if name.endswith(".jsonl")]


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None
