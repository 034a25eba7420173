"""A strict translator of this project's SQL from Snowflake's dialect to DuckDB's. Build and test time only.

    scripts    a file → its statements, each with its line; the body of a task → its DML
    rules      the tables: which nodes are kept, which are rewritten; anything else raises ``Untranslatable``
    rewrites   what one node becomes
    datatypes  what one data type, path or date format becomes
    files      which file of sql/ becomes which generated file, and the form of those
    macros.sql           functions the generated SQL calls

It never guesses: a node, a function, a property or a statement it has not been told about is an error with the line.
To teach it a construct, add a row to a table in ``rules``, and a case to tests/sql/test_generated.py.
"""

from .errors import Untranslatable
from .files import ASSEMBLED, FILES, assemble, generate, read_generated
from .rules import translate

__all__ = ["ASSEMBLED", "FILES", "Untranslatable", "assemble", "generate", "read_generated", "translate"]
