"""Schema drift as a person meets it: what is open in the warehouse, and accepted once a person has read it.

The warehouse finds it (step 6 of the refresh sequence) and quarantines the insights derived from events that may have been
misread (step 7). Accepting is one UPDATE and a ``system_event`` that says so: with it the refresh runs, and the insights
come back.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..errors import InvalidInput, WarehouseUnavailable
from ..recording.event_catalogue import SCHEMA_DRIFT_ACCEPTED
from ..warehouse.drift import OPEN_DRIFTS, named
from .drain import Drainer, retry_while_busy

if TYPE_CHECKING:
    from ..service import ActivityService
    from ..warehouse.base import DriftTable
    from ..warehouse.drift import OpenDrift

_LEAD_WITHIN_S = 10.0


def open_drifts(service: ActivityService, timeout_s: float = 30.0) -> list[OpenDrift]:
    """What is open in the warehouse now, those that quarantine insights first. Raises a WarehouseError."""
    return [named(row) for row in service.query(OPEN_DRIFTS, timeout_s=timeout_s).rows]


def accept(service: ActivityService, drift_ids: list[str], timeout_s: float = 60.0) -> None:
    """Accept these drifts, say so in the stream, and flush, so that what they quarantined is back when this returns.

    Raises InvalidInput where one of them is not open (nothing is accepted then), or a WarehouseError.
    """
    known = {drift["drift_id"] for drift in open_drifts(service, timeout_s)}
    if missing := [drift_id for drift_id in drift_ids if drift_id not in known]:
        raise InvalidInput(
            f"there is no open drift {missing[0][:80]!r}; nothing was accepted", hint="`activity-mcp drift` lists what is open"
        )
    drifts = service.adapter.drift
    if drifts is None:
        raise InvalidInput("this warehouse finds no drift; nothing was accepted")
    if service.adapter.capabilities.has_one_writer:
        _accept_as_leader(service, drifts, drift_ids, timeout_s)
    else:
        drifts.accept(drift_ids)
    message = f"accepted by a person: {', '.join(drift_ids)}"[:1000]
    metrics = {"accepted": len(drift_ids)}
    service.system_events.report(SCHEMA_DRIFT_ACCEPTED.features(message, action_taken="insights_released", metrics=metrics))
    Drainer(service).drain(timeout_s)


def _accept_as_leader(service: ActivityService, drifts: DriftTable, drift_ids: list[str], timeout_s: float) -> None:
    if not service.lease.acquire_from(_LEAD_WITHIN_S):
        pid = service.lease.last_report().get("pid", "?")
        raise WarehouseUnavailable(
            f"process {pid} leads and did not step down; nothing was accepted", hint="try again, or close Claude Code first"
        )
    try:
        retry_while_busy(lambda: drifts.accept(drift_ids), time.monotonic() + timeout_s)
        if service.drift_report is not None:
            service.drift_report.look()
    finally:
        service.warehouse.release()
        service.lease.release()
