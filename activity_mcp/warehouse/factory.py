"""The one place that chooses an engine: Snowflake where ``SNOW_CONNECTION`` names a connection, else the embedded one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from ..clock import Clock
    from ..config import Config
    from .adapter import Adapter


def adapter_of(config: Config, *, customer: str | None = None, clock: Clock = SYSTEM_CLOCK) -> Adapter:
    """The adapter of the engine that the configuration names.

    ``customer`` bounds whose contexts a refresh reads without being asked; None reads everybody's.
    """
    if config.snow_connection:
        from .snowflake.adapter import SnowflakeAdapter

        return SnowflakeAdapter(config.snow_connection, customer=customer, clock=clock)
    from .duckdb.adapter import DuckDBAdapter

    return DuckDBAdapter(config.db, clock=clock)
