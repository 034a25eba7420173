"""The warehouses: what they are (``base``), the embedded one (``duckdb``), Snowflake (``snowflake``, written through
``snowpipe``), and the double that ships with them (``memory``)."""

from .base import ALL_PROJECTS, COLUMNS, Batch, ContextRow, ContextSource, LeftOut, QueryEngine, QueryResult, Row, Scope, Sink
from .memory import MemoryWarehouse

__all__ = [
    "ALL_PROJECTS",
    "COLUMNS",
    "Batch",
    "ContextRow",
    "ContextSource",
    "LeftOut",
    "MemoryWarehouse",
    "QueryEngine",
    "QueryResult",
    "Row",
    "Scope",
    "Sink",
]
