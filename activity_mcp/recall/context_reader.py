"""Recall: the context of a customer and a project, out of memory or a snapshot file, with local events laid over it.

No warehouse is asked. Whoever leads is told which scopes are asked for, so that their snapshots are kept fresh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import orjson
from cachetools import TTLCache

from ..activity import MAX_TEXT
from ..clock import iso
from ..context import ALL_PROJECTS, CONTEXT_TYPES
from ..errors import InvalidInput
from ..identity import place_of
from ..pipeline.refresher import ACTIVE_S
from .cache import Entry

if TYPE_CHECKING:
    from ..activity import Labels
    from ..clock import Clock
    from ..config import Config
    from ..context import SnapshotStore
    from ..identity import Identity
    from ..pipeline.leader import Leader
    from ..pipeline.refresher import Refresher
    from .cache import ContextCache
    from .local_events import LocalEvents
    from .memoized_renderer import Renderer

MIN_CONTEXT_BYTES = 512
_MOST_SCOPES = 256


class Host(Protocol):
    """What recall needs of the service it belongs to. ``leader`` None: this process does not stand ready to lead."""

    config: Config
    clock: Clock
    leader: Leader | None

    @property
    def identity(self) -> Identity: ...
    @property
    def own_project(self) -> str | None: ...
    @property
    def redactor(self) -> Labels: ...
    @property
    def local_events(self) -> LocalEvents: ...
    @property
    def cache(self) -> ContextCache: ...
    @property
    def snapshots(self) -> SnapshotStore: ...
    @property
    def renderer(self) -> Renderer: ...
    @property
    def refresher(self) -> Refresher: ...


class Recall:
    """The contexts of one service. Thread-safe."""

    def __init__(self, host: Host) -> None:
        timer = host.clock.monotonic
        self._host = host
        self._warm: TTLCache[tuple[str, str], bool] = TTLCache(_MOST_SCOPES, ttl=ACTIVE_S / 2, timer=timer)
        self._awaited: TTLCache[tuple[str, str], bool] = TTLCache(_MOST_SCOPES, ttl=host.config.context_ttl_s, timer=timer)

    def context(self, customer: str | None, project: str | None, context_type: str, max_bytes: int) -> dict[str, Any]:
        """The ``get_context`` tool's answer. Raises InvalidInput."""
        customer, project = self.scope(customer, project)
        _check(customer, project, context_type, max_bytes)
        host = self._host
        overlay = host.local_events.poll()
        self._keep_warm(customer, project)
        entry = host.cache.get(customer, project)
        watermark = host.local_events.watermark_of(entry.snapshot.watermark) if entry.snapshot else None
        answer = _envelope(entry, customer, context_type, project)
        answer["pending_local"] = overlay.pending(watermark, customer, project)
        rendered = host.renderer.render(
            entry.snapshot,
            overlay,
            watermark,
            customer=customer,
            project=project,
            now_us=host.clock.time_us(),
            context_type=context_type,
            max_bytes=max_bytes,
            reserve=len(orjson.dumps(answer)),
        )
        answer["context"] = rendered.context
        answer["truncated"] = rendered.truncated
        return answer

    def is_expected(self, customer: str | None, project: str | None) -> bool:
        """True at the first miss of a scope, for which a refresh was just asked: worth waiting a few milliseconds."""
        scope = self.scope(customer, project)
        if self._host.cache.peek(*scope).freshness != "missing" or scope in self._awaited:
            return False
        self._awaited[scope] = True
        return True

    def scope(self, customer: str | None, project: str | None) -> tuple[str, str]:
        """Whose context and of which project, where None stands for this process's own."""
        if project is None:
            project = self._host.own_project or ALL_PROJECTS
        redactor = self._host.redactor  # as the events have it: no file and no wish is named after a secret
        customer = self._host.identity.customer if customer is None else customer
        return redactor.identifier(customer), redactor.label(place_of(project))

    def _keep_warm(self, customer: str, project: str) -> None:
        """Tell whoever leads, every few minutes, that somebody still asks for this scope; a fresh answer leaves no wish."""
        host = self._host
        if (customer, project) not in self._warm:
            self._warm[customer, project] = True
            if host.leader is not None and host.leader.leads:
                host.refresher.ask_for(customer, project)
            elif host.snapshots.stat(customer, project) is not None:  # without a snapshot the cache leaves the wish itself
                host.snapshots.want(customer, project)


def _check(customer: str, project: str, context_type: str, max_bytes: int) -> None:
    if context_type not in CONTEXT_TYPES:
        raise InvalidInput(f"context_type {context_type[:60]!r} is unknown", hint=f"one of {', '.join(CONTEXT_TYPES)}")
    for name, text in (("customer", customer), ("project", project)):
        if not text.strip():
            raise InvalidInput(f"{name} must not be empty", hint="leave it out for the default")
        if len(text) > MAX_TEXT:
            raise InvalidInput(f"{name} has {len(text)} characters, at most {MAX_TEXT} are recorded", hint=f"shorten {name}")
    if max_bytes < MIN_CONTEXT_BYTES:
        raise InvalidInput(f"max_bytes {max_bytes} is too small", hint=f"at least {MIN_CONTEXT_BYTES}")


def _envelope(entry: Entry, customer: str, context_type: str, project: str) -> dict[str, Any]:
    """The answer around the context, which is still empty: whose it is, how old, and where it came from."""
    answer: dict[str, Any] = {
        "customer": customer,
        "context_type": context_type,
        "project": project,
        "context": {},
        "as_of": iso(entry.snapshot.as_of_us) if entry.snapshot else None,
        "age_ms": entry.age_ms,
        "freshness": entry.freshness,
        "source": entry.source,
        "pending_local": 0,
        "truncated": [],
    }
    if entry.reason:
        answer["reason"] = entry.reason
    return answer
