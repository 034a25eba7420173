"""The overlay: the newest local events that a snapshot does not hold yet, so that one's own events show at once.

The queue's tail reader feeds it: each event with its offset, and how many lines it passed over. The overlay
keeps the newest ``max_events``, each reduced to what a context can show (``Fact``), and counts the rest: for any watermark

    above(watermark) + pending(watermark) = the events above the watermark

once duplicates are folded as the warehouse folds them: of the events that share an ``activity_id`` one counts, the one of the
better source (otel and hook before mcp and cli before import), then the earlier. Left out altogether are the server's own
``mcp_event`` rows (``ride``, and every method but record_insight and store_artifact), which no context shows.

An event belongs to a scope when its customer is equal and its project too; project ``"*"`` takes all of a customer's.
Lines that were passed over unread may be of any scope, so they count for every scope until the watermark is past them.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from ..activity.ranks import is_own_event, source_rank
from ..context.facts import Fact
from ..context.snapshot import ALL_PROJECTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_EVENTS = 1000
_MAX_GAPS = 64


class View(NamedTuple):
    """What a scope's events above a watermark said at one moment, and how to find what came since."""

    facts: list[Fact]
    generation: int
    upto: str
    """The offset of the newest event that was read."""
    replaced: int
    left: str


class _Entry:
    """One fact. Its place is where it was first seen, whichever of its duplicates it is read from."""

    __slots__ = ("fact", "offset", "rank")

    def __init__(self, offset: str, fact: Fact, rank: int) -> None:
        self.offset = offset
        self.fact = fact
        self.rank = rank


class Overlay:
    """A window over the end of one queue. Safe to use from several threads."""

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._max_events = max_events
        self._lock = threading.Lock()
        self._window: OrderedDict[str, _Entry] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()  # ids that left the window: a late duplicate is not a new fact
        self._dropped: dict[tuple[str | None, str | None], array[int]] = {}
        self._gaps: list[tuple[str, int]] = []  # lines passed over: they lie below this offset, so many
        self._open_gap = 0
        self._last = ""
        self._replaced = 0  # facts that a better source of the same event replaced
        self._left = ""  # the offset of the newest fact that left the window
        self.generation = 0
        """Changes whenever ``above`` or ``pending`` may answer differently."""

    def extend(self, events: Iterable[tuple[str, Mapping[str, Any]]], skipped: int = 0, *, upto: str | None = None) -> None:
        """Take in what was read: events in the order of their offsets, after ``skipped`` lines that were passed over.

        ``upto`` is the offset the tail has reached; it bounds the skipped lines where no event follows them. What was handed
        in before is ignored, so a tail that starts again does no harm.
        """
        with self._lock:
            changed = skipped > 0
            self._open_gap += skipped
            for offset, event in events:
                if offset <= self._last:
                    self._open_gap, skipped = self._open_gap - skipped, 0  # and so was what lies before it
                    continue
                self._last = offset
                if self._open_gap:
                    self._close_gap(offset)
                changed = self._take(offset, event) or changed
            if upto is not None and upto > self._last:
                self._last = upto
            if upto is not None and self._open_gap:
                self._close_gap(upto)
            self.generation += changed

    def view(self, watermark: str | None, customer: str, project: str) -> View:
        """What this scope's events above the watermark (None: all) say, in the order of their offsets."""
        with self._lock:
            return self._view(watermark, customer, project)

    def since(self, seen: View, watermark: str | None, customer: str, project: str) -> View | None:
        """What came after ``seen``, of the same scope and watermark; None where something that it holds has changed."""
        with self._lock:
            has_left = self._left != seen.left and (watermark is None or self._left > watermark)
            if has_left or self._replaced != seen.replaced:
                return None
            return self._view(max(seen.upto, watermark or ""), customer, project)

    def above(self, watermark: str | None, customer: str, project: str) -> list[Fact]:
        """The facts of ``view`` alone."""
        return self.view(watermark, customer, project).facts

    def pending(self, watermark: str | None, customer: str, project: str) -> int:
        """How many events of this scope above the watermark ``above`` does not show."""
        with self._lock:
            passed_over = dropped = 0
            if self._gaps:
                passed_over = sum(count for bound, count in self._gaps if watermark is None or bound > watermark)
            if watermark is None or self._left > watermark:
                place = -1 if watermark is None else _place(watermark)
                dropped = sum(
                    len(places) - bisect_right(places, place)
                    for (owner, where), places in self._dropped.items()
                    if owner == customer and project in (ALL_PROJECTS, where)
                )
            return dropped + passed_over + self._open_gap

    def discard_until(self, offset: str) -> None:
        """Forget what lies at or below this offset: the lowest watermark of the snapshots that are still being served."""
        with self._lock:
            size = len(self._window)
            while self._window and next(iter(self._window.values())).offset <= offset:
                self._leave()
            place = _place(offset)
            for scope, places in list(self._dropped.items()):
                del places[: bisect_right(places, place)]
                if not places:
                    del self._dropped[scope]
            self._gaps = [(bound, count) for bound, count in self._gaps if bound > offset]
            self.generation += len(self._window) != size

    # --- under the lock

    def _view(self, above: str | None, customer: str, project: str) -> View:
        found: list[Fact] = []
        for entry in reversed(self._window.values()):  # from the end, as what is above is little beside what is kept
            if above is not None and entry.offset <= above:
                break
            fact = entry.fact
            if fact.customer == customer and project in (ALL_PROJECTS, fact.project):
                found.append(fact)
        found.reverse()
        return View(found, self.generation, self._last, self._replaced, self._left)

    def _take(self, offset: str, event: Mapping[str, Any]) -> bool:
        if event.get("ride") or is_own_event(event.get("event_name"), event.get("feature_json")):
            return False
        name = str(event.get("activity_id") or offset)
        rank = source_rank(event.get("source"), event.get("feature_json"))
        known = self._window.get(name)
        if known is not None:
            if rank >= known.rank:
                return False
            known.fact, known.rank = Fact(event), rank
            self._replaced += 1
            return True
        if name in self._seen:
            return False
        self._window[name] = _Entry(offset, Fact(event), rank)
        if len(self._window) > self._max_events:
            self._drop_oldest()
        return True

    def _drop_oldest(self) -> None:
        entry = self._leave()
        scope = (entry.fact.customer, entry.fact.project)
        self._dropped.setdefault(scope, array("Q")).append(_place(entry.offset))

    def _leave(self) -> _Entry:
        """Take the oldest fact out of the window, and remember its name."""
        name, entry = self._window.popitem(last=False)
        self._left = entry.offset
        self._seen[name] = None
        if len(self._seen) > 2 * self._max_events:
            self._seen.popitem(last=False)
        return entry

    def _close_gap(self, offset: str) -> None:
        self._gaps.append((offset, self._open_gap))
        self._open_gap = 0
        if len(self._gaps) > _MAX_GAPS:  # two as one, at the later bound: counted until the watermark is past both
            (_, first), (bound, second) = self._gaps[:2]
            self._gaps[:2] = [(bound, first + second)]


def _place(offset: str) -> int:
    """Segment and end byte of an offset as one number in the same order; what is no offset lies before everything."""
    segment, _, rest = offset.partition(":")
    try:
        return min(int(segment) << 40 | int(rest[:12]) & (1 << 40) - 1, (1 << 64) - 1)
    except ValueError:
        return 0
