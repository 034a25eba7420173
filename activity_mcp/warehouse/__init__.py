"""The warehouses: what they are (``base``), the embedded one (``duckdb``), and the double that ships with them (``memory``)."""

from .base import ALL_PROJECTS, COLUMNS, Batch, ContextRow, ContextSource, QueryEngine, QueryResult, Row, Scope, Sink
from .memory import MemoryWarehouse

__all__ = [
    "ALL_PROJECTS",
    "COLUMNS",
    "Batch",
    "ContextRow",
    "ContextSource",
    "MemoryWarehouse",
    "QueryEngine",
    "QueryResult",
    "Row",
    "Scope",
    "Sink",
]
