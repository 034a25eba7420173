"""When the leader folds: what it appends is in the stream at once, and in the contexts after a fold, a few seconds later.

Most of what a small flush would cost is planning the refresh sequence. So the first events after a rest are folded at once, and
under load every ``FOLD_EVERY_S`` pays for it once; a caller that waits for the contexts has them folded before.

The search index takes the same rows just before a fold does (``search.feed``), for they lie together only until then. Of a
backlog it takes them while they are folded: two cores then do in the time of one what is worth a thread. After a small flush
the second core is better left to ``get_context``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..recording.event_catalogue import ERROR_RECOVERY

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..clock import Clock
    from ..queue import Offset
    from ..warehouse import Sink
    from ..warehouse.base import Capabilities, Folded

FOLD_EVERY_S = 3.0
FOLD_ROWS = 30_000
"""As many rows are folded without waiting: the next fold would take longer than a turn should."""
BESIDE_ROWS = 10_000
"""More than these are indexed while they are folded."""


class Folding:
    """What one leader has appended to ``sink`` and not folded yet, and how far the contexts are.

    ``before`` is called before each fold, whose rows lie in the warehouse until it is over; ``beside``, where there is one,
    folds a backlog and does the same meanwhile.
    ``offset``: everything of the channel up to there is in the contexts; None where that is unknown.
    """

    def __init__(
        self,
        sink: Sink,
        capabilities: Capabilities,
        *,
        before: Callable[[], None] = lambda: None,
        beside: Callable[[], Folded] | None = None,
        clock: Clock,
    ) -> None:
        self._sink = sink
        self._before = before
        self._beside = beside
        self._folds_on_request = capabilities.folds_on_request
        self._clock = clock
        self._last = -1e9
        self.rows = 0
        self.is_pending = False
        self.offset: Offset | None = None

    def began(self) -> None:
        """This process leads: the one before may have died between an append and its fold."""
        self.rows, self.is_pending, self.offset, self._last = 0, self._folds_on_request, None, -1e9

    def appended(self, rows: int) -> None:
        self.rows += rows
        self.is_pending = self.is_pending or rows > 0

    def is_due(self) -> bool:
        return self.is_pending and (self.is_full() or self._clock.monotonic() - self._last >= FOLD_EVERY_S)

    def is_full(self) -> bool:
        return self.rows >= FOLD_ROWS

    def fold(self, committed: Offset | None) -> Folded:
        """Fold all there is; ``committed`` is the channel's offset now.

        Raises what the sink raises: what is not folded is due again after a while.
        """
        self._last = self._clock.monotonic()
        folded = self._fold()
        self._last = self._clock.monotonic()
        self.rows, self.is_pending = 0, False
        self.offset = committed or self.offset
        return folded

    def _fold(self) -> Folded:
        if self._beside is not None and self.rows > BESIDE_ROWS:
            return self._beside()
        self._before()
        return self._sink.fold()

    def may_have_changed(self) -> bool:
        """Whether the contexts may be others than when this began: something was folded, or a task folds when it likes."""
        return self.offset is not None or not self._folds_on_request

    def known_offset(self) -> Offset | None:
        """Up to where segments are in the contexts for certain; None where a task of the engine's own folds."""
        return self.offset if self._folds_on_request else None


def left_out_event(reason: str) -> dict[str, Any]:
    """The system_event for an activity that the contexts are without."""
    return ERROR_RECOVERY.features(
        f"an activity is in the stream and not in the contexts, which cannot take it: {reason[:300]}",
        severity="error",
        action_taken="left_out_of_contexts",
    )
