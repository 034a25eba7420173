"""Claude Code's own list of what was typed, ``history.jsonl``: prompts whose transcripts are long deleted.

A line is ``{display, pastedContents, timestamp (ms), project, sessionId}``; older versions wrote no ``sessionId``. Slash
commands and ``!`` lines are in it too; they are no prompts. What was pasted is in ``display`` as
``[Pasted text #1 +9 lines]``, and in ``pastedContents`` itself or, where it is long, as the name of a file of ``paste-cache/``.
(Seen with 2.1.197 and 2.1.332.)

It names no prompt by its id, which hooks and transcripts do. So what they have recorded is handed in, and left out here
(``known_prompts``); and what is taken is named by its session, text and place among its repeats, which is noted, so that a
transcript that comes back from a backup names it likewise (``HistoryKeys``).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ...activity import Activity, Origin, build, derived_id, sha256_hex
from ...clock import iso
from ...fs import LOCAL
from ...fs import reader as open_regular
from .. import events
from ..ids import unnamed_prompt_key
from ..prompts import classified
from .known_prompts import Entry, unknown_entries
from .ledger import QUIET_US
from .lines import TranscriptLines
from .report import TranscriptReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ...redaction import Redactor
    from .known_prompts import KnownPrompt

FILE = "history.jsonl"
_PASTED = re.compile(r"\[(?:Pasted text|\.\.\.Truncated text) #(\d{1,6})(?: \+\d+ lines)?\.*\]")
_PASTE_FILE = re.compile(r"[0-9A-Za-z]{1,64}")
_MAX_PASTE_BYTES = 1 << 20
_MAX_SESSION_ID = 128
_FIRST_US = 1_577_836_800_000_000  # 2020: before it there was no Claude Code
_SHELL = "!"


class _Typed(NamedTuple):
    """A line that is a prompt, with its text as it was sent."""

    session_id: str | None
    project: str | None
    text: str
    ts_us: int


class HistoryReader:
    """Iterates over the prompts of one history file that are not known yet. ``report`` is complete when it is through.

    ``known`` are the prompts that hooks and transcripts have recorded; ``note_keys`` gets the keys of what is going to be sent,
    before it is. The other parameters are those of ``TranscriptReader``.
    """

    mark = None

    def __init__(
        self,
        path: str,
        *,
        known: Iterable[KnownPrompt],
        note_keys: Callable[[Iterable[tuple[str, str, int]]], None],
        origin_for: Callable[[str | None, str | None], Origin | None],
        redactor: Redactor,
        prompts: str,
        now_us: int,
        loads: Callable[[bytes], Any],
        since_us: int | None = None,
        kept_from_us: int | None = None,
        was_forgotten: Callable[[str, Origin, int], bool] | None = None,
    ) -> None:
        self.path = path
        self.report = TranscriptReport(files=1)
        self.position = 0
        self._known = known
        self._note_keys = note_keys
        self._origin_for = origin_for
        self._redactor = redactor
        self._prompts = prompts
        self._now_us = now_us
        self._loads = loads
        self._since_us = since_us
        self._kept_from_us = kept_from_us
        self._was_forgotten = was_forgotten or (lambda activity_id, origin, ts_us: False)

    def __iter__(self) -> Iterator[Activity]:
        try:
            entries = [self._entry(position, typed) for position, typed in self._typed(TranscriptReport())]
            wanted = {entry.position: entry for entry in unknown_entries(entries, self._known)}
            self.report.already = len(entries) - len(wanted)
            self._note_keys((entry.session_id, entry.prompt_hash, entry.repeat) for entry in wanted.values())
            for position, typed in self._typed(self.report):
                self.position = position
                if position in wanted:
                    yield from self._activity(wanted[position], typed)
        except OSError as error:
            self.report.unreadable.append(f"{self.path}: {error.strerror or error}")

    # --- lines

    def _typed(self, report: TranscriptReport) -> Iterator[tuple[int, _Typed]]:
        """The prompts of the file, each with the position of its line; what is none is counted."""
        with open_regular(self.path) as file:
            lines = TranscriptLines(file, self._loads)
            for piece in lines:
                if isinstance(piece.content, dict) and (typed := self._prompt_in(piece.content, report)) is not None:
                    yield piece.start + max(piece.nth, 0), typed
            report.lines, report.malformed, report.mended = lines.lines, lines.malformed, lines.mended

    def _prompt_in(self, line: dict[str, Any], report: TranscriptReport) -> _Typed | None:
        display, ts_us = line.get("display"), _time_us(line.get("timestamp"), self._now_us)
        if not isinstance(display, str):
            report.problems["display"] += 1
            return None
        if ts_us is None:
            report.problems["timestamp"] += 1
            return None
        if ts_us > self._now_us - QUIET_US:
            report.skipped_types["young"] += 1  # its hook, or its transcript, may still come
            return None
        words = None if display.lstrip().startswith(_SHELL) else classified("prompt", self._with_pasted(display, line))
        if words is None or words.kind != "prompt":
            report.skipped_types["command"] += 1
            return None
        return _Typed(_text(line.get("sessionId"), _MAX_SESSION_ID), _text(line.get("project"), 4096), words.text, ts_us)

    def _with_pasted(self, display: str, line: dict[str, Any]) -> str:
        """The text as it was sent: with what was pasted, as far as it is there."""
        pasted = line.get("pastedContents")
        if not isinstance(pasted, dict) or not pasted:
            return display
        return _PASTED.sub(lambda found: self._pasted(pasted.get(found[1])) or found[0], display)

    def _pasted(self, content: Any) -> str | None:
        if not isinstance(content, dict) or content.get("type", "text") != "text":
            return None
        if isinstance(content.get("content"), str):
            return str(content["content"])
        name = content.get("contentHash")
        if not isinstance(name, str) or not _PASTE_FILE.fullmatch(name):
            return None
        path = os.path.join(os.path.dirname(self.path), "paste-cache", f"{name}.txt")
        try:
            if os.path.getsize(path) > _MAX_PASTE_BYTES:
                return None
            return LOCAL.read(path, _MAX_PASTE_BYTES).decode("utf-8", "replace")
        except OSError:
            return None

    # --- prompts

    def _entry(self, position: int, typed: _Typed) -> Entry:
        return Entry(position, _session_of(typed), sha256_hex(typed.text), typed.ts_us, is_named=typed.session_id is not None)

    def _activity(self, entry: Entry, typed: _Typed) -> Iterator[Activity]:
        report = self.report
        report.saw(typed.ts_us)
        if self._since_us is not None and typed.ts_us < self._since_us:
            report.before_since += 1
            return
        origin = self._origin_for(entry.session_id, typed.project)
        if origin is None:
            report.ignored += 1
            return
        draft = events.prompt_activity(
            unnamed_prompt_key(entry.session_id, typed.text, entry.repeat),
            entry.session_id,
            typed.text,
            policy=self._prompts,
            redactor=self._redactor,
        )
        forgotten = derived_id("session_event", "user_prompt", unnamed_prompt_key(entry.session_id, typed.text))
        if any(self._was_forgotten(name, origin, typed.ts_us) for name in (draft.activity_id, forgotten)):
            report.forgotten += 1
            return
        report.sessions.add(entry.session_id)
        report.activities[draft.event_name] += 1
        report.too_old += self._kept_from_us is not None and typed.ts_us < self._kept_from_us
        yield build(
            draft.event_name,
            draft.features,
            origin,
            now_us=self._now_us,
            activity_id=draft.activity_id,
            ts=typed.ts_us,
            strict=False,
        )


def _session_of(typed: _Typed) -> str:
    """The session; of a line that names none, one for each day of a project."""
    return typed.session_id or f"history-{iso(typed.ts_us)[:10]}-{sha256_hex(typed.project or '')[:8]}"


def _text(value: Any, limit: int) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= limit else None


def _time_us(milliseconds: Any, now_us: int) -> int | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)):
        return None
    if not _FIRST_US <= milliseconds * 1000 <= now_us + 86_400_000_000:
        return None
    return int(milliseconds * 1000)
