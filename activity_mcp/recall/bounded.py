"""Dictionaries that cannot grow: of the values used last, at most so many; and the same for a time only.

What keeps the newest is cachetools, loaded with the first value: a command that keeps nothing does not pay for it.
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

    def get(self, key: Hashable) -> _Value | None:
        """The value, which counts as used now; None where there is none."""
        try:
            return None if self._values is None else self._values[key]
        except KeyError:
            return None

    def put(self, key: Hashable, value: _Value) -> None:
        """Keep the value, in place of the one used longest ago where there is no room."""
        if self._values is None:
            from cachetools import LRUCache

            self._values = LRUCache(self._size)
        self._values[key] = value

    def drop(self, key: Hashable) -> None:
        """Forget the value, if there is one."""
        if self._values is not None:
            self._values.pop(key, None)


class Lasting(Generic[_Value]):
    """The same, each for ``ttl_s`` from when it was put; ``monotonic`` is the clock, in seconds."""

    def __init__(self, size: int, ttl_s: float, monotonic: Callable[[], float]) -> None:
        self._values: Newest[tuple[float, _Value]] = Newest(size)
        self._ttl_s = ttl_s
        self._monotonic = monotonic

    def get(self, key: Hashable) -> _Value | None:
        """The value, which counts as used now; None where there is none, or where its time is over."""
        found = self._values.get(key)
        return found[1] if found is not None and self._monotonic() < found[0] else None

    def put(self, key: Hashable, value: _Value) -> None:
        """Keep the value from now on, in place of the one used longest ago where there is no room."""
        self._values.put(key, (self._monotonic() + self._ttl_s, value))
