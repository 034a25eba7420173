"""Schema drift as a person meets it: what is open in the warehouse, and accepted when somebody has read it.

The warehouse finds it (step 6 of the refresh sequence) and quarantines the insights derived from events that may have been
misread (step 7). Accepting is one UPDATE and a ``system_event`` that says so: with it the refresh runs, and the insights
come back.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, WarehouseUnavailable
from ..health.drift_report import OPEN_DRIFTS, DriftWatch, named
from ..warehouse.duckdb.generated_sql import statements_of
from .drain import Drainer, patiently

if TYPE_CHECKING:
    from ..service import ActivityService

_LEAD_WITHIN_S = 10.0


def open_drifts(service: ActivityService, timeout_s: float = 30.0) -> list[dict[str, Any]]:
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
    if service.config.snow_connection:
        _accept_on_snowflake(service, drift_ids)
    else:
        _accept_embedded(service, drift_ids, timeout_s)
    service.raise_event(
        {
            "event_type": "schema_drift_accepted",
            "severity": "info",
            "message": f"accepted by a person: {', '.join(drift_ids)}"[:1000],
            "action_taken": "insights_released",
            "metrics": {"accepted": len(drift_ids)},
        }
    )
    Drainer(service).drain(timeout_s)


def _accept_embedded(service: ActivityService, drift_ids: list[str], timeout_s: float) -> None:
    """As the leader, as only the leader writes into the file."""
    warehouse: Any = service.warehouse

    def update() -> None:
        with warehouse.transaction() as statements:
            for drift_id in drift_ids:
                for text in statements_of("run_accept_drift.sql"):
                    statements.execute(text, {"accepted_id": drift_id})

    if not service.lease.acquire_from(_LEAD_WITHIN_S):
        pid = service.lease.last_told().get("pid", "?")
        raise WarehouseUnavailable(
            f"process {pid} leads and did not stand aside; nothing was accepted", hint="try again, or close Claude Code first"
        )
    try:
        patiently(update, time.monotonic() + timeout_s)
        DriftWatch(service.queue.directory, warehouse, service.clock).look()
    finally:
        warehouse.release()
        service.lease.release()


def _accept_on_snowflake(service: ActivityService, drift_ids: list[str]) -> None:
    from ..warehouse.snowflake.connection import read_connection
    from ..warehouse.snowflake.statements import snowflake_statements

    with snowflake_statements(read_connection(str(service.config.snow_connection))) as statements:
        for drift_id in drift_ids:
            statements.execute("CALL ACCEPT_DRIFT(?)", [drift_id])
