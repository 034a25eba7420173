"""Snowflake: written through Snowpipe Streaming, read through the connector, refreshed and cleaned by tasks of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ...clock import SYSTEM_CLOCK
from ..adapter import Adapter
from ..base import Capabilities
from ..drift import OPEN_DRIFTS, named
from .warehouse import SnowflakeWarehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...clock import Clock
    from ..base import QueryEngine, WarehousePlace
    from ..drift import OpenDrift
    from .connection import NamedConnection


class SnowflakeAdapter(Adapter):
    """The engine behind a named connection, which ``connection`` reads; ``name``, where it is known, saves a reading.

    ``customer``: whose contexts a refresh reads without being asked; None reads everybody's.
    """

    capabilities: ClassVar = Capabilities(
        batch_rows=2000,  # more than the embedded engine's: a commit takes seconds whatever its size; bounded by memory
        folds_on_request=False,
        reads_are_free=False,
        has_one_writer=False,
    )

    def __init__(
        self,
        connection: Callable[[], NamedConnection],
        *,
        name: str | None = None,
        customer: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._name = name
        self._read = connection
        self.store = SnowflakeWarehouse(self._read, customer=customer, clock=clock)
        self.tasks = self.store.tasks
        self.drift = SnowflakeDrift(self._read)

    @property
    def queries(self) -> QueryEngine:
        from .query import SnowflakeQueries

        return SnowflakeQueries(self._read())

    def describe(self) -> WarehousePlace:
        return {"kind": "snowflake", "connection": self._name or self._read().name}

    def exists(self) -> bool:
        return True


class SnowflakeDrift:
    """``DriftTable`` in sessions of its own."""

    def __init__(self, connection: Callable[[], NamedConnection]) -> None:
        self._connection = connection

    def open(self) -> list[OpenDrift]:
        from .statements import snowflake_statements

        with snowflake_statements(self._connection()) as statements:
            return [named(row) for row in statements.execute(OPEN_DRIFTS)]

    def accept(self, drift_ids: Sequence[str]) -> None:
        from .statements import snowflake_statements

        with snowflake_statements(self._connection()) as statements:
            for drift_id in drift_ids:
                statements.execute("CALL ACCEPT_DRIFT(?)", [drift_id])
