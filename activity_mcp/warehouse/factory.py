"""The one place that chooses an engine: Snowflake where ``SNOW_CONNECTION`` names a connection, else the embedded one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock
    from ..config import Config
    from .adapter import Adapter
    from .snowflake.connection import NamedConnection


def adapter_of(
    config: Config,
    *,
    customer: str | None = None,
    clock: Clock = SYSTEM_CLOCK,
    waiting: Callable[[], tuple[int, int]] = lambda: (0, 0),
) -> Adapter:
    """The adapter of the engine that the configuration names.

    ``customer`` bounds whose contexts a refresh reads without being asked; None reads everybody's. ``waiting`` gives how many
    events wait in the queue, and the age of the oldest in ms.
    """
    connection = connection_of(config)
    if connection is not None:
        from .snowflake.adapter import SnowflakeAdapter

        return SnowflakeAdapter(connection, name=config.snow_connection, customer=customer, clock=clock)
    from .duckdb.adapter import DuckDBAdapter

    return DuckDBAdapter(config.db, clock=clock, waiting=waiting)


def connection_of(config: Config) -> Callable[[], NamedConnection] | None:
    """What reads the connection that the configuration names, None where it names none. The call raises WarehouseRefused."""
    name = config.snow_connection
    if not name:
        return None

    def read() -> NamedConnection:
        from .snowflake.connection import read_connection

        return read_connection(name)

    return read
