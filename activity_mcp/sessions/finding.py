"""What finds things again, over one queue and one warehouse; each part is loaded when it is first used."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock
    from ..search.feed import IndexFeed
    from ..search.searcher import Searcher
    from ..warehouse.adapter import Adapter
    from .reader import SessionReader


class Finding:
    """``feed`` belongs to the process that leads, and is None where the warehouse is searched by SQL."""

    def __init__(
        self,
        directory: str,
        adapter: Adapter,
        own_project: str | None,
        on_error: Callable[[BaseException], None],
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._adapter = adapter
        self._own_project = own_project
        self._on_error = on_error
        self._clock = clock

    @cached_property
    def feed(self) -> IndexFeed | None:
        history = self._adapter.history
        if history is None:
            return None
        from ..search.feed import IndexFeed

        return IndexFeed(self._directory, history, on_error=self._on_error, clock=self._clock)

    def hold_less(self) -> None:
        """Index in less memory, somewhat slower. Before the first use."""
        if self.feed is not None:
            self.feed.hold_less()

    def close(self) -> None:
        """Let go of the index, as a process does that leads no more."""
        feed: IndexFeed | None = self.__dict__.get("feed")
        if feed is not None:
            feed.close()

    @cached_property
    def searcher(self) -> Searcher:
        from ..search.searcher import Searcher

        return Searcher(
            self._directory,
            lambda: self._adapter.queries,
            has_index=self._adapter.history is not None,
            own_project=self._own_project,
            clock=self._clock,
        )

    @cached_property
    def sessions(self) -> SessionReader:
        from .reader import SessionReader

        return SessionReader(self._directory, lambda: self._adapter.queries, self._clock, exists=self._adapter.exists)
