"""Parts of a service that are made when first needed, once, whichever thread comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable


class Whole(Protocol):
    """Whoever has parts: an object with a reentrant lock for making them."""

    parts_lock: threading.RLock


_Part = TypeVar("_Part")


class part(Generic[_Part]):
    """A property made at first use, once, whichever thread comes first (``functools.cached_property`` has no lock)."""

    def __init__(self, make: Callable[[Any], _Part]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, service: Whole, owner: type | None = None) -> _Part:
        with service.parts_lock:
            if self._name not in service.__dict__:
                service.__dict__[self._name] = self._make(service)
            made: _Part = service.__dict__[self._name]
            return made
