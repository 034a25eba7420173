"""How many rows a batch holds: bounded by the memory their refresh takes, and smaller for a while after a failure.

What an engine needs for a batch does not follow from its rows alone: each JSON expression of the refresh keeps the parsed
documents of a whole vector of rows, so a byte of text costs some 60 bytes of memory and a value of dense JSON some 500.
``weight`` counts in bytes of text. It is an estimate that keeps ordinary batches clear of the limit; what makes every queue
drain is that a batch which fails is halved, down to one row. A size that failed is not tried again before ``REMEMBER_S`` are
over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..clock import Clock
    from .base import Row

REMEMBER_S = 600.0
MIN_WEIGHT = 1
VECTOR_ROWS = 2048
"""As many rows an engine works on at a time (DuckDB's STANDARD_VECTOR_SIZE): only what is in one vector adds up."""
WEIGHT_OF_A_VALUE = 8


def weight(row: Row) -> int:
    """What the refresh makes of the row, in bytes of text: one for each of its JSON, eight more for each value and key."""
    text = row.feature_json
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return size + WEIGHT_OF_A_VALUE * sum(map(text.count, ",:[{"))


class BatchSize:
    """The bound on a batch's weight: ``max_weight``, or less after a failure. One for each flusher."""

    def __init__(self, max_weight: int, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._max = max_weight
        self._limit = max_weight
        self._clock = clock
        self._failed_at: float | None = None

    @property
    def reduced(self) -> int | None:
        """The bound after a failure, for the next flusher to go on with; None where there was none lately."""
        return None if self._failed_at is None else self._limit

    def resume(self, reduced: object) -> None:
        """Go on with the bound of the flusher before (``reduced``), if that had one."""
        if type(reduced) is int and MIN_WEIGHT <= reduced < self._limit:
            self._limit, self._failed_at = reduced, self._clock.monotonic()

    def end(self, weights: Sequence[int], start: int) -> int:
        """Where a batch ends that begins with row ``start`` of those that weigh ``weights``. It has a row at least."""
        in_vector = 0
        for number in range(start, len(weights)):
            in_vector += weights[number] - (weights[number - VECTOR_ROWS] if number - start >= VECTOR_ROWS else 0)
            if in_vector > self._limit and number > start:
                return number
        return len(weights)

    def failed(self, weights: Sequence[int]) -> None:
        """A batch of rows that weigh so much failed and a smaller one may pass: the next weighs at most half of it.

        Half of the bound as well, which a batch of many vectors may exceed as a whole.
        """
        self._limit = max(MIN_WEIGHT, min(self._limit, sum(weights)) // 2)
        self._failed_at = self._clock.monotonic()

    def passed(self) -> None:
        """A batch passed: long after the last failure the next may be twice as large."""
        if self._failed_at is None or self._clock.monotonic() - self._failed_at < REMEMBER_S:
            return
        self._limit = min(self._max, self._limit * 2)
        if self._limit == self._max:
            self._failed_at = None
