"""How the turns of a session ended: with a conclusion, or stopped by an API error, the user, or the death of the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import events
from .open_state import known_as

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...redaction import Redactor
    from .open_state import Session


class Turns:
    """``send(session, draft, ts_us)`` receives each end; ``seen`` holds what is known, as ``known_as`` names it."""

    def __init__(
        self,
        send: Callable[[Session, events.Draft, int], None],
        *,
        redactor: Redactor,
        prompts: str,
        seen: set[bytes],
    ) -> None:
        self._send = send
        self._redactor = redactor
        self._prompts = prompts
        self._seen = seen

    def end(self, session: Session) -> None:
        """Another turn begins, or nothing follows: what was said last was concluded; a call that was announced last was not."""
        if session.announced is not None:
            self.stop(session, "unfinished", session.answer_us)
        text = "\n".join(session.answer)
        session.answer, session.answer_id = [], None
        if not text:
            return
        draft = self._concluded(session, session.prompt_id, text)
        if session.prompt_id is None and known_as(draft[1]) in self._seen:  # the same words as at the end of another turn
            draft = self._concluded(session, session.prompt_key, text)
        self._tell(session, draft, session.answer_us)

    def stop(self, session: Session, reason: str, ts_us: int, error: str | None = None) -> None:
        """The turn concludes nothing, for this reason (``events.turn_stopped_activity``)."""
        session.answer, session.answer_id, session.announced = [], None, None
        key = session.prompt_id or session.prompt_key
        self._tell(session, events.turn_stopped_activity(session.id, key, reason, error, self._redactor), ts_us)

    def _tell(self, session: Session, draft: events.Draft, ts_us: int) -> None:
        found = {"prompt_id": session.prompt_id, "git_branch": session.branch}
        draft[2].update({name: value for name, value in found.items() if value})
        self._send(session, draft, ts_us)

    def _concluded(self, session: Session, prompt_key: str | None, text: str) -> events.Draft:
        return events.turn_end_activity(session.id, prompt_key, text, policy=self._prompts, redactor=self._redactor)
