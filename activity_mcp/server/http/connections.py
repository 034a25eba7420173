"""A connection over HTTP: how long it may take to send its request, and which one goes when there is no room.

    HEADERS_S   from the first moment, or the first byte of a later request, until its headers are complete
    BODY_S      from then until its body is

A client that has not shown the token costs a place until then, nothing more: when a new connection finds most places
taken, the oldest of those that have not is ended. So connections that say nothing, or little by little, keep nobody out.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from . import MAX_CONNECTIONS
from .guard import PROVEN

if TYPE_CHECKING:
    import asyncio

HEADERS_S = 10.0
BODY_S = 60.0
ROOM = 32
"""So many places are kept free: an ended connection leaves its own a moment later."""
_serial = itertools.count()


class BoundedProtocol(H11Protocol):
    """uvicorn's protocol with these bounds."""

    _deadline: asyncio.TimerHandle | None = None
    _awaited: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.number = next(_serial)
        self._set_deadline()
        if len(self.connections) > MAX_CONNECTIONS - ROOM:
            end_oldest_unproven(self.connections, but=self)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._set_deadline()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    @property
    def is_proven(self) -> bool:
        """Whether its last request bore the token."""
        return self.scope is not None and bool(self.scope["state"].get(PROVEN))

    def _set_deadline(self) -> None:
        """One deadline for what is waited for, however many pieces it comes in."""
        awaited = self._what_is_awaited()
        if awaited == self._awaited:
            return
        self._awaited = awaited
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if awaited is not None:
            self._deadline = self.loop.call_later(HEADERS_S if awaited == "headers" else BODY_S, self.transport.abort)

    def _what_is_awaited(self) -> str | None:
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            return "body"
        is_begun = self.cycle is None or bool(self.conn.trailing_data[0])
        return "headers" if state is h11.IDLE and is_begun else None  # between requests uvicorn's own patience holds


def end_oldest_unproven(connections: set[Any], *, but: Any) -> None:
    """Make a place, where somebody has one who has proven nothing."""
    unproven = [one for one in connections if one is not but and not one.is_proven and not one.transport.is_closing()]
    if unproven:
        min(unproven, key=lambda one: one.number).transport.abort()
