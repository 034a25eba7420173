"""Calls of tools: the arguments checked whole before anything is done, the answer or the error as text, and the call noted.

Nothing a call does can end the server: an ``ActivityError`` becomes a tool error that says what to change; anything else
becomes one clear line for the caller and a traceback in the log. Each call is noted by ``record_call``, once it is answered.
Both ways to the tools, the front and the SDK, make their calls here.
"""

from __future__ import annotations

import time
from _thread import allocate_lock
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NamedTuple

from ..activity import new_id
from ..clock import SYSTEM_CLOCK
from ..errors import ActivityError
from .logs import call_id, get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .tools import ToolSpec

    Recording = Callable[..., None]


class Answer(NamedTuple):
    """What a tool answers: its text, and the structured content that is encoded already; without that it is an error."""

    text: str
    structured: bytes | None = None


class _Outcome(NamedTuple):
    """How a call ended: what is answered, and what is noted: how long it took, and what was found, or the error's type."""

    answer: Answer
    latency_ms: float
    found: Mapping[str, Any] | None
    error_type: str = ""


class Caller:
    """Makes calls, which ``record_call`` of a service notes. ``timer`` gives seconds."""

    def __init__(self, record_call: Recording, *, timer: Callable[[], float] = time.perf_counter) -> None:
        self._record_call = record_call
        self._timer = timer

    def begin(self, spec: ToolSpec, given: Mapping[str, Any], tool_use_id: str | None = None) -> Call:
        """One call, its clock started. ``tool_use_id`` is the client's own name for it."""
        return Call(self._record_call, spec, given, self._timer, tool_use_id)


class Call:
    """One call of one tool: ``now`` if it can be answered at once, then ``note``; else ``run`` on its lane, which notes it too;
    ``abandon`` when nobody waits."""

    def __init__(
        self,
        record_call: Recording,
        spec: ToolSpec,
        given: Mapping[str, Any],
        timer: Callable[[], float],
        tool_use_id: str | None,
    ) -> None:
        self.spec = spec
        self._record_call = record_call
        self._given = given
        self._timer = timer
        self._tool_use_id = tool_use_id
        self._began = timer()
        self._outcome: _Outcome | None = None
        self._lock = allocate_lock()
        self._noted = False
        self._id = ""

    def id(self) -> str:
        """That of the event that notes it; made when it is needed, which is after most answers."""
        with self._lock:
            self._id = self._id or new_id(SYSTEM_CLOCK.time_us())
        return self._id

    def now(self) -> Answer | None:
        """The answer, which is not noted yet; or None where the tool has to block for it. Never raises."""
        if self.spec.at_once is not None:
            self._outcome = copy_context().run(self._ended, self.spec.at_once, {})
        return None if self._outcome is None else self._outcome.answer

    def run(self, cancelled: Callable[[], bool] = lambda: False) -> Answer:
        """The answer, on a thread that may block. Never raises. ``cancelled`` turns true when nobody waits for it any more."""
        more = {"cancelled": cancelled} if self.spec.lane == "slow" else {}
        outcome = copy_context().run(self._ended, self.spec.answer, more)
        assert outcome is not None
        self._note_outcome(outcome)
        return outcome.answer

    def note(self) -> None:
        """Note what ``now`` has answered: once the client has it, so that it does not wait for that. Never raises."""
        if self._outcome is not None:
            self._note_outcome(self._outcome)

    def abandon(self) -> None:
        """Note that it was cancelled; whatever it still comes to is not noted."""
        self._note({"success": False, "error_type": "Cancelled"}, self._elapsed_ms())

    def _ended(self, ask: Callable[..., Mapping[str, Any] | None], more: dict[str, Any]) -> _Outcome | None:
        call_id.set(self.id)
        try:
            found = ask(**self.spec.accepted.check(self._given), **more)
            if found is None:
                return None
            encoded = self.spec.encode(found)
            return _Outcome(Answer(encoded.decode(), encoded), self._elapsed_ms(), found)
        except Exception as error:
            return _Outcome(Answer(_explanation(self.spec.name, error)), self._elapsed_ms(), None, type(error).__name__)

    def _elapsed_ms(self) -> float:
        return (self._timer() - self._began) * 1000

    def _note_outcome(self, outcome: _Outcome) -> None:
        if outcome.found is None:
            self._note({"success": False, "error_type": outcome.error_type}, outcome.latency_ms)
            return
        facts: dict[str, Any] = {"success": True}
        try:
            facts.update(self.spec.observe(outcome.found, len(outcome.answer.structured or b"")))
        except Exception:
            get_logger(__name__).warning("of a call only its time could be noted", tool=self.spec.name, exc_info=True)
        self._note(facts, outcome.latency_ms)

    def _note(self, facts: dict[str, Any], latency_ms: float) -> None:
        with self._lock:
            noted, self._noted = self._noted, True
        if noted or (self.spec.records_itself and facts["success"]):
            return
        # What carries an insight or an artifact is known by its method: a refused call must not look like one.
        method = f"tools/call {self.spec.name}" if self.spec.records_itself else self.spec.name
        if self._tool_use_id is not None:
            facts["tool_use_id"] = self._tool_use_id
        try:
            self._record_call(method, latency_ms, activity_id=self.id(), **facts)
        except Exception:
            get_logger(__name__).warning("a call could not be noted", tool=self.spec.name, exc_info=True)


def _explanation(tool: str, error: Exception) -> str:
    if isinstance(error, ActivityError):
        get_logger(__name__).info("a tool call was refused", tool=tool, error=error.describe())
        return error.describe()
    get_logger(__name__).error("a tool call failed unexpectedly", tool=tool, exc_info=error)
    return f"{tool} failed unexpectedly ({type(error).__name__}); nothing was acknowledged. The log on stderr says why."
