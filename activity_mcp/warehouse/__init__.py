"""The warehouses: what they are (``base``), one adapter per engine (``duckdb``, ``snowflake``), and which one (``factory``).

``memory`` is a double that passes the same contract; nothing imports it but what hands it to a process.
"""

from .base import (
    ALL_PROJECTS,
    COLUMNS,
    Batch,
    Capabilities,
    ContextRow,
    ContextSource,
    LeftOut,
    OwnColumns,
    QueryEngine,
    QueryResult,
    Row,
    RowsAlike,
    Scope,
    Sink,
)

__all__ = [
    "ALL_PROJECTS",
    "COLUMNS",
    "Batch",
    "Capabilities",
    "ContextRow",
    "ContextSource",
    "LeftOut",
    "OwnColumns",
    "QueryEngine",
    "QueryResult",
    "Row",
    "RowsAlike",
    "Scope",
    "Sink",
]
