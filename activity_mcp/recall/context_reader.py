"""Reads the context of a customer and a project: from memory or a snapshot file, with local events laid over it.

No warehouse is asked. The leader learns which scopes are requested, so that it keeps their snapshots fresh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ..activity import MAX_TEXT
from ..context import ALL_PROJECTS, CONTEXT_TYPES
from ..errors import InvalidInput
from ..project import place_of
from .bounded import Lasting
from .cache import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..activity import Labels
    from ..clock import Clock
    from ..context import Rendered
    from ..context.instructions import Instructions
    from .cache import ContextCache
    from .local_events import LocalEvents
    from .memoized_renderer import Renderer

MIN_CONTEXT_BYTES = 512
_MAX_SCOPES = 256
_EMPTY_CONTEXT, _NONE_LEFT_OUT = b'"context":{}', b'"truncated":[]'


class ContextAnswer(dict[str, Any]):
    """The ``get_context`` tool's answer, which knows how its parts were encoded when they were made."""

    __slots__ = ("_around", "_context", "_left_out")

    def __init__(self, members: dict[str, Any], around: bytes, rendered: Rendered) -> None:
        """``around`` are the ``members`` as compact JSON, while their context and ``truncated`` are empty."""
        super().__init__(members, context=rendered.context, truncated=rendered.truncated)
        self._around = around
        self._context = rendered.encoded
        self._left_out = rendered.truncated

    def encoded(self) -> bytes:
        """The answer as compact JSON."""
        before, _, after = self._around.partition(_EMPTY_CONTEXT)  # no text holds bare quotes
        if self._left_out:
            after = after.replace(_NONE_LEFT_OUT, b'"truncated":%s' % orjson.dumps(self._left_out), 1)
        return b'%s"context":%s%s' % (before, self._context, after)


class ContextReader:
    """The contexts of one process. Thread-safe.

    ``customer`` and ``own_project`` are the defaults. ``instructions`` gives what a project's sessions read anyway
    (CLAUDE.md, MEMORY.md), which is not repeated. ``keep_warm`` is called with each requested scope, once every ``warm_s``;
    ``ttl_s`` is how long a first miss is remembered. ``budgets`` are those of the default customer that are nearly spent.
    """

    def __init__(
        self,
        cache: ContextCache,
        local_events: LocalEvents,
        renderer: Renderer,
        *,
        customer: str,
        own_project: str | None,
        redactor: Labels,
        instructions: Callable[[str], Instructions],
        keep_warm: Callable[[str, str], None],
        warm_s: float,
        ttl_s: float,
        clock: Clock,
        budgets: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
    ) -> None:
        self._cache = cache
        self._local_events = local_events
        self._renderer = renderer
        self._customer = customer
        self._own_project = own_project
        self._redactor = redactor
        self._instructions = instructions
        self._keep_warm = keep_warm
        self._clock = clock
        self._budgets = budgets
        self._warm: Lasting[bool] = Lasting(_MAX_SCOPES, warm_s, clock.monotonic)
        self._awaited: Lasting[bool] = Lasting(_MAX_SCOPES, ttl_s, clock.monotonic)
        self._own_scope = self._scope_of(customer, own_project or ALL_PROJECTS)

    def context(
        self,
        customer: str | None,
        project: str | None,
        context_type: str,
        max_bytes: int,
        *,
        focus: str | None = None,
        explain: bool = False,
    ) -> ContextAnswer:
        """The ``get_context`` tool's answer; a ``focus``, a text or a path, ranks everything. Raises InvalidInput."""
        customer, project = self.scope(customer, project)
        _check(customer, project, context_type, max_bytes)
        overlay = self._local_events.poll()
        if not self._warm.get((customer, project)):
            self._warm.put((customer, project), True)
            self._keep_warm(customer, project)
        entry = self._cache.get(customer, project)
        watermark = self._local_events.watermark_of(entry.snapshot.watermark) if entry.snapshot else None
        answer = _envelope(entry, customer, context_type, project)
        answer["pending_local"] = overlay.pending(watermark, customer, project)
        around = orjson.dumps(answer)
        rendered = self._renderer.render(
            entry.snapshot,
            overlay,
            watermark,
            customer=customer,
            project=project,
            now_us=self._clock.time_us(),
            context_type=context_type,
            max_bytes=max_bytes,
            reserve=len(around),
            focus=focus[:MAX_TEXT] if focus and focus.strip() else None,
            explain=explain,
            instructions=self._instructions(project),
            budgets=self._budgets() if customer == self._own_scope[0] else (),
        )
        return ContextAnswer(answer, around, rendered)

    def read_ahead(self) -> None:
        """Take in what was recorded since the last answer: the next one is made of that and what comes meanwhile."""
        self._renderer.catch_up(self._local_events.poll())

    def is_expected(self, customer: str | None, project: str | None) -> bool:
        """True at the first miss of a scope, for which a refresh was just requested: worth waiting a few milliseconds."""
        scope = self.scope(customer, project)
        if self._cache.peek(*scope).freshness != "missing" or self._awaited.get(scope):
            return False
        self._awaited.put(scope, True)
        return True

    def scope(self, customer: str | None, project: str | None) -> tuple[str, str]:
        """The customer and the project of a context, where None means this process's own."""
        if customer is None and project is None:
            return self._own_scope
        if project is None:
            project = self._own_project or ALL_PROJECTS
        return self._scope_of(self._customer if customer is None else customer, project)

    def _scope_of(self, customer: str, project: str) -> tuple[str, str]:
        """As the events have it: no file and no request is named after a secret."""
        return self._redactor.identifier(customer), self._redactor.label(place_of(project))


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
        "as_of": entry.snapshot.as_of if entry.snapshot else None,
        "age_ms": entry.age_ms,
        "freshness": entry.freshness,
        "source": entry.source,
        "pending_local": 0,
        "truncated": [],
    }
    if entry.reason:
        answer["reason"] = entry.reason
    return answer
