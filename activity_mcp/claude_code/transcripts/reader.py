"""Claude Code's transcripts, read as activities: one file, one line at a time, in the memory of what is still open.

``conversation`` turns the lines into events; here those become activities of the import, without those that an earlier
import sent, that are older than requested, or whose project is excluded from recording.

What only the end of the file completes is left open until the file has been quiet for 30 minutes by its own timestamps (see
``ledger``), so that a session that is running is never recorded as ended. Lines that are broken, unknown or only half usable
are counted in the report, never fatal; so is a file that cannot be read.

Memory: open calls, the open response of each chain, one small record per session of the file, and about 50 bytes for each
event seen, by which replayed lines are recognised. Nothing grows with the length of the texts.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from ...activity import Activity, Origin, build, dump_json
from ...fs import reader as open_regular
from ..events import UNANSWERED
from .conversation import Conversation
from .copies import Copies
from .key_set import KeySet
from .ledger import FileMark, fingerprint_of, is_quiet
from .lines import TranscriptLines
from .order import by_time, is_in_order
from .report import TranscriptReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from ...redaction import Redactor
    from ..draft import EventDraft
    from .lines import Piece
    from .open_state import Session
    from .responses import Chain

__all__ = ["TranscriptReader", "TranscriptReport"]


class TranscriptReader:
    """Iterates over the activities of one transcript that are new. When it is through, ``report`` and ``mark`` are complete.

    ``origin_for(session_id, cwd)`` gives their origin, None to leave a session out; ``mark`` is how far an earlier import
    came. Afterwards ``self.mark`` is what to commit to the ledger, None when there is nothing to remember. ``seen`` is shared
    by the readers of one import, so that what several files repeat is sent once. ``since_us`` leaves out what is older,
    ``was_forgotten(id, origin, ts_us)`` what was forgotten on request. ``start_of``, ``repeats_of`` and ``noted_key`` are
    those of ``SessionState``, ``history_key`` of ``HistoryKeys``; ``copies`` holds the lines of other files. What is older
    than ``kept_from_us`` the warehouse will not keep: it is counted, and sent again by an import with a longer retention.
    ``estimate(features, ts_us)`` adds to an llm_event what it cost. ``lines_of(record)`` says a record of another agent's file
    in the lines of Claude Code's transcripts; it is called once for each, in order.
    """

    def __init__(
        self,
        path: str,
        *,
        origin_for: Callable[[str, str | None], Origin | None],
        redactor: Redactor,
        prompts: str,
        now_us: int,
        mark: FileMark | None = None,
        since_us: int | None = None,
        seen: KeySet | None = None,
        loads: Callable[[bytes], Any] = json.loads,
        dumps: Callable[[Any], bytes] = dump_json,
        was_forgotten: Callable[[str, Origin, int], bool] | None = None,
        start_of: Callable[[str], str | None] = lambda session_id: None,
        repeats_of: Callable[[str], int] = lambda key: 0,
        noted_key: Callable[[str, str], str | None] = lambda session_id, text: None,
        history_key: Callable[[str, str], str | None] = lambda session_id, text: None,
        copies: Copies | None = None,
        kept_from_us: int | None = None,
        estimate: Callable[[dict[str, Any], int], None] = lambda features, ts_us: None,
        lines_of: Callable[[dict[str, Any]], Iterable[dict[str, Any]]] = lambda record: (record,),
    ) -> None:
        self.path = path
        self.report = TranscriptReport(files=1)
        self.mark: FileMark | None = None
        self._origin_for = origin_for
        self._now_us = now_us
        self._earlier = mark
        self._since_us = since_us
        self._kept_from_us = kept_from_us
        self._estimate = estimate
        self._lines_of = lines_of
        self._loads = loads
        self._dumps = dumps
        self._was_forgotten = was_forgotten or (lambda activity_id, origin, ts_us: False)
        self._copies = copies if copies is not None else Copies()
        self._conversation = Conversation(
            path,
            send=self._send,
            report=self.report,
            redactor=redactor,
            prompts=prompts,
            now_us=now_us,
            seen=seen if seen is not None else KeySet(),
            start_of=start_of,
            repeats_of=repeats_of,
            noted_key=noted_key,
            history_key=history_key,
            copies=self._copies,
        )
        self._origins: dict[str, tuple[str | None, Origin | None]] = {}
        self._out: list[Activity] = []
        self._position = 0  # of the line being read
        self._closed: set[str] | None = None  # ids that the end of the file completed, once it is reached
        self._unanswered = set(mark.unanswered) if mark is not None else set[str]()
        self._left_out = False
        self._settled: dict[Chain, str] = {}  # of each chain the response that was sent though none had followed it

    @property
    def position(self) -> int:
        """Where in the file the line being read begins, in bytes."""
        return self._position

    def __iter__(self) -> Iterator[Activity]:
        try:
            with open_regular(self.path) as file:
                yield from self._read(file)
        except OSError as error:
            self.report.unreadable.append(f"{self.path}: {error.strerror or error}")

    def _read(self, file: BinaryIO) -> Iterator[Activity]:
        in_order = is_in_order(TranscriptLines(file, self._loads))
        file.seek(0)
        lines = TranscriptLines(file, self._loads)
        for piece in lines if in_order else map(lines.again, by_time(lines)):
            self._take(piece)
            if self._out:
                yield from self._drain()
        quiet = is_quiet(self._last_us(file), self._now_us)
        if quiet:
            for piece in lines.take_tail():
                self._take(piece)
                lines.position += len(lines.tail)
                lines.tail = b""
        self._position = lines.position
        self._conversation.pause()
        if quiet:
            self._closed = set()
            self._conversation.close()
        self.report.lines, self.report.malformed, self.report.mended = lines.lines, lines.malformed, lines.mended
        yield from self._drain()
        self.mark = self._marked(file, lines.position + len(lines.tail), quiet)

    def read_more(self, max_bytes: int, now_us: int) -> Iterator[Activity]:
        """What whole lines were added since the last call, up to so many bytes; the session is not taken to be over.

        Raises OSError. Afterwards ``mark`` is what to commit, and ``position`` shows whether there is more.
        """
        self._now_us, began = now_us, self._position
        with open_regular(self.path) as file:
            file.seek(began)
            lines = TranscriptLines(file, self._loads, position=began)
            for piece in lines:
                self._take(piece)
                if self._out:
                    yield from self._drain()
                if lines.position - began >= max_bytes:
                    break
            self._position = lines.position
            self._conversation.pause()
            self._settled |= self._conversation.settle()
            yield from self._drain()
            self.mark = self._marked(file, lines.position + len(lines.tail), quiet=False)

    def _take(self, piece: Piece) -> None:
        self._position = piece.position
        if isinstance(piece.content, str):
            self._conversation.damaged(piece.content)
        else:
            for line in self._lines_of(piece.content):
                self._conversation.take(line, piece.position)

    def _drain(self) -> list[Activity]:
        out, self._out = self._out, []
        return out

    def _send(self, session: Session, draft: EventDraft, ts_us: int, position: int | None) -> None:
        """Hand the event on, unless it was sent by an earlier import or is not wanted.

        ``position`` is where it was complete, None for the line being read.
        """
        position = self._position if position is None else position
        activity_id, report, earlier = draft.activity_id, self.report, self._earlier
        report.sessions.add(session.id)
        is_answer = UNANSWERED not in draft.features
        is_too_old = self._kept_from_us is not None and ts_us < self._kept_from_us
        if earlier is not None and earlier.has(activity_id, position, ts_us, is_answer=is_answer, is_too_old=is_too_old):
            report.already += 1
        elif self._since_us is not None and ts_us < self._since_us:
            report.before_since += 1
            self._left_out = self._left_out or earlier is None or position >= earlier.position
            return
        elif (origin := self._origin(session)) is None:
            report.ignored += 1
            return
        elif self._was_forgotten(activity_id, origin, ts_us):
            report.forgotten += 1
        else:
            self._out.append(self._built(draft, origin, ts_us))
            report.activities[draft.event_name] += 1
            report.too_old += is_too_old
            if draft.event_name == "llm_event":
                report.spent(draft.features)
        if not is_answer:
            self._unanswered.add(activity_id)
        else:
            self._unanswered.discard(activity_id)
            if self._closed is not None:
                self._closed.add(activity_id)

    def _built(self, draft: EventDraft, origin: Origin, ts_us: int) -> Activity:
        if draft.event_name == "llm_event":
            self._estimate(draft.features, ts_us)
        link = draft.features.pop("link", None)  # a column of its own
        return build(
            draft.event_name,
            draft.features,
            origin,
            now_us=self._now_us,
            activity_id=draft.activity_id,
            ts=ts_us,
            link=link,
            strict=False,
            dumps=self._dumps,
        )

    def _origin(self, session: Session) -> Origin | None:
        """The origin of the session, by its first folder: a session's first lines may not name it yet."""
        known = self._origins.get(session.id)
        if known is None or known[0] != session.cwd:
            known = (session.cwd, self._origin_for(session.id, session.cwd))
            self._origins[session.id] = known
        return known[1]

    def _last_us(self, file: BinaryIO) -> int | None:
        """When the session last wrote: by its own timestamps, unless its clock was ahead; then by the file's."""
        last_us = self.report.last_ts_us
        if last_us is None or last_us <= self._now_us:
            return last_us
        return min(last_us, os.fstat(file.fileno()).st_mtime_ns // 1000)

    def _marked(self, file: BinaryIO, size: int, quiet: bool) -> FileMark | None:
        """How far this import came, for the next one."""
        if self.report.ignored and not self.report.activities:
            return None  # the project may be recorded one day: nothing of the file was sent, so there is nothing to remember
        earlier, since_us = self._earlier, self._since_us
        if not self._left_out:  # all that is new was taken: the mark covers what either import took
            older = earlier.since_us if earlier is not None else None
            since_us = min(older, since_us) if older is not None and since_us is not None else None
        if self._kept_from_us is not None and (self.report.first_ts_us or 0) < self._kept_from_us:
            since_us = max(since_us or 0, self._kept_from_us)
        closed = self._closed if self._closed is not None else (earlier.closed if earlier is not None else ())
        return FileMark(
            path=os.path.realpath(self.path),
            position=self._position,
            size=size,
            fingerprint=fingerprint_of(file, self._position),
            settled=quiet,
            last_ts_us=self._last_us(file),
            since_us=since_us,
            closed=frozenset(closed) | frozenset(self._settled.values()),
            unanswered=frozenset(self._unanswered),
            lines=frozenset[str]() if self._left_out else self._copies.lines(),
        )
