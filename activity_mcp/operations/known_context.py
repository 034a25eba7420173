"""The context for a command: from what this machine has at hand where that is all there is, else once the warehouse was asked.

The leader's snapshot and the queue's tail laid over it are what every ``get_context`` answers with. A command, which no leader
need serve, answers with them too, in a fraction of the time that leading takes, where nothing can be missing:

    somebody leads        and keeps this context fresh
    nobody leads          and everything committed is in the snapshot: what is not is still in the queue. Only the embedded
                          warehouse has no other writer; with Snowflake the snapshot must be fresh as well
    either                and all that waits in the queue is in the sections (``pending_local`` 0)

The answer says how old its snapshot is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..service import ActivityService


def known_context(
    service: ActivityService, settle: Callable[[ActivityService], None], *, customer: str | None, project: str, **how: Any
) -> dict[str, Any]:
    """``ActivityService.context``; ``settle`` brings the warehouse and its contexts up to date, and is called where needed."""
    scope = service.recall.scope(customer, project)
    if service.snapshots.stat(*scope) is not None:
        answer = service.context(customer=customer, project=project, **how)
        if not answer["pending_local"] and _is_complete(service, scope):
            return answer
    service.refresher.keep_active(*scope)
    settle(service)
    return service.context(customer=customer, project=project, **how)


def _is_complete(service: ActivityService, scope: tuple[str, str]) -> bool:
    """Whether snapshot and queue together hold what the warehouse holds."""
    entry = service.cache.peek(*scope)
    if entry.snapshot is None or entry.freshness == "expired":
        return False
    is_fresh = entry.freshness == "fresh"
    if service.lease.is_held():
        return is_fresh
    committed, held = service.local_events.committed(), service.local_events.watermark_of(entry.snapshot.watermark)
    is_complete = committed is None or (held is not None and str(committed) <= held)
    return is_complete and (is_fresh or service.config.is_embedded)
