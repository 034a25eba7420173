"""What can be known of Snowflake SQL without an account: each check takes a script and gives the complaints about it.

    parse       sqlfluff in Snowflake's dialect, bodies between $$ as statements of their own, no file too large for it
    functions   the list of functions and argument counts (``snowflake_functions``)
    traps       words and shapes that parse and are wrong: other dialects, the session's time, keys nothing enforces …
    expansions  what `snow sql` would expand
    objects     what holds data is never replaced, what holds none always is, and everything has a comment
    columns     every view is resolved against the tables (``resolve``)

None of it replaces one run on an account.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import sqlglot
from sqlfluff.core import FluffConfig, Linter
from sqlglot import ErrorLevel, exp
from sqlglot.optimizer.qualify import qualify

from duckdb_sql.scripts import Statement, split
from sql.snowflake_functions import wrong_calls

Check = Callable[[str], list[str]]
STATEFUL = ("TABLE", "STREAM", "DATABASE", "SCHEMA", "ROLE", "ROW ACCESS POLICY", "MASKING POLICY")
REPLACED = ("VIEW", "TASK", "PROCEDURE", "FUNCTION")
_CREATES = re.compile(
    r"CREATE\s+(?P<replace>OR\s+REPLACE\s+)?(?:SECURE\s+|TRANSIENT\s+)?(?P<kind>(?:ROW\s+ACCESS\s+POLICY|MASKING\s+POLICY|\w+))\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?",
    re.I,
)
# Starting dual write makes its stream again on purpose: what came before is backfilled.
# Making everything again begins with a stream that shows what its table holds.
_MAY_REPLACE = re.compile(r"CREATE OR REPLACE STREAM (ACTIVITY_STREAM_V1_STREAM|CLAUDE_STREAM_V2_STREAM)\b")
_TRAPS = {
    "an operator of another dialect": "->>",
    "an index, which is for hybrid tables only": "CREATE INDEX",
    "a clause of another dialect": "ON CONFLICT",
    "FILTER, which is for other dialects": "FILTER (WHERE",
    "the session's time": "CURRENT_TIMESTAMP",
    "a key that nothing enforces": "PRIMARY KEY",
    "a constraint that nothing enforces": "UNIQUE (",
    "a check that does not exist": "CHECK (",
    "a clustering key, which costs more than it gives below a terabyte": "CLUSTER BY",
    "a default, which Snowpipe Streaming evaluates once": " DEFAULT SYSDATE",
    "an interval as a type": " INTERVAL NOT NULL",
}
_FUNCTION_HEAD = re.compile(r"CREATE OR REPLACE FUNCTION \w+\(([^()]+)\)(?!.*\bCREATE\b)", re.I | re.S)
_INTO = re.compile(r"\bINTO(\s+:\w+,?)+", re.I)
# A task's history is asked for in the session's own time, which it converts; everything else is in UTC.
_RANGE_START = re.compile(r"SCHEDULED_TIME_RANGE_START => DATEADD\(HOUR, -24, CURRENT_TIMESTAMP\(\)\)")
_DERIVED = re.compile(r"DROP TABLE IF EXISTS CONTEXT_\w+;", re.I)
_DML = re.compile(
    r"(WITH|SELECT|INSERT|MERGE|UPDATE|DELETE|CREATE\s+(OR\s+REPLACE\s+)?(SECURE\s+|TRANSIENT\s+)?(TABLE|VIEW))\b", re.I
)
_FRAME = re.compile(
    r"^(BEGIN\s+BEGIN TRANSACTION|BEGIN|EXCEPTION\s+WHEN OTHER THEN|WHEN OTHER THEN|IF \(.*?\) THEN)\s", re.I | re.S
)
QUERY_HISTORY_COLUMNS = dict.fromkeys(
    (
        "QUERY_ID", "START_TIME", "EXECUTION_STATUS", "TOTAL_ELAPSED_TIME", "BYTES_SCANNED", "ROWS_PRODUCED", "WAREHOUSE_NAME",
        "CREDITS_USED_CLOUD_SERVICES", "ERROR_MESSAGE",
    ),
    "VARCHAR",
)  # fmt: skip
TASK_HISTORY_COLUMNS = dict.fromkeys(
    ("NAME", "DATABASE_NAME", "SCHEMA_NAME", "STATE", "ERROR_MESSAGE", "QUERY_START_TIME", "COMPLETED_TIME"), "VARCHAR"
)


def opened(text: str) -> str:
    """The script with its $$ bodies as statements of their own: a body is opaque to a parser, and sqlfluff skips it."""
    parts = text.split("$$")
    assert len(parts) % 2 == 1
    for body in range(1, len(parts), 2):
        if head := _FUNCTION_HEAD.search(parts[body - 1]):  # its body is an expression
            parts[body - 1] += f"'';\nSELECT {_with_arguments(head[1], parts[body])}"
            parts[body] = ""
            continue
        parts[body - 1] = parts[body - 1].replace("EXECUTE IMMEDIATE ", "SELECT 1;\n")
        parts[body + 1] = parts[body + 1].lstrip().removeprefix(";")
    return "".join(parts)


def _with_arguments(arguments: str, body: str) -> str:
    """The body of a function as a query of its arguments."""
    columns = ", ".join("NULL::{1} AS {0}".format(*argument.split()) for argument in arguments.split(","))
    return f"{body.strip()} AS result FROM (SELECT {columns})"


def opened_bodies(text: str) -> str:
    """Only the statements that have a body, opened: the others were parsed with the whole script."""
    return "\n".join(opened(f"{statement.text};") for statement in split(text) if "$$" in statement.text)


def parse(text: str) -> list[str]:
    """Where sqlfluff cannot parse the text. Without the limit of 0 a file over 20,000 bytes is skipped silently."""
    parsed = _linter().parse_string(text)
    found = [str(violation) for violation in parsed.violations]
    assert found or parsed.tree is not None
    return found


@cache
def _linter() -> Linter:
    return Linter(config=FluffConfig(overrides={"dialect": "snowflake", "large_file_skip_byte_limit": 0}))


def functions(text: str) -> list[str]:
    return list(wrong_calls(opened(text)))


def without_comments(text: str) -> str:
    text = re.sub(r"--[^\n]*", "", text)
    return re.sub(r"'[^']*'", "''", text).upper()


def traps(text: str) -> list[str]:
    words = _RANGE_START.sub("", " ".join(without_comments(text).split()))
    return [f"{why}: {word}" for why, word in _TRAPS.items() if word in words] + list(_shapes(text))


def _shapes(text: str) -> Iterator[str]:
    """What parses and fails, or means something else: seen in the tree only."""
    booleans = {column for columns in tables([text]).values() for column, kind in columns.items() if kind == "BOOLEAN"}
    for tree in trees(text):
        if isinstance(tree, exp.Command):
            yield f"not understood: {tree.sql()[:80]}"
        yield from _aggregates(tree, booleans)
        for attempt in tree.find_all(exp.TryCast):
            if isinstance(attempt.this, exp.JSONExtract | exp.Bracket):
                yield f"TRY_CAST takes text only: {attempt.sql('snowflake')}"
        for values in tree.find_all(exp.Values):
            if values.find(exp.ParseJSON):
                yield "PARSE_JSON is not allowed in VALUES"


def _aggregates(tree: exp.Expr, booleans: set[str]) -> Iterator[str]:
    for aggregate in tree.find_all(exp.AggFunc):
        text, argument = aggregate.sql("snowflake"), aggregate.this
        ordered = isinstance(aggregate.parent, exp.WithinGroup)
        outer = aggregate.find_ancestor(exp.AggFunc, exp.Select, exp.Window)
        if isinstance(outer, exp.AggFunc) and not ordered:
            yield f"an aggregate inside another: {text}"
        if isinstance(aggregate, exp.ArrayAgg | exp.PercentileCont) and not ordered:
            yield f"without WITHIN GROUP (ORDER BY …): {text}"
        if isinstance(aggregate, exp.Max | exp.Min) and (
            isinstance(argument, exp.Predicate | exp.Boolean) or argument.name.upper() in booleans
        ):
            yield f"MIN and MAX take no BOOLEAN: {text}"
        if isinstance(aggregate, exp.ObjectAgg) and not isinstance(
            aggregate.expression, exp.Cast | exp.Bracket | exp.JSONExtract | exp.Column
        ):
            yield f"OBJECT_AGG wants a VARIANT: {text}"


def expansions(text: str) -> list[str]:
    return [f"snow sql would expand {mark}" for mark in ("&", "<%", "{{") if mark in text]


def objects(text: str) -> list[str]:
    made = []
    for statement, found in created(text):
        kind, what = " ".join(found["kind"].upper().split()), " ".join(statement.text[:80].split())
        if kind not in STATEFUL + REPLACED:
            made.append(f"a kind nobody decided about: {what}")
        if kind in STATEFUL and (found["replace"] or not found["exists"]):
            made.append(f"it holds data, so IF NOT EXISTS and never OR REPLACE: {what}")
        if kind in REPLACED and not found["replace"]:
            made.append(f"it holds no data, so OR REPLACE: {what}")
        if kind == "VIEW" and "COPY GRANTS" not in statement.text:
            made.append(f"deploying again would take the grants away: {what}")
        if not re.search(r"COMMENT\s*=\s*'[^']{10,}", statement.text):
            made.append(f"no comment: {what}")
        made += _columns_without_comment(statement) if kind == "TABLE" else []
    if re.search(r"^\s*(DROP|TRUNCATE|UNDROP)\b", _DERIVED.sub("", text), re.I | re.M):
        made.append("it removes what holds data")
    bodies = _MAY_REPLACE.sub("", " ".join(without_comments(opened_bodies(text)).split()))
    if re.search(r"OR REPLACE (TRANSIENT )?(TABLE|STREAM|DATABASE|SCHEMA)\b", bodies):
        made.append("a body replaces what holds data")
    return made


def created(text: str) -> list[tuple[Statement, re.Match[str]]]:
    found = [(statement, _CREATES.match(statement.text)) for statement in split(text)]
    return [(statement, match) for statement, match in found if match]


def _columns_without_comment(statement: Statement) -> Iterator[str]:
    (tree,) = sqlglot.parse(statement.text, read="snowflake")
    assert isinstance(tree, exp.Create)
    if "grain:" not in statement.text:
        yield f"no grain: {statement.text[:60]}"
    for column in tree.this.find_all(exp.ColumnDef):
        if not column.find(exp.CommentColumnConstraint):
            yield f"no comment on {column.name}: {statement.text[:60]}"


@cache
def trees(text: str) -> tuple[exp.Expr, ...]:
    """The statements of a script that sqlglot knows, those between dollars included."""
    made: list[exp.Expr] = []
    for statement in split(opened(text)):
        inner = statement.text
        while found := _FRAME.match(inner):
            inner = inner[found.end() :].lstrip()
        if _DML.match(inner):
            made.append(sqlglot.parse_one(_INTO.sub("", inner), read="snowflake", error_level=ErrorLevel.RAISE))
    return tuple(made)


def tables(texts: list[str]) -> dict[str, dict[str, str]]:
    """The columns of every table in the DDL, as sqlglot's schema; a stream has those of its table."""
    made: dict[str, dict[str, str]] = {"TASK_HISTORY": TASK_HISTORY_COLUMNS, "QUERY_HISTORY": QUERY_HISTORY_COLUMNS}
    for text in texts:
        for tree in trees(text):
            if isinstance(tree, exp.Create) and tree.kind == "TABLE":
                columns = {column.name.upper(): column.kind.sql("snowflake") for column in tree.this.find_all(exp.ColumnDef)}
                if tree.this.this.name == "CLAUDE_STREAM_V2":
                    columns["METADATA$ROW_LAST_COMMIT_TIME"] = "TIMESTAMP_LTZ"
                made[tree.this.this.name.upper()] = columns
    return made


def resolve(texts: list[str]) -> dict[str, list[str]]:
    """The columns of every view, resolved against the tables and the views before it: a wrong or ambiguous column raises."""
    known: dict[str, Any] = dict(tables(texts))
    made = {}
    for text in texts:
        for tree in trees(text):
            if isinstance(tree, exp.Create) and tree.kind == "VIEW":
                query = qualify(
                    _plain(tree.expression.copy()), schema=known, dialect="snowflake", validate_qualify_columns=True
                )
                assert isinstance(query, exp.Query)
                columns = [column.alias_or_name.upper() for column in query.selects]
                name = (tree.this.this if isinstance(tree.this, exp.Schema) else tree.this).name.upper()
                made[name] = columns
                known[name] = dict.fromkeys(columns, "VARIANT")
    return made


def _plain(query: exp.Expr) -> exp.Expr:
    """A table function as the table of its columns, and another database's view as a table of its name."""
    for table in list(query.find_all(exp.Table)):
        if table.catalog.upper() == "SNOWFLAKE":
            table.replace(exp.to_table(table.name))
    for function in list(query.find_all(exp.TableFromRows)):
        if "TASK_HISTORY" in function.sql("snowflake").upper():
            function.replace(exp.to_table("TASK_HISTORY"))
    return query
