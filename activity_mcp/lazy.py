"""Parts that are made when they are first needed, once, by one thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable


class _Composed(Protocol):
    parts_lock: threading.RLock


_Part = TypeVar("_Part")


class lazy(Generic[_Part]):
    """A property made at first use, once, by one thread: ``functools.cached_property`` with a lock."""

    def __init__(self, make: Callable[[Any], _Part]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, composed: _Composed, owner: type | None = None) -> _Part:
        with composed.parts_lock:
            if self._name not in composed.__dict__:
                composed.__dict__[self._name] = self._make(composed)
            made: _Part = composed.__dict__[self._name]
            return made
