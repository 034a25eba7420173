"""The turns of a session that are open: one, or one for each process that has the session open.

Two terminals may resume one session. Both append to its transcript in turn, and each goes on from its own last line
(``parentUuid``). So a line belongs to the turn whose chain it continues. One that goes on from a line of a turn that is over
is beside the open turns: it is another process's, or the person went back. What such a turn concluded is sent when its own
chain begins another turn, or when nothing follows. A line that continues nothing known, as after a compaction, belongs to the
turn of the line before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MAX_OPEN = 8
_FORM = "StructuredOutput"
"""The tool that ``claude -p --json-schema`` offers for the answer."""
_MAX_LINES = 256
"""So many of a turn's last lines can be continued: parallel calls have their results behind each of them."""


@dataclass(slots=True, eq=False)
class Turn:
    """``answer`` holds the texts of its last message; ``announced`` the id of the message, if the last one calls a tool.
    ``form_call`` is the call with which it answers in the form asked for; once that is accepted, the turn ends without a word.
    ``lines`` are the last ones of its chain, oldest first, each with the line that it follows.
    """

    prompt_key: str | None = None
    prompt_id: str | None = None
    answer: list[str] = field(default_factory=list)
    answer_id: str | None = None
    answer_us: int = 0
    announced: str | None = None
    form_call: object = None
    is_form_accepted: bool = False
    lines: dict[str, object] = field(default_factory=dict)

    def announce(self, message_id: str, ts_us: int, calls: list[dict[str, Any]]) -> None:
        """The message calls a tool: its text is no answer."""
        self.announced, self.answer_us, self.is_form_accepted = message_id, ts_us, False
        self.form_call = next((call.get("id") for call in calls if call.get("name") == _FORM), self.form_call)
        if self.answer_id == message_id:
            self.answer, self.answer_id = [], None

    def add_answer(self, message_id: str, text: str, ts_us: int) -> None:
        """The message ends with this text, unless more of it follows."""
        self.announced, self.is_form_accepted = None, False
        if self.answer_id != message_id:
            self.answer, self.answer_id = [], message_id
        if text not in self.answer:
            self.answer.append(text)
            self.answer_us = ts_us

    def take_result(self, block: dict[str, Any], ts_us: int) -> None:
        """The result of a call."""
        if self.form_call is not None and block.get("tool_use_id") == self.form_call and block.get("is_error") is not True:
            self.announced, self.is_form_accepted, self.answer_us = None, True, ts_us

    def take_answer(self) -> str | None:
        """What the turn concluded, "" for an answer that is no text, None for a turn without one; it is gone then."""
        text = "\n".join(self.answer) or ("" if self.is_form_accepted else None)
        self.answer, self.answer_id, self.is_form_accepted = [], None, False
        return text


class Turns:
    """``current`` is the turn of the line that was read last, ``open`` all that may go on, in the order in which they began."""

    def __init__(self) -> None:
        self.current = Turn()
        self.open = [self.current]
        self._ended: dict[str, object] = {}  # the last lines of turns that are over, oldest first

    @property
    def last_prompt_id(self) -> str | None:
        """The prompt of the turn that began last."""
        return next((turn.prompt_id for turn in reversed(self.open) if turn.prompt_key is not None), None)

    def follow(self, line: dict[str, Any]) -> None:
        """A line of the main conversation: its turn is the current one."""
        parent = line.get("parentUuid")
        if isinstance(parent, str) and parent not in self.current.lines:
            self.current = self._of_line_after(parent)
        _add(self.current.lines, line.get("uuid"), parent)

    def begin(self, line: dict[str, Any], prompt_key: str, prompt_id: str | None) -> None:
        """The turn of this prompt begins; the current one, which ``follow`` found for it, is over."""
        ended, self.current = self.current, Turn(prompt_key, prompt_id)
        self.open.remove(ended)
        self.open.append(self.current)
        _add(self.current.lines, line.get("uuid"), line.get("parentUuid"))
        _add(self._ended, line.get("parentUuid"), None)
        _move_what_follows(ended.lines, self.current.lines)
        for uuid, parent in ended.lines.items():
            if uuid not in self.current.lines:
                _add(self._ended, uuid, parent)

    def _of_line_after(self, parent: str) -> Turn:
        continued = next((turn for turn in self.open if parent in turn.lines), None)
        if continued is not None:
            return continued
        if parent not in self._ended or len(self.open) >= MAX_OPEN:
            return self.current
        beside = Turn()
        self.open.append(beside)
        return beside


def _move_what_follows(lines: dict[str, object], begun: dict[str, object]) -> None:
    """Lines that follow the prompt and were read before it: their times are a millisecond earlier (2.1.197)."""
    while moved := [uuid for uuid, parent in lines.items() if parent in begun and uuid not in begun]:
        for uuid in moved:
            _add(begun, uuid, lines[uuid])


def _add(lines: dict[str, object], uuid: Any, parent: object) -> None:
    if isinstance(uuid, str):
        lines[uuid] = parent
        if len(lines) > _MAX_LINES:
            del lines[next(iter(lines))]
