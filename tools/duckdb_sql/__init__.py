"""A strict translator of this project's SQL from Snowflake's dialect to DuckDB's. Build and test time only.

    scripts    a file → its statements, each with its line; the body of a task → its DML
    files      which file of sql/ becomes which generated file, and the form of those
    macros.sql           functions the generated SQL calls

The rules are the package's own (``activity_mcp.warehouse.duckdb.dialect``). It never guesses: a node, a function, a property
or a statement it does not know is an error with the line. To teach it a construct, add a row to a table in
``rules``, and a case to tests/sql/test_generated.py.
"""

from activity_mcp.warehouse.duckdb.dialect.errors import Untranslatable
from activity_mcp.warehouse.duckdb.dialect.rules import translate

from .files import ASSEMBLED, FILES, assemble, generate, read_generated

__all__ = ["ASSEMBLED", "FILES", "Untranslatable", "assemble", "generate", "read_generated", "translate"]
