"""The refresher: from the warehouse's CONTEXT_CACHE to the snapshot files that every process answers from.

It publishes what a flush has changed, answers the requests of other processes (``<key>.request``), and verifies the
active keys at least once per TTL, so that ``as_of`` is when a context was last equal to the warehouse,
even on an idle machine. A scope without a row gets an empty snapshot: "nothing is known" is an answer too. Few of these are
kept (``SnapshotStore.prune``).

Driven by the holder of the lease, after its flush and on the same connection. Where queries cost money a
``PollSchedule`` decides how often; a key is then verified when the schedule allows it, and its snapshot grows old meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clock import SYSTEM_CLOCK
from ..context import Snapshot
from ..context.instructions import NOTHING
from ..context.known import with_instructions
from ..warehouse import ContextRow, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..clock import Clock
    from ..context import SnapshotStore
    from ..context.instructions import Instructions
    from ..warehouse import ContextSource
    from .poll_schedule import PollSchedule

ACTIVE_S = 600.0
"""How long a requested key is kept verified."""


class Refresher:
    """Publishes snapshots of ``source`` into ``store``. ``ttl_s`` is the longest an active key goes unverified; ``on_changes``
    is called after each flush, on the same connection, for what else depends on it; ``instructions`` gives what a session of a
    project reads anyway, which snapshots note.

    ``disk_error`` is the disk's error at a snapshot of the last call; what was not published is published later.
    """

    def __init__(
        self,
        source: ContextSource,
        store: SnapshotStore,
        *,
        ttl_s: float,
        clock: Clock = SYSTEM_CLOCK,
        poll_schedule: PollSchedule | None = None,
        instructions: Callable[[str], Instructions] = lambda project: NOTHING,
        on_changes: Callable[[], None] | None = None,
    ) -> None:
        self._on_changes = on_changes
        self._instructions = instructions
        self._poll_schedule = poll_schedule
        self._source = source
        self._store = store
        self._ttl_s = ttl_s
        self._clock = clock
        self._active: dict[Scope, float] = {}
        self._verified: dict[Scope, float] = {}
        self._published: dict[Scope, int] = {}
        self.disk_error: OSError | None = None
        self._kept: set[Scope] = set()

    def keep(self, customer: str, project: str) -> None:
        """Keep this scope verified for as long as this process leads."""
        self._kept.add(Scope(customer, project))

    def keep_active(self, customer: str, project: str) -> None:
        """Keep this scope verified for the next ten minutes."""
        if self._poll_schedule:
            self._poll_schedule.active()
        self._active[Scope(customer, project)] = self._clock.monotonic()

    def due(self) -> list[Scope]:
        """The scopes to read now: every request left on disk, and every active key not verified for most of a TTL."""
        requested = {Scope(customer, project) for customer, project in self._store.requests()}
        for scope in requested:
            self.keep_active(*scope)
        if self._poll_schedule and not self._poll_schedule.may_poll():
            unknown = requested - self._verified.keys()
            return sorted(unknown) if unknown and self._poll_schedule.may_poll_new() else []
        now = self._clock.monotonic()
        self._active = {scope: at for scope, at in self._active.items() if now - at < ACTIVE_S}
        active = self._kept | self._active.keys()
        self._verified = {scope: at for scope, at in self._verified.items() if scope in active}
        overdue = {scope for scope in active if now - self._verified.get(scope, -1e9) >= self._ttl_s * 0.8}
        return sorted(requested | overdue)

    def publish_changes(self) -> int:
        """Publish every context that has changed since the last call; how many."""
        if self._poll_schedule:
            self._poll_schedule.active()
            if not self._poll_schedule.may_poll():
                return 0
            self._poll_schedule.polled()
        as_of_us = self._clock.time_us()
        published = self._publish(self._source.changed_contexts(self._published), as_of_us)
        if self._on_changes is not None:
            self._on_changes()
        return published

    def verify(self, scopes: list[Scope], channel_id: str, upto: str | None = None) -> int:
        """Read these scopes again and publish what is there, found empty included; how many.

        ``upto`` is the channel's committed offset where contexts hold all that is committed: an empty one does then as well, so
        that nobody fills it from the events below it that a process still remembers.
        """
        if not scopes:
            return 0
        if self._poll_schedule:
            self._poll_schedule.polled()
        as_of_us = self._clock.time_us()  # before the read: what changes meanwhile is newer than what is published
        for scope in scopes:
            self._store.clear_request(scope.customer, scope.project)  # before it too: a request that comes meanwhile is kept
        try:
            found = {row.scope: row for row in self._source.contexts(scopes, channel_id)}
        except BaseException:
            for scope in scopes:
                self._store.request(scope.customer, scope.project)
            raise
        empty = {channel_id: upto} if upto is not None else {}
        return self._publish([found.get(scope) or ContextRow(scope, {}, dict(empty), 0) for scope in scopes], as_of_us)

    def verify_all(self, channel_id: str, upto: str | None = None) -> int:
        """``verify`` every snapshot there is: some may hold rows that have left the warehouse; how many were published."""
        return self.verify([Scope(*key) for key in self._store.known()], channel_id, upto)

    def _publish(self, rows: Iterable[ContextRow], as_of_us: int) -> int:
        published, now, has_empty = 0, self._clock.monotonic(), False
        self.disk_error = None
        for row in rows:
            has_empty |= not row.blob
            snapshot = Snapshot(
                customer=row.scope.customer,
                project=row.scope.project,
                blob=with_instructions(row.blob, self._instructions(row.scope.project)),
                watermark=row.watermark,
                as_of_us=as_of_us,
                row_version=row.row_version,
            )
            try:
                published += self._store.publish(snapshot)
            except OSError as error:  # readers keep the older one; the events are safe, and shipping them goes on
                self.disk_error = error
                continue
            self._verified[row.scope] = now
            self._published[row.scope] = row.row_version  # only now: what could not be published is published later
        if has_empty:
            self._store.prune()
        return published
