"""Prompts typed while Claude works, from the queue's own lines (``queue-operation``).

    enqueue     typed; ``content`` is its text
    dequeue     the first of the queue becomes the next turn's prompt, on a line of its own
    remove      handed to the model within the running turn. Since 2.1.43 or so a ``queued_command`` attachment reports it
                as well; before, nothing else does. Since 2.1.246 with a ``reason``, absorbed_mid_turn
    popAll      taken back, to be edited: that with this ``content``; the whole queue where there is none, or it is all in one

The queue is first in, first out, and no line names another; later versions write the content on every line. So a prompt that
left by ``remove`` is recorded here when its turn is over and no other line has reported it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..prompts import is_command, text_of
from .open_state import Waiting

if TYPE_CHECKING:
    from .open_state import Session

ABSORBED = "absorbed_mid_turn"


def follow(session: Session, line: dict[str, Any], ts_us: int) -> None:
    """Take one ``queue-operation``."""
    operation, text = str(line.get("operation")), text_of(line.get("content")).strip()
    name = (operation, text, ts_us)
    if text and name in session.queue_lines:
        return  # the line is written twice; without a text it may be another that left at the same time
    session.queue_lines.add(name)
    if operation == "enqueue":
        session.queue.append(Waiting(text, ts_us))
    elif operation == "popAll" and all(waiting.text != text for waiting in session.queue):
        session.queue.clear()
    elif operation in ("dequeue", "remove", "popAll") and (waiting := _leaving(session, text)) is not None:
        session.queue.remove(waiting)
        is_absorbed = operation == "remove" and line.get("reason", ABSORBED) == ABSORBED
        if is_absorbed and waiting.text and not waiting.is_recorded and not is_command(waiting.text):
            session.absorbed.append(waiting)


def _leaving(session: Session, text: str) -> Waiting | None:
    named = next((waiting for waiting in session.queue if text and waiting.text == text), None)
    return named or (session.queue[0] if session.queue else None)


def mark_recorded(session: Session, text: str) -> None:
    """This prompt has a line of its own, and is recorded by it."""
    text = text.strip()
    for waiting in session.absorbed:
        if waiting.text == text:
            session.absorbed.remove(waiting)
            return
    for waiting in session.queue:
        if waiting.text == text and not waiting.is_recorded:
            waiting.is_recorded = True
            return
