"""What a statement may use on the embedded warehouse, judged from DuckDB's own syntax tree and never from its text.

The connection is read-only and locked all the same. This is the wall before it: a SELECT can also read files, settings and
the engine's own tables, or hide another statement in text, and the engine would answer some of that even when it is locked.

    statements   exactly one, a SELECT to DuckDB's parser, every node of its tree one that reads
    tables       of this database, and information_schema; not the engine's own catalogs
    functions    those of ``query_functions``, which compute from their arguments, and the macros of this database
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ...plain_json import NestedTooDeeply, bounded
from .query_functions import SCALAR_FUNCTIONS, TABLE_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_QUERY_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_SHOWS = {"DESCRIBE", "SUMMARY", "SHOW_SPECIAL"}
_SCHEMAS = {"", "main", "information_schema"}
_WORD = re.compile(r"\w")
_MAX_TREE_LEVELS = 900  # three for each operator: what Python 3.11 can read, and so what is read on all
_ENGINE_TABLES = ("duckdb_", "pragma_", "pg_", "sqlite_")


def refusal_of(connection: duckdb.DuckDBPyConnection, sql: str) -> str | None:
    """Why this text is not run, or None when it is one statement that only reads the warehouse."""
    import duckdb

    try:
        sql.encode()
        statements = connection.extract_statements(sql)  # the module's own would open another engine
    except UnicodeEncodeError:
        return "the statement holds half a character (a lone surrogate); nothing was run"
    except duckdb.Error as error:
        return first_lines(error)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        found = ", ".join(str(statement.type).rsplit(".", 1)[-1] for statement in statements) or "nothing"
        return f"only one SELECT is run here, this is: {found}; nothing was run"
    serialized = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()[0][0]
    try:
        tree = bounded(json.loads, serialized, _MAX_TREE_LEVELS)
    except NestedTooDeeply:
        return "the statement is nested too deeply; nothing was run"
    if tree.get("error"):
        return f"{tree.get('error_message', 'this statement cannot be read')}; nothing was run"
    if _first_refusal(tree, frozenset()) is None:
        return None
    reason = _first_refusal(tree, _own_macros(connection))  # listing them takes longer than all the rest: only where it decides
    return f"{reason}; nothing was run" if reason else None


def _first_refusal(tree: Any, own: frozenset[str]) -> str | None:
    return next((reason for node in _nodes(tree) if (reason := _refused(node, own))), None)


def _own_macros(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """What this database itself defines: the functions that make DuckDB agree with Snowflake."""
    found = connection.execute("SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE NOT internal").fetchall()
    return frozenset(name for (name,) in found)


def first_lines(error: Exception) -> str:
    """The engine's message, without its drawing of the place."""
    return " ".join(line.strip() for line in str(error).splitlines()[:3] if line.strip())[:500]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _refused(node: dict[str, Any], own: frozenset[str]) -> str | None:
    kind = str(node.get("type", ""))
    if kind == "TABLE_FUNCTION":
        return _refused_function(node.get("function") or {}, TABLE_FUNCTIONS | own, "table function")
    if kind == "BASE_TABLE":
        return _refused_table(node)
    if kind == "SHOW_REF" and node.get("show_type") not in _SHOWS:
        return "settings are not shown here"
    if kind.endswith("_NODE") and kind not in _QUERY_NODES:
        return f"only what reads is run here, not {kind.removesuffix('_NODE').removesuffix('_QUERY')}"
    return _refused_function(node, SCALAR_FUNCTIONS | TABLE_FUNCTIONS | own, "function")


def _refused_function(node: dict[str, Any], known: frozenset[str], what: str) -> str | None:
    """A name of signs alone is an operator; each of these computes."""
    name = str(node.get("function_name") or "").lower()
    if name in known or not _WORD.search(name):
        return None
    return f"the {what} {name} is not available here: only those that compute from their arguments are"


def _refused_table(node: dict[str, Any]) -> str | None:
    schema, table = str(node.get("schema_name", "")).lower(), str(node.get("table_name", ""))
    if schema not in _SCHEMAS or str(node.get("catalog_name", "")).lower() in ("system", "temp", "memory"):
        return f"the schema {schema or 'system'} is not available here"
    if schema != "information_schema" and table.lower().startswith(_ENGINE_TABLES):
        return f"the engine's own table {table} is not available here; information_schema lists tables and columns"
    return None
