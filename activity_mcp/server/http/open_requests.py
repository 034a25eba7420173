"""What the client still waits for."""

from __future__ import annotations

import asyncio

MAX_OPEN = 512


class OpenRequests:
    """The requests that were taken and not yet answered."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._waiter: tuple[int, asyncio.Future[None]] | None = None

    def opened(self, request_id: object) -> None:
        self._ids.add(str(request_id))

    def closed(self, request_id: object) -> None:
        self._ids.discard(str(request_id))
        if self._waiter is not None and len(self._ids) <= self._waiter[0] and not self._waiter[1].done():
            self._waiter[1].set_result(None)

    async def at_most(self, count: int) -> None:
        """Returns when no more than ``count`` are open. One caller at a time."""
        if len(self._ids) > count:
            self._waiter = (count, asyncio.get_running_loop().create_future())
            await self._waiter[1]
