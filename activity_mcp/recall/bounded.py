"""Dictionaries that cannot grow: of the values used last, at most so many; and the same for a time only.

They are cachetools' own, which is loaded with the first value: a command that keeps nothing does not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, MutableMapping

_Value = TypeVar("_Value")


class Newest(Generic[_Value]):
    """The values that were put or got last, at most ``size`` of them. Not safe to use from several threads at once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: MutableMapping[Hashable, _Value] | None = None

    def _made(self) -> MutableMapping[Hashable, _Value]:
        from cachetools import LRUCache

        return LRUCache(self._size)

    def get(self, key: Hashable) -> _Value | None:
        """The value, which counts as used now; None where there is none."""
        return None if self._values is None else self._values.get(key)

    def put(self, key: Hashable, value: _Value) -> None:
        """Keep the value, in place of the one used longest ago where there is no room."""
        if self._values is None:
            self._values = self._made()
        self._values[key] = value

    def drop(self, key: Hashable) -> None:
        """Forget the value, if there is one."""
        if self._values is not None:
            self._values.pop(key, None)


class Lasting(Newest[_Value]):
    """The same, each for ``ttl_s`` from when it was put; ``monotonic`` is the clock, in seconds."""

    def __init__(self, size: int, ttl_s: float, monotonic: Callable[[], float]) -> None:
        super().__init__(size)
        self._ttl_s = ttl_s
        self._monotonic = monotonic

    def _made(self) -> MutableMapping[Hashable, _Value]:
        from cachetools import TTLCache

        return TTLCache(self._size, ttl=self._ttl_s, timer=self._monotonic)
