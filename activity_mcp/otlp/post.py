"""When the receiver listens: while its process leads, where somebody asked for it. And what it leaves for others to look at.

``otlp.json`` in the queue's directory says who listens where, what came, and why nobody listens; it is published by rename,
never synced, and lost without harm.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..fs import LOCAL
from ..plain_json import dumps, loads
from .token import made_token, stored_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock
    from .listener import Listener
    from .receiver import Receiver

FILE = "otlp.json"
RETRY_S = 5.0
WRITE_EVERY_S = 5.0


class ReceiverPost:
    """``port`` None: never. ``is_asked``: the environment names the port, so that a token is made where there is none.

    ``make_receiver(token)`` is called when the port is free.
    """

    def __init__(
        self,
        queue_dir: str,
        home: str,
        port: int | None,
        *,
        is_asked: bool,
        make_receiver: Callable[[str], Receiver],
        on_error: Callable[[BaseException], None],
        clock: Clock,
    ) -> None:
        self._path = os.path.join(queue_dir, FILE)
        self._home = home
        self._port = port
        self._is_asked = is_asked
        self._make_receiver = make_receiver
        self._on_error = on_error
        self._clock = clock
        self._listener: Listener | None = None
        self._next_try = 0.0
        self._next_write = 0.0
        self._written: dict[str, Any] = {}

    @property
    def port(self) -> int | None:
        """Where it listens; None while it does not."""
        return self._listener.port if self._listener is not None else None

    def keep(self, leads: bool) -> None:
        """Listen if this process leads, stop if it does not. For the leader's turn: it takes no time. Never raises OSError."""
        if self._port is None or (not leads and self._listener is None):
            return
        if not leads:
            self.close()
        elif self._listener is None:
            self._open()
        else:
            self._tell({"port": self._listener.port, **self._counted(self._listener.receiver)})

    def close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def _open(self) -> None:
        now = self._clock.monotonic()
        if now < self._next_try or self._port is None:
            return
        self._next_try = now + RETRY_S
        if not self._is_asked and stored_token(self._home) is None:
            return
        from .listener import Listener, PortTaken

        try:
            token = made_token(self._home)
            self._listener = Listener(self._make_receiver(token), self._port, self._on_error)
        except PortTaken:
            self._tell({"error": f"port {self._port} is taken by another program"})
        except OSError as error:
            self._tell({"error": f"nothing listens: {error.strerror or error}"})
            self._on_error(error)
        else:
            self._tell({"port": self._listener.port, "pid": os.getpid()})

    def _counted(self, receiver: Receiver) -> dict[str, Any]:
        counts = receiver.counts
        last = {} if counts.last_us is None else {"last_us": counts.last_us}
        return {"pid": os.getpid(), "stored": counts.stored, "left_out": counts.left_out, "other": counts.other_signals, **last}

    def _tell(self, state: dict[str, Any]) -> None:
        """Publish what changed, at most every few seconds; when a record came last is kept from one listener to the next."""
        now = self._clock.monotonic()
        before = self._written or read_state(os.path.dirname(self._path))
        state = {"last_us": before.get("last_us"), **state}
        if state == self._written or (now < self._next_write and "stored" in state):
            return
        self._next_write, self._written = now + WRITE_EVERY_S, state
        try:
            LOCAL.publish(self._path, dumps(state).encode("utf-8", "replace"), durable=False)
        except OSError as error:
            self._on_error(error)


def read_state(queue_dir: str) -> dict[str, Any]:
    """What the receiver left last: {port, pid, stored, left_out, other, last_us} or {error, last_us}; {} where it never ran."""
    try:
        found = loads(LOCAL.read(os.path.join(queue_dir, FILE), 4096))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
