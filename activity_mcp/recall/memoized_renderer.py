"""Rendering that remembers: the same question about the same snapshot is answered without building again.

Two things are kept, a few of each: what a snapshot holds, read once (``Stored``, which sums its hours once an hour); and the
whole ``Document`` of a question, for as long as the snapshot is the same object and nothing in it has run out: at the latest
for five seconds (ages are said in minutes), until the next hour begins, or until the first shown insight ends. Events that came
since are added to it; it is built again where one that it holds has changed, and after the clock was set back.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from ..activity import dump_json
from ..context.forms import Rendered
from ..context.instructions import NOTHING
from ..context.render import Document
from ..context.stored import Stored
from .bounded import Newest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..context.instructions import Instructions
    from ..context.snapshot import Snapshot
    from .overlay import Overlay, View


class _Built(NamedTuple):
    snapshot: Snapshot | None
    watermark: str | None
    since_us: int
    view: View
    document: Document


class _Read(NamedTuple):
    snapshot: Snapshot
    stored: Stored


class Renderer:
    """Answers from snapshot and overlay. Safe to use from several threads; what it returns is shared and must stay as it is."""

    def __init__(self, dumps: Callable[[Any], bytes] = dump_json, *, max_documents: int = 64) -> None:
        self._dumps = dumps
        self._lock = threading.Lock()
        self._documents: Newest[_Built] = Newest(max_documents)
        self._stored: Newest[_Read] = Newest(max_documents)
        self._nothing = Stored({})
        self._last: tuple[Any, ...] = ()

    def render(
        self,
        snapshot: Snapshot | None,
        overlay: Overlay,
        watermark: str | None,
        *,
        customer: str,
        project: str,
        context_type: str,
        max_bytes: int,
        reserve: int,
        now_us: int,
        focus: str | None = None,
        explain: bool = False,
        instructions: Instructions = NOTHING,
        budgets: Sequence[Mapping[str, Any]] = (),
    ) -> Rendered:
        """The context of this scope in at most ``max_bytes`` together with the ``reserve`` (see ``render_context``).

        ``watermark`` is the offset of the overlay's channel up to which the snapshot holds its events (None: of none).
        """
        near = tuple(tuple(budget.values()) for budget in budgets) if budgets else ()
        key = (customer, project, context_type, focus, explain, instructions.signature, near)
        with self._lock:
            built = self._documents.get(key)
            if built is not None:
                still_reads = _still_reads(built, snapshot, watermark, now_us)
                built = _caught_up(built, overlay, customer, project) if still_reads else None
            if built is None:
                view = overlay.view(watermark, customer, project)
                document = Document(
                    self._read(snapshot),
                    view.facts,
                    now_us=now_us,
                    context_type=context_type,
                    project=project,
                    focus=focus,
                    explain=explain,
                    instructions=instructions,
                    budgets=[dict(budget) for budget in budgets],
                )
                built = _Built(snapshot, watermark, now_us, view, document)
            self._documents.put(key, built)
            self._last = key
            return built.document.within(max_bytes - reserve, self._dumps)

    def catch_up(self, overlay: Overlay) -> None:
        """Do now what the next answer would have to: render what was asked for last, with the events that came since."""
        with self._lock:
            built = self._documents.get(self._last)
            if built is None or built.view.generation == overlay.generation:
                return
            later = _caught_up(built, overlay, *self._last[:2])
            if later is not None:
                self._documents.put(self._last, later)
                later.document.within(later.document.room, self._dumps)

    def _read(self, snapshot: Snapshot | None) -> Stored:
        if snapshot is None:
            return self._nothing
        scope = (snapshot.customer, snapshot.project)
        known = self._stored.get(scope)
        if known is None or known.snapshot is not snapshot:
            known = _Read(snapshot, Stored(snapshot.blob, snapshot.watermark))
            self._stored.put(scope, known)
        return known.stored


def _still_reads(built: _Built, snapshot: Snapshot | None, watermark: str | None, now_us: int) -> bool:
    return (
        built.snapshot is snapshot
        and built.watermark == watermark
        and built.since_us <= now_us <= built.document.valid_until_us
    )


def _caught_up(built: _Built, overlay: Overlay, customer: str, project: str) -> _Built | None:
    """The same with what was recorded since; None where something that it shows has changed."""
    if built.view.generation == overlay.generation:
        return built
    later = overlay.since(built.view, built.watermark, customer, project)
    if later is None:
        return None
    if later.facts:
        built.document.add(later.facts)
    return _Built(built.snapshot, built.watermark, built.since_us, later, built.document)
